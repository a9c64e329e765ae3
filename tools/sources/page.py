"""The page *Existing Agents* as Chromium shows it to somebody who follows the link that signs in."""

from browser import Browser, is_here
from stack import ADMIN

# The number, and the rows of "Who tells of calls" with their users and notes.
LOOK = """
const text = (it) => (it?.textContent ?? "").trim();
const rows = [...document.querySelectorAll("#sources-list > li")].map((row) => [
  text(row.querySelector(".place-name")), Number(text(row.querySelector(".place-users"))),
  [...row.querySelectorAll(".place-note:not([hidden])")].map(text).join(" ")]);
return {number: text(document.querySelector("live-users")?.shadowRoot ?? document.querySelector("live-users")), rows,
        title: document.title, panel: !(document.querySelector("#sources")?.hidden ?? true), url: location.href};
"""


class Page(Browser):
    def __init__(self, folder, port):
        super().__init__(folder)
        self.open(f"http://127.0.0.1:{port}/admin/sign-in#token={ADMIN}")

    def look(self):
        return self.run(LOOK)


__all__ = ["Page", "is_here"]
