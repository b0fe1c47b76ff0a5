// The login page. In: the address (`?wrong`, `?wait=SECONDS`). Out: why the last try was refused,
// and a button that waits as long as the board does.

const query = new URLSearchParams(location.search);
const message = document.getElementById("message");
const enter = document.getElementById("enter");
const password = document.getElementById("password");

if (query.has("wrong")) refuse("That is not the password.");
if (query.has("wait")) countDown(Math.min(3600, Math.max(1, Number(query.get("wait")) || 1)));

function refuse(text) {
  message.textContent = text;
  password.setAttribute("aria-invalid", "true");
}

function countDown(left) {
  enter.disabled = left > 0;
  if (left <= 0) return refuse("Now it may be tried again.");
  if (!message.textContent) refuse("That was not the password; the next try has to wait.");
  enter.textContent = `Log in (in ${left} s)`;
  setTimeout(() => {
    enter.textContent = "Log in";
    countDown(left - 1);
  }, 1000);
}
