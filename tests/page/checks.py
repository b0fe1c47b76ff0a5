"""What the live page promises, each as a function of a board and a browser. Out: nothing, or
NotGood with what was seen instead."""

from __future__ import annotations

import time

from board import NotGood, ask, frame_line
from selenium.webdriver.common.keys import Keys

CSP = "default-src 'none'"
NEAR_PX = 5.0
MOST_ERRORS = 12

# How far from each place the nearest pixel of the colour is, in image pixels; and how far all
# pixels of that colour reach, in image pixels.
LOOK = """
const [colour, places] = arguments;
const view = document.getElementById("view");
const { width, height } = view;
const { data } = view.getContext("2d").getImageData(0, 0, width, height);
const wanted = [1, 3, 5].map((i) => parseInt(colour.slice(i, i + 2), 16));
const unit = posed.toCanvas(1, 1), box = [1e9, 1e9, -1e9, -1e9], hits = [];
for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) {
  const at = 4 * (y * width + x);
  if (wanted.some((c, i) => Math.abs(c - data[at + i]) > 12)) continue;
  const [u, v] = [(x + 0.5) / unit.x, (y + 0.5) / unit.y];
  hits.push([u, v]);
  box[0] = Math.min(box[0], u); box[1] = Math.min(box[1], v);
  box[2] = Math.max(box[2], u); box[3] = Math.max(box[3], v);
}
const off = places.map(([u, v]) => Math.min(...hits.filter((h) => Math.abs(h[0] - u) < 40 && Math.abs(h[1] - v) < 40)
  .map((h) => Math.hypot(h[0] - u, h[1] - v)), 1e9));
return { off, box, width, height, css: view.clientWidth, ratio: devicePixelRatio };
"""


# The picture has the line of its own frame, or there is no picture.
IN_SYNC = "return posed.pictureFrame === posed.frame || document.getElementById('show-picture').disabled"


def demand(truth, complaint: str):
    if not truth:
        raise NotGood(complaint)


def silent(browser):
    demand(not (said := browser.errors()), f"the console says {said}")
    demand(not (stopped := browser.violations()), f"the Content-Security-Policy stopped {stopped}")


def loads_without_errors(board, browser, **_):
    for path in ("/", "/page.css", "/main.js", "/icon.svg", "/state"):
        answer = ask(board.url + path)
        demand(answer.status == 200, f"{path} answers {answer.status}")
        demand(CSP in answer.headers.get("Content-Security-Policy", ""), f"{path} has no Content-Security-Policy")
        demand(answer.headers.get("X-Content-Type-Options") == "nosniff", f"{path} lacks nosniff")
    browser.open(board.url)
    browser.wait(IN_SYNC, "a picture with the line of its own frame")
    time.sleep(2)
    silent(browser)
    state = ask(f"{board.url}/state").json()
    demand(browser.text("#name") == state["name"], "the name is not shown")
    demand(state["version"] in browser.text("#figures"), "the version is not shown")
    for stage in state["stages"]:
        demand(stage["name"] in browser.text("#stages"), f"the stage {stage['name']} is not shown")
    demand(len(browser.driver.find_elements("css selector", "#people li")) >= 1, "nobody is listed")
    browser.picture("page")
    for name, key in (("help", "?"), ("address", "a")):
        browser.find("body").send_keys(key)
        browser.wait("return document.querySelector('dialog[open]')", f"the dialog of {name}")
        time.sleep(0.3)
        browser.picture(name)
        browser.find("dialog[open] button").click()
    demand(browser.js("return document.getElementById('qr').naturalWidth > 0"), "the QR code is no picture")
    silent(browser)


def the_skeleton_lies_on_the_man(board, browser, **_):
    line = frame_line(board.url, lambda line: any(p["box"] and p["keypoints"]["nose"][0] < 320 for p in line["people"]))
    man = next(p for p in line["people"] if p["keypoints"]["nose"][0] < 320)
    for ratio in (1, 2.5):
        browser.resize(1280, 900, ratio)
        browser.open(board.url)
        visible = ask(f"{board.url}/state").json()["visible"]
        places = [k[:2] for k in man["keypoints"].values() if k[2] >= visible + 0.05]
        demand(len(places) >= 12, f"only {len(places)} joints of the man are seen")
        if browser.js("return document.getElementById('show-names').checked"):
            browser.find("#show-names").click()
        browser.wait("return posed.line.people.some((p) => p.id === arguments[0])", "the man to be there", 30, man["id"])
        time.sleep(0.5)
        colour = browser.js("return posed.colourOf(arguments[0])", man["id"])
        seen = browser.js(LOOK, colour, places)
        demand(
            abs(seen["width"] - seen["css"] * ratio) <= 2, f"the canvas is not crisp: {seen['width']} for {seen['css']} x {ratio}"
        )
        demand(max(seen["off"]) <= NEAR_PX, f"the skeleton is {max(seen['off']):.1f} px off a joint (ratio {ratio})")
        xs, ys = zip(*places, strict=True)
        joints = [min(xs), min(ys), max(xs), max(ys)]
        beyond = max(abs(a - b) for a, b in zip(joints, seen["box"], strict=True))
        demand(beyond <= 2 * NEAR_PX, f"the skeleton reaches to {seen['box']}, the joints to {joints}")
    browser.find("#show-skeletons").click()
    browser.wait("return !document.getElementById('show-skeletons').checked", "the toggle")
    time.sleep(0.5)
    gone = browser.js(LOOK, colour, places)
    demand(min(gone["off"]) > NEAR_PX, "skeletons that were turned off are still drawn")


ZONE = "#00c8a0"


def along(a: list, b: list, share: float) -> list:
    return [a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share]


def the_zones_lie_where_the_configuration_says(board, browser, **_):
    state = ask(f"{board.url}/state").json()
    for ratio in (1, 2.5):
        browser.resize(1280, 900, ratio)
        browser.open(board.url)
        for shown in ("#show-names", "#show-skeletons"):
            if browser.find(shown).is_selected():
                browser.find(shown).click()
        time.sleep(0.5)
        width, height = browser.js("return posed.line.size")
        for zone in state["zones"]:
            corners = [[x * width, y * height] for x, y in zone["points"]]
            ends = corners[1:] + corners[:1]
            # All along each side, also the one from the last corner to the first.
            sides = [along(a, b, step / 8) for a, b in zip(corners, ends, strict=True) for step in range(9)]
            off = max(browser.js(LOOK, ZONE, sides)["off"])
            demand(off <= NEAR_PX, f"the outline of {zone['name']} is {off:.1f} px off (ratio {ratio})")
    browser.find("#show-names").click()
    browser.find("#show-skeletons").click()
    time.sleep(0.5)
    browser.picture("zones")
    silent(browser)


def a_panel_follows_the_clip(board, browser, **_):
    browser.open(board.url)
    heads, values, verdicts = set(), set(), set()
    end = time.monotonic() + 60
    while time.monotonic() < end and not (len(values) > 5 and "holds" in verdicts and len(verdicts) > 1):
        verdicts.add(browser.js("return document.getElementById('why-verdict').dataset.verdict"))
        heads.add(browser.text("#why-verdict strong"))
        values.add(browser.text(".numbers b"))
        time.sleep(0.1)
    demand(len(values) > 5, f"the value of the first term was only ever {values}")
    demand("holds" in verdicts and len(verdicts) > 1, f"the verdict was only ever {verdicts}: {heads}")
    drawn = browser.js("""const g = document.querySelector(".graph");
        return g.getContext("2d").getImageData(0, 0, g.width, g.height).data.some((v) => v)""")
    demand(drawn, "the graph is empty")
    demand(browser.text("#log li"), "no event is listed")
    browser.js("document.documentElement.style.scrollBehavior = 'auto'; document.getElementById('why').scrollIntoView()")
    browser.picture("why")
    silent(browser)


def log_in(browser, word: str):
    browser.find("#password").send_keys(word + Keys.ENTER)


def a_password_keeps_others_out(board, browser, password, **_):
    secrets = ("/state", "/lines", "/events", "/why", "/stream.mjpg", "/snapshot.jpg", "/config")
    for path in secrets:
        demand(ask(board.url + path).status == 401, f"{path} is served without a password")
    demand(ask(board.url + "/").status == 303, "the page is served without a password")
    browser.driver.get(board.url)
    demand(browser.driver.current_url.endswith("/login"), "the page does not ask for the password")
    browser.picture("login")
    log_in(browser, password + "?")
    browser.wait("return document.getElementById('message')?.innerText.includes('not the password')", "a refusal in words")
    browser.picture("login-refused")
    # A wrong password makes the next one wait.
    time.sleep(1.5)
    log_in(browser, password)
    browser.wait("return window.posed && posed.frame != null", "the page after the right password")
    cookie = "; ".join(f"{c['name']}={c['value']}" for c in browser.driver.get_cookies())
    demand(ask(f"{board.url}/state", headers={"Cookie": cookie}).status == 200, "the session does not hold")
    silent_but_for_refusals = [e for e in browser.errors() if "401" not in e]
    demand(not silent_but_for_refusals, f"the console says {silent_but_for_refusals}")
    browser.find("#logout button").click()
    browser.wait("return location.pathname === '/login'", "the login page after logging out")
    for path in secrets:
        demand(ask(board.url + path, headers={"Cookie": cookie}).status == 401, f"{path} is served after logging out")
    browser.driver.get(board.url)
    demand(browser.driver.current_url.endswith("/login"), "the page is served after logging out")


def type_at_end(browser, text: str):
    area = browser.find("#text")
    area.send_keys(Keys.CONTROL + Keys.END)
    area.send_keys(text)


def open_editor(board, browser):
    browser.open(board.url)
    browser.wait("return document.getElementById('editor-status').innerText === 'No faults'", "the configuration to be checked")
    demand(browser.find("#save").get_property("disabled"), "an unchanged text can be saved")


def a_broken_configuration_is_refused(board, browser, **_):
    open_editor(board, browser)
    before = ask(f"{board.url}/config").body
    broken = '\n[pose.typed]\nwhen = "left_wirst above nose"\n'
    type_at_end(browser, broken)
    line = browser.js("return document.getElementById('text').value.split('\\n').findIndex((l) => l.includes('wirst')) + 1")
    browser.wait("return document.querySelector('#faults li')", "the fault of a misspelled joint")
    said = browser.text("#faults li")
    demand(f"Line {line}" in said, f"the fault is not said to be on line {line}: {said}")
    demand(browser.text("#gutter .bad").strip() == str(line), "the faulty line has no mark")
    demand(browser.find("#save").get_property("disabled"), "a broken text can be saved")
    browser.find("#text").send_keys(Keys.CONTROL + "s")
    time.sleep(1)
    demand(ask(f"{board.url}/config").body == before, "a broken text was saved")
    browser.find("#faults button").click()
    chosen = browser.js("const t = document.getElementById('text'); return t.value.slice(t.selectionStart, t.selectionEnd)")
    demand("wirst" in chosen, f"a click on the fault goes to “{chosen}”")
    browser.picture("editor-faults")
    mended = 'when = "nose above left_shoulder"'
    browser.find("#text").send_keys(mended)
    browser.wait("return !document.getElementById('save').disabled", "a mended text to be savable")
    browser.find("#text").send_keys(Keys.CONTROL + "s")
    browser.wait("return document.getElementById('editor-status').innerText.startsWith('Saved')", "the text to be saved")
    demand(mended in ask(f"{board.url}/config").body.decode(), "the mended text was not saved")
    demand(browser.find("#save").get_property("disabled"), "a saved text can be saved again")
    browser.picture("editor-saved")
    if board.file:
        demand(mended in board.file.read_text(), "the file has not what was saved")
        browser.wait(
            "return [...document.getElementById('why-pose').options].some((o) => o.value === 'typed')", "the new pose to be known"
        )
        browser.wait("return posed.line.people.some((p) => p.poses.includes('typed'))", "the new pose to be held", 60)
    refused = [e for e in browser.errors() if "422" not in e]
    demand(not refused, f"the console says {refused}")


def nobody_is_overwritten(board, browser, **_):
    open_editor(board, browser)
    mark = f"{time.time():.0f}"
    type_at_end(browser, f"# mine {mark}\n")
    theirs = ask(f"{board.url}/config")
    text = theirs.body + f"# theirs {mark}\n".encode()
    headers = {"If-Match": theirs.headers["ETag"], "Origin": board.url, "Content-Type": "text/plain"}
    answer = ask(f"{board.url}/config", text, headers, "POST")
    demand(answer.status == 200, f"saving without a browser answers {answer.status} {answer.body!r}")
    browser.wait("return !document.getElementById('save').disabled", "the text to be savable")
    browser.find("#save").click()
    browser.wait("return document.getElementById('conflict-dialog').open", "the question what to do")
    browser.picture("editor-conflict")
    demand(ask(f"{board.url}/config").body == text, "somebody else's text was overwritten")
    browser.find("#conflict-dialog button[value=theirs]").click()
    browser.wait("return document.getElementById('text').value.includes(arguments[0])", "their text", 30, f"# theirs {mark}")
    kept = browser.js("return document.getElementById('mine-text').value")
    demand(f"# mine {mark}" in kept and f"# theirs {mark}" not in kept, "my text is not kept to copy")


TAUGHT = "page-test"
ROW = f"[data-pose='{TAUGHT}']"


def a_pose_is_taught(board, browser, **_):
    open_editor(board, browser)
    browser.wait("return posed.line.people.length > 0", "somebody who shows a pose")
    before = ask(f"{board.url}/taught").json()["poses"]
    browser.find("#teach-name").send_keys(TAUGHT + Keys.ENTER)
    browser.wait("return document.getElementById('teach-count').innerText === '2'", "the countdown")
    browser.picture("teach-countdown")
    on = browser.js("return document.activeElement.id")
    demand(on == "teach-cancel", f"during the countdown the focus is on {on}")
    browser.driver.switch_to.active_element.send_keys(Keys.ENTER)
    said = browser.text("#teach-note")
    demand("Cancelled" in said, f"after a cancelled countdown the page says {said}")
    time.sleep(6.5)
    demand(ask(f"{board.url}/taught").json()["poses"] == before, "a cancelled lesson taught something")
    browser.driver.switch_to.active_element.send_keys(Keys.ENTER)
    browser.wait("return parseInt(document.getElementById('teach-taken').innerText) >= 1", "skeletons to be taken")
    browser.picture("teach-taking")
    browser.wait("return document.querySelector(arguments[0])", "the table to show the pose", 30, ROW)
    said = browser.text("#teach-note")
    examples = int(browser.text(f"{ROW} td"))
    demand(1 <= examples <= 13, f"{examples} skeletons were taken in three seconds: {said}")
    taught = [(p["name"], p["examples"]) for p in ask(f"{board.url}/taught").json()["poses"]]
    demand((TAUGHT, examples) in taught, f"the table shows {examples} examples, the board has {taught}")
    if board.file:
        demand((board.folder / "poses" / f"{TAUGHT}.toml").is_file(), "no file of the taught pose was written")
    a_taught_pose_is_offered(board, browser)
    browser.find(f"{ROW} button").click()
    browser.find("#forget-dialog button[value=forget]").click()
    browser.wait("return !document.querySelector(arguments[0])", "the table to forget the pose", 30, ROW)
    if board.file:
        demand(not (board.folder / "poses" / f"{TAUGHT}.toml").exists(), "the file of a forgotten pose is still there")
    silent(browser)


def a_taught_pose_is_offered(board, browser):
    saved = ask(f"{board.url}/config").body.decode()
    browser.find("#teach-use").click()
    # A slow machine takes fewer than three, which is a fault.
    browser.wait("return !document.getElementById('editor-status').innerText.startsWith('Check')", "the offer to be checked")
    browser.picture("teach-table")
    text = browser.js("return document.getElementById('text').value")
    demand(
        text.startswith(saved) and text.endswith(f'\n[pose.{TAUGHT}]\nlike = "{TAUGHT}"\nmirror = true\n'), f"it became {text}"
    )
    demand(not browser.text("#teach-offer"), "what the configuration has is still offered")
    demand(ask(f"{board.url}/config").body.decode() == saved, "what was offered was saved unasked")


def a_clip_is_saved(board, browser, **_):
    browser.open(board.url)
    browser.wait(IN_SYNC, "a picture")
    time.sleep(2)
    browser.find("#clip").click()
    browser.wait("return document.getElementById('clip-note').innerText.startsWith('Saved ')", "the clip to be saved")
    said = browser.text("#clip-note")
    demand(".avi" in said, f"the file is not named: {said}")
    if board.file:
        saved = list((board.folder / "clips").glob("*.avi"))
        demand(len(saved) == 1 and saved[0].name in said, f"{saved} was saved, and the page says {said}")
    silent(browser)


# All that can be used, each scrolled to and looked for at its own middle.
REACH = """
const wrong = [], wide = document.documentElement.clientWidth;
for (const e of document.querySelectorAll("button, input, select, a, textarea, [tabindex='0']")) {
  if (!e.checkVisibility() || e.disabled || e.classList.contains("skip") || e.closest("dialog:not([open])")) continue;
  e.scrollIntoView({ block: "center", behavior: "instant" });
  const shown = e.id === "text" ? document.getElementById("pane") : e;
  const r = shown.getBoundingClientRect();
  const top = document.elementFromPoint((r.left + r.right) / 2, (r.top + r.bottom) / 2);
  const name = e.id || e.textContent.trim() || e.tagName;
  if (r.left < 0 || r.right > wide) wrong.push(`${name} reaches from ${r.left} to ${r.right}`);
  else if (!top || !(shown.contains(top) || top.contains(e))) wrong.push(`${name} is covered`);
}
return { wrong, wide, scrolls: document.documentElement.scrollWidth };
"""


def a_telephone_is_wide_enough(board, browser, **_):
    for width in (360, 320):
        browser.resize(width, 740, 2)
        browser.open(board.url)
        time.sleep(1)
        seen = browser.js(REACH)
        demand(seen["scrolls"] <= width, f"the page is {seen['scrolls']} px wide on a telephone of {width}")
        demand(not seen["wrong"], f"on a telephone of {width} px: {seen['wrong']}")
    for opener in ("open-address", "open-help"):
        browser.find(f"#{opener}").click()
        box = browser.js(
            "const r = document.querySelector('dialog[open]').getBoundingClientRect(); return [r.left, r.right, r.bottom]"
        )
        demand(box[0] >= 0 and box[1] <= 320 and box[2] <= 740, f"the dialog of {opener} is at {box}")
        browser.find("dialog[open] button").click()
    browser.resize(360, 740, 2)
    browser.js("document.documentElement.style.scrollBehavior = 'auto'; scrollTo(0, 0)")
    browser.picture("telephone")
    silent(browser)


FOCUS = """
const e = document.activeElement, s = getComputedStyle(e), r = e.getBoundingClientRect();
const ring = e.id === "text" ? getComputedStyle(document.getElementById("pane")) : s;
return { name: e.id || e.getAttribute("href") || e.closest("[id]")?.id || e.tagName, body: e === document.body,
  ring: ring.outlineStyle !== "none" && parseFloat(ring.outlineWidth) >= 2, inside: r.bottom > 0 && r.top < innerHeight };
"""


def tab_through(browser) -> list[str]:
    names = []
    for _ in range(80):
        browser.driver.switch_to.active_element.send_keys(Keys.TAB)
        at = browser.js(FOCUS)
        if at["body"]:
            break
        demand(at["ring"], f"the focus is not to be seen on {at['name']}")
        demand(at["inside"], f"the focus is out of sight on {at['name']}")
        names.append(at["name"])
    return names


def the_keyboard_alone_will_do(board, browser, **_):
    browser.open(board.url)
    time.sleep(1)
    state = ask(f"{board.url}/state").json()
    names = tab_through(browser)
    demand(names and names[0] == "#main", f"the first Tab is not on the link past the head: {names[:3]}")
    wanted = ["open-address", "open-help", "show-skeletons", "show-names", "why-pose", "why-person"]
    wanted += ["show-picture"] if state["picture"] != "none" else []
    wanted += ["teach-name", "teach-start", "text"] if state["edit"] else []
    wanted += ["clip"] if state["clips"] else []
    for name in wanted:
        demand(name in names, f"Tab does not come to {name}: {names}")
    body = browser.find("body")
    body.send_keys("s")
    demand(not browser.find("#show-skeletons").is_selected(), "s does not turn the skeletons off")
    body.send_keys("s")
    body.send_keys("?")
    browser.wait("return document.getElementById('help-dialog').open", "the help on ?")
    browser.driver.switch_to.active_element.send_keys(Keys.ESCAPE)
    browser.wait("return !document.getElementById('help-dialog').open", "the help to close on Esc")
    body.send_keys("w")
    first = browser.js("return document.activeElement.id + ' ' + document.activeElement.value")
    demand(first.startswith("why-pose "), f"w goes to {first}")
    browser.driver.switch_to.active_element.send_keys(Keys.ARROW_DOWN)
    if len(state["poses"]) > 1:
        demand(browser.find("#why-pose").get_property("value") == state["poses"][1]["name"], "the arrow chooses no pose")
    silent(browser)


PICTURES_OPEN = "return __asked.filter((a) => a.url.includes('stream.mjpg') && !a.signal.aborted).length"


def a_hidden_page_reads_no_picture(board, browser, **_):
    browser.open(board.url)
    browser.wait("return posed.pictureFrame != null", "a picture")
    demand(browser.js(PICTURES_OPEN) == 1, "the picture is not read once")
    page = browser.driver.current_window_handle
    browser.driver.switch_to.new_window("tab")
    time.sleep(1)
    other = browser.driver.current_window_handle
    browser.driver.switch_to.window(page)
    hidden = browser.js("return [document.hidden, __asked.some((a) => a.url.includes('stream.mjpg') && a.signal.aborted)]")
    demand(hidden[1], "a page in the background goes on reading the picture")
    browser.driver.switch_to.window(other)
    browser.driver.close()
    browser.driver.switch_to.window(page)
    before = browser.js("return posed.pictureFrame")
    browser.wait("return posed.pictureFrame > arguments[0]", "the picture to go on", 20, before)
    browser.find("#show-picture").click()
    browser.wait(f"return !({PICTURES_OPEN.removeprefix('return ')})", "a picture that is turned off not to be read")


def without_pictures_skeletons_on_black(board, browser, **_):
    browser.open(board.url)
    browser.wait("return posed.line.people.length > 0", "somebody")
    time.sleep(1)
    demand("/stream.mjpg" not in browser.asked(), "the page asks for pictures that there are none of")
    demand(ask(f"{board.url}/stream.mjpg").status == 404, "the server sends pictures")
    seen = browser.js("""const v = document.getElementById("view"), c = v.getContext("2d"), p = posed.line.people[0];
        const d = c.getImageData(0, 0, v.width, v.height).data;
        let black = 0; for (let i = 0; i < d.length; i += 4) black += d[i] + d[i + 1] + d[i + 2] === 0;
        return { black: black / (d.length / 4), colour: posed.colourOf(p.id), keypoints: p.keypoints }""")
    demand(0.6 < seen["black"] < 1, f"{seen['black']:.0%} of the picture is black")
    places = [k[:2] for k in seen["keypoints"].values() if k[2] > 0.5]
    demand(max(browser.js(LOOK, seen["colour"], places)["off"]) < 3 * NEAR_PX, "the skeleton is not drawn")
    demand(browser.text("#note"), "it is not said that there are no pictures")
    browser.picture("without-pictures")
    silent(browser)


def a_lost_connection_comes_back(board, browser, **_):
    browser.open(board.url)
    browser.wait(IN_SYNC, "a picture")
    browser.errors()
    if board.file:
        board.stop()
    else:
        browser.command("Network.enable")
        browser.command("Network.emulateNetworkConditions", offline=True, latency=0, downloadThroughput=-1, uploadThroughput=-1)
    browser.wait("return document.getElementById('banner-text').innerText.includes('lost')", "the loss to be said")
    demand("No connection" in browser.text("#veil"), "the loss is not said over the picture")
    browser.picture("connection-lost")
    time.sleep(6)
    demand(len(said := browser.errors()) <= MOST_ERRORS, f"{len(said)} errors in some seconds without a connection")
    before = browser.js("return posed.line")
    if board.file:
        board.start()
    else:
        browser.command("Network.emulateNetworkConditions", offline=False, latency=0, downloadThroughput=-1, uploadThroughput=-1)
    browser.wait("return document.getElementById('banner').hidden", "the connection to come back", 60)
    browser.wait("return posed.line.t !== arguments[0]", "lines to go on", 60, before["t"])
    browser.wait(IN_SYNC, "pictures to go on")
    demand(not browser.text("#veil"), "the picture stays dimmed")
