#!/usr/bin/env python3
"""Measures how heavy and how quick the page is: tools/page_weight.py [--runs 5] [FOLDER...]

Each FOLDER has a build of both servers, target/debug if none is said; several are measured in turns. For
each, a headless Chromium opens the page of 25 calls with an empty cache (cold) and then again (warm), over a
network as Lighthouse's "slow 4G": 150 ms for each request, 1.6 Mbit/s down, 750 kbit/s up. It prints the
medians of when the first number is painted, when the page is live, and of the bytes and requests until the
page is complete. Bytes are those that were received, encoded and with headers. The client for the DevTools
protocol is installed from PyPI into target/venv-page-weight when it is missing.
"""

import argparse, json, os, secrets, statistics, subprocess, sys, tempfile, time, urllib.error, urllib.parse
import urllib.request, venv
from pathlib import Path

from common import FORM, ROOT, TARGET, await_port, end_within, free_port, start, stop, webhook

VENV, VERSION = ROOT / "target/venv-page-weight", "websockets==15.0.1"
TOKEN, API, ADMIN = (secrets.token_hex(16) for _ in range(3))
CALLS = 25
SLOW_4G = {"offline": False, "latency": 150, "downloadThroughput": 200_000, "uploadThroughput": 93_750}
PAGE = "/admin/existing-agents"
# Quiet for so long, after everything has come, the page is complete.
QUIET_S, AT_LEAST_S, AT_MOST_S = 1.5, 4, 30

WATCH = r"""(() => {
  const number = /^\s*(about )?\d+ users? live/;
  const isSeen = (node, text) => text.test(node.data) && node.parentElement?.checkVisibility();
  const texts = function* (root) {
    if (!root) return;
    const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) yield walker.currentNode;
  };
  const hasNumber = () => {
    const badge = document.querySelector("live-users");
    const figure = document.querySelector("[data-figure=users]");
    return [...texts(badge), ...texts(badge?.shadowRoot)].some((it) => isSeen(it, number))
      || [...texts(figure)].some((it) => isSeen(it, /^\d/));
  };
  const look = () => {
    if (window.paintedAt === undefined && hasNumber()) {
      window.paintedAt = 0;
      setTimeout(() => { window.paintedAt = performance.now(); });
    }
    if (document.querySelector("live-users[state=live]")) window.liveAt ??= performance.now();
    if (!window.paintedAt || !window.liveAt) requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
})()"""


def in_venv():
    """Goes on in an interpreter that has the client."""
    python = VENV / "bin/python"
    if Path(sys.prefix) == VENV:
        return
    if not python.exists():
        venv.create(VENV, with_pip=True)
        subprocess.run([VENV / "bin/pip", "install", "--quiet", VERSION], check=True, timeout=600)
    os.execv(python, [python, *sys.argv])


class Build:
    """Both servers of one build, with calls."""

    def __init__(self, folder, scratch):
        backend_port, port = free_port(), free_port()
        self.name, self.url = folder, f"http://127.0.0.1:{port}"
        backend_url = f"http://127.0.0.1:{backend_port}"
        agents = str(ROOT / "examples/agents.toml")
        settings = [
            ("live-users-backend", backend_port, {"TWILIO_AUTH_TOKEN": TOKEN, "API_TOKEN": API, "AGENTS_FILE": agents, "JOURNAL_URL": "memory:"}),
            ("live-users-proxy", port, {"BACKEND_URL": backend_url, "BACKEND_TOKEN": API, "ADMIN_TOKEN": ADMIN}),
        ]
        self.processes = []
        for program, its_port, env in settings:
            log = scratch / f"{program}-{its_port}.log"
            process = start([Path(folder) / program], log, HOST="127.0.0.1", PORT=str(its_port), **env)
            self.processes.append(process)
            await_port(its_port, process, log)
        for n in range(CALLS):
            call(backend_url, n)
        self.cookie = sign_in(self.url)


def call(url, n):
    to = f"+1500555{6 + n % 3:04}"
    fields = {"CallSid": f"CA{n:032x}", "AccountSid": "AC" + "0" * 32, "CallStatus": "in-progress",
              "Direction": "inbound", "From": f"+1415555{n:04}", "To": to, "Called": to}
    headers, body = webhook(TOKEN, f"{url}/voice", fields)
    urllib.request.urlopen(urllib.request.Request(f"{url}/voice", body, headers), timeout=20).read()


def sign_in(url):
    class Stay(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, *_):
            return None

    body = urllib.parse.urlencode({"token": ADMIN, "next": PAGE}).encode()
    headers = {**FORM, "Origin": url, "Sec-Fetch-Site": "same-origin"}
    try:
        urllib.request.build_opener(Stay).open(urllib.request.Request(f"{url}/admin/sign-in", body, headers))
    except urllib.error.HTTPError as answer:
        name, value = answer.headers["Set-Cookie"].split(";")[0].split("=", 1)
        return {"name": name, "value": value}
    raise SystemExit("the sign-in leads nowhere")


class Chromium:
    """A headless browser, by the DevTools protocol."""

    def __init__(self, scratch):
        from websockets.sync.client import connect
        profile = scratch / "profile"
        command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0",
                   "--window-size=1280,900", f"--user-data-dir={profile}", "about:blank"]
        self.process = start(command, scratch / "chromium.log")
        port_file = profile / "DevToolsActivePort"
        end = time.monotonic() + 60
        while not (port_file.exists() and port_file.read_text().count("\n")):
            if time.monotonic() > end:
                raise SystemExit("Chromium does not start")
            time.sleep(0.05)
        port = port_file.read_text().split()[0]
        pages = json.load(urllib.request.urlopen(f"http://127.0.0.1:{port}/json", timeout=20))
        page = next(page for page in pages if page["type"] == "page")
        self.socket = connect(page["webSocketDebuggerUrl"], max_size=None)
        self.last, self.events = 0, []
        for domain in ("Page", "Network", "Runtime"):
            self.ask(f"{domain}.enable")
        self.ask("Page.addScriptToEvaluateOnNewDocument", source=WATCH)

    def ask(self, method, **params):
        self.last += 1
        self.socket.send(json.dumps({"id": self.last, "method": method, "params": params}))
        while True:
            message = json.loads(self.socket.recv(60))
            if message.get("id") == self.last:
                if "error" in message:
                    raise SystemExit(f"{method}: {message['error']}")
                return message["result"]
            self.events.append(message)

    def value(self, expression):
        return self.ask("Runtime.evaluate", expression=expression)["result"].get("value")

    def collect(self, seconds):
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            try:
                self.events.append(json.loads(self.socket.recv(left)))
            except TimeoutError:
                return

    def open(self, build, is_cold):
        """Opens the page and measures it."""
        self.ask("Network.emulateNetworkConditions", **{**SLOW_4G, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1})
        self.ask("Page.navigate", url="about:blank")
        self.collect(0.3)
        self.ask("Network.setCookie", url=build.url, path="/", httpOnly=True, secure=True, sameSite="Strict", **build.cookie)
        if is_cold:
            self.ask("Network.clearBrowserCache")
        self.ask("Network.emulateNetworkConditions", **SLOW_4G)
        self.events.clear()
        begun = time.monotonic()
        self.ask("Page.navigate", url=build.url + PAGE)
        seen = {}
        while True:
            before = len(self.events)
            self.collect(QUIET_S)
            seen = {name: self.value(f"window.{name} || null") for name in ("paintedAt", "liveAt")}
            is_quiet = not any(event.get("method", "").startswith("Network.") for event in self.events[before:])
            age = time.monotonic() - begun
            if None not in seen.values() and is_quiet and age > AT_LEAST_S:
                break
            if age > AT_MOST_S:
                raise SystemExit(f"the page is not complete after {AT_MOST_S} s: {seen}")
        return {**seen, **weigh(self.events)}


def weigh(events):
    """The bytes that were received, and the requests that were sent over the network."""
    size, requests, detail = 0, 0, {}
    urls, cached, asked = {}, set(), []
    for event in events:
        method, params = event.get("method"), event.get("params", {})
        key = params.get("requestId")
        if method == "Network.requestWillBeSent":
            urls[key] = params["request"]["url"]
            asked.append(urls[key])
        elif method == "Network.requestServedFromCache":
            cached.add(key)
        elif method == "Network.responseReceived" and params["response"].get("fromDiskCache"):
            cached.add(key)
        elif method == "Network.loadingFinished" and key in urls and not urls[key].startswith("data:"):
            if key not in cached:
                requests += 1
                size += params["encodedDataLength"]
                detail[urls[key]] = params["encodedDataLength"]
        elif method == "Network.webSocketHandshakeResponseReceived":
            requests += 1
            size += len(params["response"].get("headersText", ""))
        elif method == "Network.webSocketFrameReceived":
            size += len(params["response"]["payloadData"].encode()) + 4
    histories = sum("/api/live-users/history" in url for url in asked)
    return {"bytes": size, "requests": requests, "histories": histories, "detail": detail}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folders", nargs="*", default=[str(TARGET)])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--detail", action="store_true", help="also each request of the last cold run")
    args = parser.parse_args()
    in_venv()
    end_within(3600)
    with tempfile.TemporaryDirectory() as scratch:
        scratch = Path(scratch)
        builds, browser = [], None
        try:
            builds += (Build(folder, scratch) for folder in args.folders)
            browser = Chromium(scratch)
            runs = {(build.name, state): [] for build in builds for state in ("cold", "warm")}
            for _ in range(args.runs):
                for build in builds:
                    for state in ("cold", "warm"):
                        runs[build.name, state].append(browser.open(build, state == "cold"))
        finally:
            for process in [*(browser and [browser.process] or []), *(it for build in builds for it in build.processes)]:
                stop(process)
    print("| Build | Cache | First number | Live | On the wire | Requests | Of the history |")
    print("|---|---|---|---|---|---|---|")
    for (name, state), measured in runs.items():
        of = lambda key: statistics.median(run[key] for run in measured)
        span = lambda key: f"{of(key) / 1000:.2f} ({min(run[key] for run in measured) / 1000:.2f} to {max(run[key] for run in measured) / 1000:.2f}) s"
        print(f"| {name} | {state} | {span('paintedAt')} | {span('liveAt')} | {of('bytes') / 1000:.1f} kB | {of('requests'):.0f} | {of('histories'):.0f} |")
        if args.detail and state == "cold":
            for url, size in measured[-1]["detail"].items():
                print(f"    {size:>7.0f} {url}", file=sys.stderr)


main()
