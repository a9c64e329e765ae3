#!/usr/bin/env python3
"""Looks at every page of both servers in Chromium, in each state, theme and width, as a reader would.

    tools/page.py [--built FOLDER] [--pictures FOLDER] [--forced-colors] [STATE ...]

Build the servers and the command before: target/debug, or the FOLDER of --built. STATE is one of the states below; all
without one. Of each state it checks, light and dark, at 360, 768, 1280 and 1920 pixels: axe-core finds
nothing, nothing is wider than the window, the console is silent. With --pictures, a PNG of each is left
in that folder, to be looked at by people. With --forced-colors it looks at each state in the colours of a
high-contrast theme instead. The HTML of each page is checked by html-validate (npm) and by
the Nu Html Checker (npm: vnu-jar, which needs Java); both are installed, pinned, into target/page-tools.
Chromium with chromedriver, Node and Java are needed. The exit code is 1 if anything is found.
"""

import argparse, http.client, json, subprocess, sys, tempfile, urllib.parse, urllib.request
from pathlib import Path

from browser import Browser
from common import FORM, ROOT, TARGET, await_port, becomes, check, end_within, failed, free_port, start, stop, webhook

TOOLS = {"html-validate": "10.17.0", "vnu-jar": "26.9.27"}
TOOLS_FOLDER = ROOT / "target/page-tools"
AUTH, API, ADMIN, CUSTOMER = "auth-token-of-a-test", "a" * 32, "b" * 32, "c" * 32
WIDTHS = {360: 780, 768: 1024, 1280: 900, 1920: 1080}
AXE = (ROOT / "crates/testkit/vendor/axe-core/axe.min.js").read_text()
SUSPECT_AFTER_S = 30
# The rows are laid out as a grid, and browsers have taken cells of such a table for nothing.
ROLE_OF_A_CELL = ".*role. attribute must not be used on a .t[drh]. element.*"

FIND = """
for (const animation of document.getAnimations()) {
  if (animation.effect.getComputedTiming().iterations !== Infinity) animation.finish();
}
const { violations } = await axe.run(document, { resultTypes: ["violations"] });
return violations.flatMap(({ id, nodes }) => nodes.map(({ target, failureSummary }) =>
  `${id}: ${target.flat().join(" ")}: ${failureSummary.replace(/\\s+/g, " ")}`));
"""
OVERFLOW = "const it = document.scrollingElement; return it.scrollWidth - it.clientWidth;"
SETTLED = """
const badge = document.querySelector("live-users");
return document.readyState === "complete" && badge?.getAttribute("state") !== "connecting";
"""


def agents(count):
    """So many agents, every second one of an account, and the token of that account."""
    def table(n):
        account = '\naccount = "acme"' if n % 2 else ""
        capacity = f"\ncapacity = {10 + n}" if n % 3 else ""
        return f'[[agent]]\nid = "agent-{n}"\nname = "Agent {n} of the house"\nnumbers = ["+1500555{n:04}"]{account}{capacity}\n'
    tables = "\n".join(table(n) for n in range(count))
    token = '\n[[token]]\nid = "acme-reads"\nsecret_env = "CUSTOMER"\naccounts = ["acme"]\n' if count > 1 else ""
    return tables + token


class Servers:
    """A backend and a proxy on loopback."""
    auth = AUTH

    def __init__(self, folder, binaries, agent_count):
        self.folder, self.calls = Path(tempfile.mkdtemp(dir=folder)), 0
        self.backend_port, self.proxy_port = free_port(), free_port()
        file = self.folder / "agents.toml"
        file.write_text(agents(agent_count))
        self.backend = self.serve(
            binaries / "live-users-backend", self.backend_port, TWILIO_AUTH_TOKEN=AUTH, API_TOKEN=API,
            JOURNAL_URL="memory:", AGENTS_FILE=str(file), CUSTOMER=CUSTOMER, SUSPECT_AFTER_SECONDS=str(SUSPECT_AFTER_S),
            ALLOWED_ORIGINS="*")
        self.proxy = self.serve(
            binaries / "live-users-proxy", self.proxy_port, BACKEND_URL=f"http://127.0.0.1:{self.backend_port}",
            BACKEND_TOKEN=API, ADMIN_TOKEN=ADMIN, ALLOWED_ORIGINS="*")

    def serve(self, program, port, **env):
        log = self.folder / f"{program.name}.log"
        server = start([program], log, HOST="127.0.0.1", PORT=str(port), **env)
        await_port(port, server, log)
        return server

    def post(self, path, **fields):
        url = f"http://127.0.0.1:{self.backend_port}{path}"
        headers, body = webhook(self.auth, url, fields)
        with urllib.request.urlopen(urllib.request.Request(url, body, headers), timeout=10) as answer:
            return answer.status

    def call(self, agent=0, country="US", **more):
        """A call begins; its CallSid."""
        self.calls += 1
        sid = f"CA{self.calls:032x}"
        self.post("/voice", CallSid=sid, AccountSid="AC" + "0" * 32, CallStatus="ringing", Direction="inbound",
                  From=f"+1415555{self.calls:04}", To=f"+1500555{agent:04}", FromCountry=country, **more)
        return sid

    def dial(self, agent):
        """Somebody is called, and has not picked up yet."""
        self.calls += 1
        self.post("/call-status", CallSid=f"CA{self.calls:032x}", AccountSid="AC" + "0" * 32, CallStatus="ringing",
                  Direction="outbound-api", From=f"+1500555{agent:04}", To=f"+1415555{self.calls:04}")

    def hand_over(self, sid):
        """A colleague has picked up."""
        self.calls += 1
        self.post("/call-status", CallSid=f"CA{self.calls:032x}", ParentCallSid=sid, AccountSid="AC" + "0" * 32,
                  CallStatus="in-progress", Direction="outbound-dial", From="+15005550000", To="+12065550100")

    def suspect(self):
        request = urllib.request.Request(f"http://127.0.0.1:{self.backend_port}/api/live-users/summary",
                                         headers={"Authorization": f"Bearer {API}"})
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)["suspect"]

    def share(self, view):
        """A link to all calls is shared; its id, and where it is opened."""
        answer = self.order("/links", {"name": "Screen in the lobby", "scope": {"all": True}, "view": view, "expires": "1d"})
        return answer["link"]["id"], self.url(f"/view#token={answer['token']}")

    def order(self, path, body=None):
        """An admin's order to the proxy."""
        headers = {"Authorization": f"Bearer {ADMIN}", "Content-Type": "application/json"}
        url, data = self.url(f"/api/live-users{path}"), b"" if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(urllib.request.Request(url, data, headers), timeout=10) as answer:
            return json.load(answer)

    def url(self, path, of_backend=False):
        return f"http://127.0.0.1:{self.backend_port if of_backend else self.proxy_port}{path}"

    def close(self):
        for server in (self.proxy, self.backend):
            if server.poll() is None:
                stop(server)


class Demo(Servers):
    """Both in one process, without an account."""
    auth = "live-users-demonstration-token"

    def __init__(self, folder, binaries):
        self.folder, self.calls = Path(tempfile.mkdtemp(dir=folder)), 0
        self.backend_port, self.proxy_port = free_port(), free_port()
        file, log = self.folder / "agents.toml", self.folder / "live-users.log"
        file.write_text(agents(4))
        ports = "--backend-port", str(self.backend_port), "--proxy-port", str(self.proxy_port)
        self.backend = self.proxy = start([binaries / "live-users", *ports], log, ADMIN_TOKEN=ADMIN, CUSTOMER=CUSTOMER,
                                          JOURNAL_URL="memory:", AGENTS_FILE=str(file))
        for port in (self.backend_port, self.proxy_port):
            await_port(port, self.backend, log)


def fill(servers):
    """Callers of all parties, from several countries."""
    countries = ("US", "DE", "BR", "JP", "FR", "ES")
    sids = [servers.call(agent % 32, countries[agent % 6]) for agent in range(40)]
    for sid in sids[:4]:
        servers.hand_over(sid)
    for sid in sids[4:8]:
        servers.post("/call-status", CallSid=sid, AccountSid="AC" + "0" * 32, CallStatus="completed", CallDuration="75")
    for agent in range(3):
        servers.dial(agent)


def signed_in(browser, servers, token=ADMIN):
    browser.open("about:blank")
    browser.devtools("Network.clearBrowserCookies")
    browser.open(servers.url(f"/admin/sign-in#token={token}"))
    check_becomes(browser, "the page is there", "return location.pathname === '/admin/existing-agents'")


def opened(browser, servers, view):
    """A shared link is opened; its id."""
    link, url = servers.share(view)
    browser.open("about:blank")
    browser.open(url)
    check_becomes(browser, "the page of the link is there", f"return location.pathname === '/view/{link}'")
    return link


def check_becomes(browser, what, script):
    if not becomes(lambda: browser.run(script)):
        check(what, False, browser.run("return document.body.innerText"))


class Look:
    """Looks at what the browser shows."""

    def __init__(self, browser, pictures, forced_colors):
        self.browser, self.pictures, self.html = browser, pictures, {}
        # A browser that has shown them once paints the ground of later dark pages white.
        self.themes = {"forced-colors": {"forced_colors": True}} if forced_colors else {"light": {}, "dark": {"dark": True}}

    def at(self, state, settled=SETTLED, expected=None):
        check_becomes(self.browser, f"{state}: settled", settled)
        self.browser.console()
        for width, height in WIDTHS.items():
            for theme, preferred in self.themes.items():
                name = f"{state}-{width}-{theme}"
                self.browser.show_as(width, height, **preferred)
                found = self.browser.run(f"{AXE}; {FIND}")
                check(f"{name}: axe-core finds nothing", not found, "\n".join(found))
                wider = self.browser.run(OVERFLOW)
                check(f"{name}: nothing is wider than the window", wider <= 0, f"{wider} pixels too wide")
                self.keep(name)
        said = [line for line in self.browser.console() if expected is None or expected not in line]
        check(f"{state}: the console is silent", not said, "\n".join(said))
        self.html[state] = "<!DOCTYPE html>\n" + self.browser.run("return document.documentElement.outerHTML")

    def keep(self, name):
        if self.pictures:
            self.browser.picture(self.pictures / f"{name}.png")


def sources(servers):
    """The HTML of each page as it is sent."""
    connection = http.client.HTTPConnection("127.0.0.1", servers.proxy_port, timeout=10)

    def ask(path, method="GET", body=None, **headers):
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        return answer, answer.read().decode()
    answer, sign_in = ask("/admin/sign-in")
    pages = {"sign-in": sign_in}
    answer, _ = ask("/admin/sign-in", "POST", urllib.parse.urlencode({"token": ADMIN}), **FORM,
                    Origin=servers.url("").rstrip("/"), **{"Sec-Fetch-Site": "same-origin"})
    cookie = (answer.getheader("Set-Cookie") or "").split(";")[0]
    check("sign-in gives a cookie", bool(cookie), answer.status)
    for name, path in (("page", "/admin/existing-agents"), ("docs", "/docs"), ("embed", "/embed"), ("view", "/view")):
        answer, pages[name] = ask(path, Cookie=cookie)
        check(f"{path} is a page", answer.status == 200 and "html" in (answer.getheader("Content-Type") or ""), answer.status)
    return pages


def validate(pages, folder):
    """What is sent by html-validate, and that and what is drawn (`drawn-...`) by the Nu Html Checker."""
    if not all((TOOLS_FOLDER / "node_modules" / name).exists() for name in TOOLS):
        packages = [f"{name}@{version}" for name, version in TOOLS.items()]
        subprocess.run(["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", TOOLS_FOLDER, *packages],
                       check=True, timeout=600)
    files = []
    for name, html in pages.items():
        files.append(folder / f"{name}.html")
        files[-1].write_text(html)
    (folder / ".htmlvalidate.json").write_text((ROOT / "tools/page/html-validate.json").read_text())
    module = TOOLS_FOLDER / "node_modules"
    for tool, command in (
        ("html-validate", [module / ".bin/html-validate", *(it for it in files if not it.name.startswith("drawn-"))]),
        ("Nu Html Checker", ["java", "-jar", module / "vnu-jar/build/dist/vnu.jar", "--errors-only", "--filterpattern", ROLE_OF_A_CELL, *files]),
    ):
        ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)
        check(f"{tool} finds nothing", ran.returncode == 0, ran.stdout + ran.stderr)


def states(browser, look, servers_for):
    """Each state by its name, in an order in which each follows from the one before."""
    def sign_in():
        browser.open(servers_for(0).url("/admin/sign-in"))
        look.at("sign-in", "return document.readyState === 'complete'")

    def fresh():
        signed_in(browser, servers_for(0))
        look.at("fresh")

    def one():
        servers_for(1).call()
        signed_in(browser, servers_for(1))
        look.at("one")

    def busy():
        signed_in(browser, servers_for(32))
        look.at("busy")

    def demo():
        servers = servers_for("demo")
        sids = [servers.call(agent) for agent in range(3)]
        signed_in(browser, servers)
        look.at("demo")
        browser.open(servers.url("/admin/existing-agents?wallboard"))
        look.at("demo-wallboard")
        for sid in sids:
            servers.post("/call-status", CallSid=sid, AccountSid="AC" + "0" * 32, CallStatus="completed", CallDuration="75")
        browser.open(servers.url("/admin/existing-agents"))
        check_becomes(browser, "all have hung up", "return document.querySelector('#calls-empty code') !== null")
        look.at("demo-over")

    def waiting():
        signed_in(browser, servers_for(32))
        browser.open(servers_for(32).url("/admin/existing-agents#calls&party=waiting"))
        check_becomes(browser, "those who wait are left", "return document.querySelectorAll('tr.call').length === 3")
        look.at("waiting")

    def customer():
        signed_in(browser, servers_for(32), CUSTOMER)
        look.at("customer")

    def suspect():
        servers = servers_for(32)
        check("calls become suspect", becomes(lambda: servers.suspect() > 0, SUSPECT_AFTER_S + 20))
        signed_in(browser, servers)
        look.at("suspect")

    def down():
        servers = servers_for(32)
        signed_in(browser, servers)
        check_becomes(browser, "the page has a number", SETTLED)
        stop(servers.backend)
        look.at("down", "return document.querySelector('live-users').getAttribute('state') === 'down'",
                "the server responded with a status of 502")

    def docs():
        for name, of_backend in (("docs", False), ("docs-backend", True)):
            browser.open(servers_for(0).url("/docs", of_backend))
            look.at(name, "return document.readyState === 'complete'")

    def embed():
        browser.open(servers_for(1).url("/embed"))
        look.at("embed")

    def view():
        browser.open(servers_for(1).url("/view"))
        look.at("view", "return document.readyState === 'complete'")

    def link():
        opened(browser, servers_for(32), "page")
        look.at("link")

    def wallboard():
        opened(browser, servers_for(32), "wallboard")
        look.at("wallboard")

    def revoked():
        servers = servers_for(1)
        link = opened(browser, servers, "page")
        servers.order(f"/links/{link}/revoke")
        browser.open("about:blank")
        browser.open(servers.url(f"/view/{link}"))
        look.at("revoked", "return document.readyState === 'complete'", "the server responded with a status of 403")
    each = (sign_in, fresh, one, demo, busy, waiting, customer, docs, embed, view, link, wallboard, revoked, suspect, down)
    return {it.__name__.replace("_", "-"): it for it in each}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--built", type=Path, default=TARGET)
    parser.add_argument("--pictures", type=Path)
    parser.add_argument("--forced-colors", action="store_true")
    parser.add_argument("states", nargs="*", metavar="STATE")
    wanted = parser.parse_args()
    if wanted.pictures:
        wanted.pictures.mkdir(parents=True, exist_ok=True)
    end_within(1800)
    running = {}
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)

        def servers_for(count):
            if count not in running:
                built = wanted.built.resolve()
                running[count] = Demo(folder, built) if count == "demo" else Servers(folder, built, count)
                if count == 32:
                    fill(running[count])
            return running[count]
        browser = Browser(folder)
        try:
            look = Look(browser, wanted.pictures, wanted.forced_colors)
            every = states(browser, look, servers_for)
            for state in wanted.states or every:
                if state not in every:
                    parser.error(f"STATE: {state!r}: expected one of {', '.join(every)}")
                every[state]()
            validate({**sources(servers_for(1)), **{f"drawn-{name}": html for name, html in look.html.items()}}, folder)
        finally:
            browser.close()
            for servers in running.values():
                servers.close()
    print(f"{len(failed)} found" if failed else "nothing found")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
