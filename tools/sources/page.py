"""The page *Existing Agents* as Chromium shows it to somebody who follows the link that signs in."""

import base64, json, shutil, urllib.request

from common import await_port, free_port, start, stop
from stack import ADMIN

# The number, the rows of "Who tells of calls" with their users, and what the console has said.
LOOK = """
const text = (it) => (it?.textContent ?? "").trim();
const rows = [...document.querySelectorAll("#sources-list > li")].map((row) => [
  text(row.querySelector(".place-name")), Number(text(row.querySelector(".place-users"))),
  text(row.querySelector(".place-note")), text(row.querySelector(".is-trouble:not([hidden])"))]);
return {number: text(document.querySelector("live-users")?.shadowRoot ?? document.querySelector("live-users")), rows,
        title: document.title, panel: !(document.querySelector("#sources")?.hidden ?? true), url: location.href};
"""


class Page:
    def __init__(self, folder, port):
        self.link = f"http://127.0.0.1:{port}/admin/sign-in#token={ADMIN}"
        self.port, log = free_port(), folder / "chromedriver.log"
        self.driver = start(["chromedriver", f"--port={self.port}"], log)
        await_port(self.port, self.driver, log)
        flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--window-size=1280,1000",
                 f"--user-data-dir={folder / 'chromium'}"]
        wanted = {"capabilities": {"alwaysMatch": {"goog:chromeOptions": {"args": flags}}}}
        self.session = self.ask("", wanted)["sessionId"]
        self.ask("/url", {"url": self.link})

    def ask(self, path, body=None, method=None):
        url = f"http://127.0.0.1:{self.port}/session" + (f"/{self.session}{path}" if hasattr(self, "session") else "")
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(url, data, {"Content-Type": "application/json"}, method=method)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.loads(answer.read())["value"]

    def look(self):
        return self.ask("/execute/sync", {"script": LOOK, "args": []})

    def picture(self, path):
        size = self.ask("/execute/sync", {"script": "return document.documentElement.scrollHeight", "args": []})
        self.ask("/window/rect", {"width": 1280, "height": size + 100})
        with open(path, "wb") as file:
            file.write(base64.b64decode(self.ask("/screenshot")))

    def close(self):
        self.ask("", method="DELETE")
        stop(self.driver)


def is_here():
    return shutil.which("chromedriver") is not None
