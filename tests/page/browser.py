"""A browser on the page. In: an address, a size. Out: what a user sees and what the page asked for."""

from __future__ import annotations

import base64
import shutil
import time
from pathlib import Path

from board import NotGood
from selenium import webdriver
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By

# Runs before the page: notes what it asks for and what its Content-Security-Policy stopped.
NOTES = """
window.__asked = [];
window.__violations = [];
addEventListener("securitypolicyviolation", (e) => __violations.push(`${e.violatedDirective} ${e.blockedURI}`));
const realFetch = window.fetch;
window.fetch = (url, options = {}) => {
  __asked.push({ url: String(url), signal: options.signal });
  return realFetch(url, options);
};
window.EventSource = class extends EventSource {
  constructor(url) { super(url); __asked.push({ url: String(url) }); }
};
"""


class Browser:
    def __init__(self, pictures: Path | None, width=1280, height=900, ratio=1, dark=False):
        options = webdriver.ChromeOptions()
        for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars"):
            options.add_argument(argument)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        binary = shutil.which("chromium") or shutil.which("chromium-browser")
        if binary:
            options.binary_location = binary
        driver = shutil.which("chromedriver")
        self.driver = webdriver.Chrome(options=options, service=Service(driver) if driver else None)
        self.pictures = pictures
        self.command("Page.addScriptToEvaluateOnNewDocument", source=NOTES)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        # Smooth scrolling would move what a test is about to click on.
        still = {"name": "prefers-reduced-motion", "value": "reduce"}
        self.command("Emulation.setEmulatedMedia", features=[scheme, still])
        self.resize(width, height, ratio)

    def __enter__(self) -> Browser:
        return self

    def __exit__(self, *_):
        self.driver.quit()

    def command(self, name: str, **arguments):
        return self.driver.execute_cdp_cmd(name, arguments)

    def resize(self, width: int, height: int, ratio: float = 1):
        metrics = {"width": width, "height": height, "deviceScaleFactor": ratio, "mobile": width < 500}
        self.command("Emulation.setDeviceMetricsOverride", **metrics)

    def open(self, url: str, until: str = "return window.posed && posed.frame != null"):
        self.driver.get(url)
        self.wait(until, "the page to show its first frame")

    def js(self, script: str, *arguments):
        return self.driver.execute_script(script, *arguments)

    def wait(self, script: str, what: str, patience_s: float = 30.0, *arguments):
        """Until the script returns something true, which is given back."""
        end = time.monotonic() + patience_s
        while time.monotonic() < end:
            try:
                value = self.js(script, *arguments)
            except WebDriverException as error:
                value = None
                if "javascript error" not in str(error):
                    raise
            if value:
                return value
            time.sleep(0.1)
        raise NotGood(f"waited {patience_s:.0f} s in vain for {what}")

    def find(self, css: str):
        return self.driver.find_element(By.CSS_SELECTOR, css)

    def text(self, css: str) -> str:
        return self.js(
            "const e = document.querySelector(arguments[0]); return e && !e.closest('[hidden]') ? e.innerText : ''", css
        )

    def errors(self) -> list[str]:
        """What the console said since it was last asked, warnings and errors."""
        said = [e["message"] for e in self.driver.get_log("browser") if e["level"] in ("SEVERE", "WARNING")]
        # A hint that the tests themselves cause, by reading the canvas.
        return [s for s in said if "willReadFrequently" not in s]

    def violations(self) -> list[str]:
        return self.js("return window.__violations")

    def asked(self) -> list[str]:
        return self.js("return window.__asked.map((a) => new URL(a.url, location).pathname)")

    def picture(self, name: str):
        if not self.pictures:
            return
        self.pictures.mkdir(parents=True, exist_ok=True)
        shot = self.command("Page.captureScreenshot")
        (self.pictures / f"{name}.png").write_bytes(base64.b64decode(shot["data"]))
