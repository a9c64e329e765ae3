"""Chromium without a window, by ChromeDriver."""

import base64, json, shutil, urllib.request
from pathlib import Path

from common import await_port, free_port, start, stop

FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars")


class Browser:
    """One tab. `folder` is where its profile and the driver's log are."""

    def __init__(self, folder, width=1280, height=1000):
        self.port, log, self.session = free_port(), folder / "chromedriver.log", None
        self.size = (width, height)
        self.driver = start(["chromedriver", f"--port={self.port}"], log)
        await_port(self.port, self.driver, log)
        flags = [*FLAGS, f"--window-size={width},{height}", f"--user-data-dir={folder / 'chromium'}"]
        options = {"goog:chromeOptions": {"args": flags}, "goog:loggingPrefs": {"browser": "ALL"}}
        self.session = self.ask("", {"capabilities": {"alwaysMatch": options}})["sessionId"]

    def ask(self, path, body=None, method=None):
        """One command of WebDriver."""
        url = f"http://127.0.0.1:{self.port}/session" + (f"/{self.session}{path}" if self.session else "")
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(url, data, {"Content-Type": "application/json"}, method=method)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.loads(answer.read())["value"]

    def open(self, url):
        self.ask("/url", {"url": url})

    def run(self, script, *arguments):
        """What the script returns, also if that is a promise."""
        return self.ask("/execute/sync", {"script": script, "args": arguments})

    def devtools(self, command, **parameters):
        """One command of the DevTools protocol."""
        return self.ask("/goog/cdp/execute", {"cmd": command, "params": parameters})

    def show_as(self, width, height, dark=False, forced_colors=False):
        """The size of the window, and what the reader prefers."""
        self.size = (width, height)
        self.devtools("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1,
                      mobile=False)
        features = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        if forced_colors:
            features.append({"name": "forced-colors", "value": "active"})
        self.devtools("Emulation.setEmulatedMedia", features=features)

    def picture(self, path):
        """The whole page as PNG, also what is below the window, which is as high as the page meanwhile."""
        # `captureBeyondViewport` paints the ground of a dark page white.
        size = {"width": self.size[0], "deviceScaleFactor": 1, "mobile": False}
        height = self.run("return document.documentElement.scrollHeight")
        self.devtools("Emulation.setDeviceMetricsOverride", height=max(height, self.size[1]), **size)
        self.run("return new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))")
        shot = self.devtools("Page.captureScreenshot", format="png")
        self.devtools("Emulation.setDeviceMetricsOverride", height=self.size[1], **size)
        Path(path).write_bytes(base64.b64decode(shot["data"]))

    def console(self):
        """What the console has said since the last time: errors and warnings."""
        lines = self.ask("/se/log", {"type": "browser"})
        return [line["message"] for line in lines if line["level"] in ("SEVERE", "WARNING")]

    def close(self):
        self.ask("", method="DELETE")
        stop(self.driver)


def is_here():
    return shutil.which("chromedriver") is not None
