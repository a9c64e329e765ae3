#!/usr/bin/env python3
"""Runs each piece of clients/ with the real package that it is for, against a real backend.

    tools/clients.py [PATH-OF-BACKEND] [PIECE ...]

Pieces: python javascript pipecat livekit freeswitch asterisk python-api javascript-api; all without one. The
last two read, and need the proxy beside the backend, too. It installs pinned packages from PyPI into a folder of
its own, or takes the environment that CLIENTS_VENV names. Node and curl are needed. Asterisk is the one of this machine, or that of the Debian in ASTERISK_ROOT, as root:

    debootstrap --variant=minbase --include=asterisk,ca-certificates sid FOLDER

FreeSWITCH is not there: its script runs with a stand-in for fs_cli. Everything is on loopback.
"""

import atexit, contextlib, http.server, json, os, re, shutil, subprocess, sys, tempfile, threading, time
import urllib.request
from pathlib import Path

from common import ROOT, TARGET, await_port, becomes, check, end_within, failed, free_port, start, stop, webhook
from generate_clients import tools

PACKAGES = ("pipecat-ai==1.14.0", "livekit-agents==1.8.9")
API, TOKEN = "a" * 32, "token-of-an-application"
SIGNING = "whsec_bGl2ZS11c2Vycy10ZXN0LXNlY3JldC0wMTIzNDU2Nzg5"
NUMBER = "+15005550100"
SOURCES = "".join(f"""
[[source]]
id = "{id}"
kind = "events"
secret_env = "{id.upper()}_SECRET"
{more}
""" for id, more in (("app", "heartbeat_seconds = 1\nmissed_heartbeats = 3"), ("signed", ""), ("pbx", "longest_call_minutes = 240")))
AGENTS = '[[agent]]\nid = "booking"\nname = "Bookings"\nnumbers = ["+15005550006"]\n'
PBX = "token-of-a-telephone-system"


class Backend:
    """The real one, on a port that stays the same."""

    def __init__(self, binary, folder, port):
        self.port, self.url, self.log = port, f"http://127.0.0.1:{port}", folder / f"backend-{port}.log"
        (folder / "agents.toml").write_text(AGENTS + SOURCES)
        self.process = start([binary], self.log, HOST="127.0.0.1", PORT=str(port), API_TOKEN=API,
                             TWILIO_AUTH_TOKEN=AUTH, JOURNAL_URL="memory:",
                             AGENTS_FILE=str(folder / "agents.toml"),
                             APP_SECRET=TOKEN, SIGNED_SECRET=SIGNING, PBX_SECRET=PBX)
        if not becomes(lambda: "listening on " in self.log.read_text() or self.process.poll() is not None, 15):
            raise SystemExit(self.log.read_text())

    def get(self, path):
        request = urllib.request.Request(f"{self.url}/api/live-users{path}", headers={"Authorization": f"Bearer {API}"})
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.loads(answer.read())

    def holds(self, what, number, **of_summary):
        wanted = {"liveUsers": number, **of_summary}

        def seen():
            summary = self.get("/summary")
            return {"liveUsers": self.get("")["liveUsers"], **{name: summary[name] for name in of_summary}}
        check(what, becomes(lambda: seen() == wanted), seen())


class Stub(http.server.ThreadingHTTPServer):
    """Answers as it is told, and keeps what it was sent."""

    def __init__(self, statuses):
        super().__init__(("127.0.0.1", 0), Answers)
        self.statuses, self.asked = list(statuses), []
        self.url = f"http://127.0.0.1:{self.server_port}"
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def events(self):
        return [event for _, events, status in self.asked if status == 204 for event in events]


class Answers(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        events = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        status = self.server.statuses.pop(0) if self.server.statuses else 204
        if status == 204 and any(it.get("reason") == "a wrong one" for it in events):
            status = 400
        self.server.asked.append((self.path, events, status))
        self.send_response(status)
        if status == 302:
            self.send_header("Location", f"{self.server.url}/elsewhere")
        self.end_headers()

    do_GET = lambda self: (self.server.asked.append((self.path, [], 204)), self.send_response(204), self.end_headers())
    log_message = lambda *_: None


@contextlib.contextmanager
def python_client():
    """Hands out how to make one, and how to tell it of a call."""
    sys.path.insert(0, str(ROOT / "clients/python"))
    from live_users import LiveUsers
    made = []

    def make(url, secret, **more):
        made.append(LiveUsers(url, secret, "booking", **more))

        def tell(event, call, **told):
            if event == "call":
                with contextlib.suppress(ZeroDivisionError), made[-1].call(call, caller=NUMBER) as up:
                    up.transferred()
                    return 1 / told["divisor"]
            getattr(made[-1], event)(call, **told)
        return tell
    yield make
    for live in made:
        live.close(1)


@contextlib.contextmanager
def javascript_client():
    made = []

    def make(url, secret, heartbeat_seconds=30, queue_max=1000):
        command = ["node", ROOT / "tools/clients/drive.mjs", url, secret, str(heartbeat_seconds), str(queue_max)]
        made.append(subprocess.Popen(command, stdin=subprocess.PIPE, text=True))

        def tell(event, call, **told):
            made[-1].stdin.write(json.dumps([event, call, told]) + "\n")
            made[-1].stdin.flush()
        return tell
    yield make
    for process in made:
        process.stdin.close()
        process.wait(15)


def plain(name, client, backend, folder, binary):
    with client() as make:
        tell = make(backend.url, TOKEN, heartbeat_seconds=1)
        tell("started", f"{name}-1", caller=NUMBER)
        backend.holds(f"{name}: started is counted for its agent", 1, withAgent=1)
        shown = {it["agent"]: it["liveUsers"] for it in backend.get("/summary")["byAgent"]}
        check(f"{name}: the agent is the client's", shown.get("booking") == 1, shown)
        tell("waiting", f"{name}-1")
        backend.holds(f"{name}: waiting is not with the agent", 0, waiting=1)
        tell("returned", f"{name}-1")
        backend.holds(f"{name}: returned", 1)
        tell("transferred", f"{name}-1")
        backend.holds(f"{name}: transferred is with a person", 0, withPerson=1)
        tell("returned", f"{name}-1")
        time.sleep(5)  # Longer than three heartbeats.
        backend.holds(f"{name}: heartbeats keep a call up", 1)
        tell("started", f"{name}-2", caller="+15005550101", direction="outbound")
        backend.holds(f"{name}: who is called is not counted while it rings", 1, waiting=1)
        tell("answered", f"{name}-2")
        backend.holds(f"{name}: and is when they answer", 2)
        tell("started", f"{name}-3", caller="+15005550102", agent="support")
        tell("waiting", f"{name}-3"), tell("returned", f"{name}-3")
        of_agents = lambda: {it["agent"]: it["liveUsers"] for it in backend.get("/summary")["byAgent"]}
        check(f"{name}: an agent that was named stays", becomes(lambda: of_agents() == {"booking": 2, "support": 1}), of_agents())
        for number in (1, 2, 3):
            tell("ended", f"{name}-{number}")
        backend.holds(f"{name}: ended", 0, onTheLine=0)
        tell = make(backend.url, SIGNING)
        tell("started", f"{name}-signed", caller=NUMBER)
        backend.holds(f"{name}: a signature is taken", 1)
        tell("ended", f"{name}-signed")
        backend.holds(f"{name}: and the end", 0)
    with client() as make:
        # The backend is away, and comes back.
        port = free_port()
        tell = make(f"http://127.0.0.1:{port}", TOKEN, heartbeat_seconds=1)
        begun = time.monotonic()
        for number in range(20):
            tell("started", f"away-{number}", caller=f"+150055501{number:02}")
        for number in range(15):
            tell("ended", f"away-{number}")
        check(f"{name}: who tells never waits", time.monotonic() - begun < 0.5)
        time.sleep(3)
        other = Backend(binary, folder, port)
        other.holds(f"{name}: what was told meanwhile arrives", 5)
        stop(other.process)
    with client() as make:
        stub = Stub([503, 503, 503, 429])
        tell = make(stub.url, TOKEN, heartbeat_seconds=0)
        for number in range(30):
            tell("started", f"{number}")
        check(f"{name}: all arrive", becomes(lambda: len(stub.events()) == 30), len(stub.events()))
        check(f"{name}: in their order", [it["call"] for it in stub.events()] == [str(it) for it in range(30)])
        ids = [[it["id"] for it in events] for _, events, _ in stub.asked]
        check(f"{name}: with the same ids at each try", ids[0] == ids[1] == ids[2] == ids[3] == ids[4][:len(ids[0])], ids[:5])
        tell("started", "before"), tell("ended", "wrong", reason="a wrong one"), tell("started", "after")
        arrived = lambda: [it["call"] for it in stub.events()][30:] == ["before", "after"]
        check(f"{name}: a wrong event is left out, and no other", becomes(arrived), stub.events()[30:])
        tell("call", "block", divisor=1), tell("call", "failing", divisor=0)
        wanted = [(call, event, reason) for call, end in (("block", "completed"), ("failing", "failed"))
                  for event, reason in (("started", None), ("transferred", None), ("ended", end))]
        told = lambda: [(it["call"], it["event"], it.get("reason")) for it in stub.events()][32:]
        check(f"{name}: a block is a call, and says how it ended", becomes(lambda: sorted(told()) == sorted(wanted), 5), told())
        stub.statuses = [302] * 2
        tell("started", "redirected")
        check(f"{name}: it arrives after redirects", becomes(lambda: stub.events()[-1]["call"] == "redirected"))
        check(f"{name}: and none was followed", {it for it, *_ in stub.asked} == {"/api/events"})
        stub.shutdown()
    with client() as make:
        stub = Stub([503, 503])
        tell = make(stub.url, TOKEN, heartbeat_seconds=0, queue_max=50)
        tell("started", "first")
        becomes(lambda: stub.asked)
        for number in range(200):
            tell("started", f"{number}")
        last = lambda: stub.events() and stub.events()[-1]["call"] == "199"
        check(f"{name}: a full queue keeps the newest", becomes(last) and len(stub.events()) == 51, len(stub.events()))
        stub.shutdown()


def of_package(name, backend, python):
    """A script beside this one says what happens; this one looks at the count after each step."""
    command = [python, ROOT / f"tools/clients/drive_{name}.py", backend.url, TOKEN]
    env = {**os.environ, "PYTHONPATH": ":".join(str(ROOT / "clients" / it) for it in ("python", "pipecat", "livekit-agents"))}
    log = tempfile.TemporaryFile("w+")
    driver = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True, env=env)
    for line in driver.stdout:
        if not line.startswith("{"):
            continue
        step = json.loads(line)
        backend.holds(f"{name}: {step.pop('what')}", step.pop("liveUsers"), **step)
        driver.stdin.write("\n")
        driver.stdin.flush()
    driver.wait(30)
    log.seek(0)
    said = log.read()
    check(f"{name}: the script ends well", driver.returncode == 0, said)
    check(f"{name}: what these pieces log has no number", not re.findall(r"live users: .*5005550", said))


def freeswitch(backend, folder):
    (folder / "fs_cli").write_text(f"#!/bin/sh\necho '{NUMBER}\"; touch {folder}/pwned'\n")
    (folder / "fs_cli").chmod(0o755)
    (folder / "header").write_text(f"Authorization: Bearer {PBX}\n")
    env = {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}", "LIVE_USERS_URL": backend.url,
           "LIVE_USERS_HEADER": str(folder / "header")}

    def tell(*words):
        done = subprocess.run(["sh", ROOT / "clients/freeswitch/live-users-tell", *words], env=env, capture_output=True, text=True)
        check(f"freeswitch: {words[0]} is taken", done.returncode == 0, done.stderr)
    uuid = "5f2c1a9e-4a51-4b7a-8c3e-1f0d6f0b7a11"
    tell("started", uuid, "booking")
    backend.holds("freeswitch: started", 1)
    check("freeswitch: nothing that a caller writes is run", not (folder / "pwned").exists())
    tell("transferred", uuid)
    backend.holds("freeswitch: transferred", 0, withPerson=1)
    tell("ended", uuid)
    backend.holds("freeswitch: ended", 0, onTheLine=0)
    from xml.dom import minidom
    minidom.parse(str(ROOT / "clients/freeswitch/dialplan.xml"))


READ = ROOT / "crates/stack/tests/stack/api_clients"
AUTH, ADMIN = "auth-token-of-a-test", "token-of-an-admin-of-a-test"


def python_api(folder, folder_of_client):
    """Installed as anybody would install it."""
    made = folder / "venv-python-api"
    subprocess.run([sys.executable, "-m", "venv", made], check=True)
    # A copy, since setuptools builds beside the sources.
    shutil.copytree(folder_of_client, folder / "python-api")
    subprocess.run([made / "bin/pip", "install", "--quiet", folder / "python-api"], check=True)
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}

    def ask(url, token, *what):
        said = subprocess.run([made / "bin/python", READ / "read.py", url, token, *what], capture_output=True, text=True, env=env)
        return json.loads(said.stdout) if said.returncode == 0 else {"failed": said.stderr}
    return ask


def javascript_api(folder, folder_of_client):
    """Found by its name, in Node."""
    main, typed = folder / "read-with-package.mjs", folder / "typed.mts"
    (folder / "node_modules").mkdir()
    (folder / "node_modules/live-users-api").symlink_to(folder_of_client)
    main.write_text("""
        import { LiveUsersApi } from "live-users-api";
        import { createClient } from "live-users-api/client";
        const [module, url, token, what = "read"] = process.argv.slice(2);
        console.log(JSON.stringify(await (await import(module))[what]({ LiveUsersApi, createClient }, url, token)));
    """)

    # The types are those of the answers, and what is no field of one is an error.
    lines = ["const { data } = await new LiveUsersApi().calls({ query: { limit: 2 } });",
             "export const sids: string[] = data?.calls.map((call) => call.callSid) ?? [];"]
    for what, wrong, refused in (("an answer", "", None), ("a parameter", "await new LiveUsersApi().calls({ query: { limits: 2 } });", "'limits'"),
                                 ("a field", "console.log(data?.caller);", "'caller'")):
        typed.write_text("\n".join(['import { LiveUsersApi } from "live-users-api";', *lines, wrong]))
        tsc = ["node", tools() / "node_modules/typescript/bin/tsc", "--noEmit", "--strict", "--module", "nodenext", "--target", "es2022",
               typed]
        said = subprocess.run(tsc, cwd=folder, capture_output=True, text=True, timeout=120)
        holds = refused in said.stdout if refused else said.returncode == 0
        check(f"javascript-api: the types {'refuse' if refused else 'have'} {what}", holds, said.stdout)

    def ask(url, token, *what):
        said = subprocess.run(["node", main, READ / "read.mjs", url, token, *what], capture_output=True, text=True, timeout=60)
        return json.loads(said.stdout) if said.returncode == 0 else {"failed": said.stderr}
    return ask


def call(backend, number):
    sid = f"CA{number:032x}"
    fields = {"CallSid": sid, "CallStatus": "ringing", "Direction": "inbound", "From": f"+1415555{number:04}", "To": "+15005550006"}
    url = f"{backend.url}/voice"
    headers, body = webhook(AUTH, url, fields)
    urllib.request.urlopen(urllib.request.Request(url, body, headers), timeout=10).close()
    return sid


def reading(piece, folder, binary):
    """What a client reads, from a backend with three calls and from a proxy in front of another."""
    ask = {"python-api": python_api, "javascript-api": javascript_api}[piece](folder, ROOT / "clients" / piece)
    for server, token in (("backend", API), ("proxy", ADMIN)):
        backend, port, proxy = Backend(binary, folder, free_port()), free_port(), None
        try:
            if server == "proxy":
                log = folder / f"proxy-{port}.log"
                proxy = start([Path(binary).with_name("live-users-proxy")], log, HOST="127.0.0.1", PORT=str(port),
                              BACKEND_URL=backend.url, BACKEND_TOKEN=API, ADMIN_TOKEN=ADMIN)
                await_port(port, proxy, log)
            url = f"http://127.0.0.1:{port}" if proxy else backend.url
            sids = [call(backend, number) for number in (1, 2, 3)]
            told = ask(url, token)
            check(f"{piece}: {server}: all is read", "failed" not in told, told.get("failed"))
            if "failed" in told:
                continue
            wanted = {"total": 3, "summary": 3, "role": "operate", "pages": 2, "table": 4, "lines": 3, "activities": 3, "later": 0, "setup": 3,
                      "history": {"agent": "booking", "stepMs": 60000, "hasPoints": True}, "ready": "ready",
                      "picture": "<svg", "metrics": True, "shared": {"agent": "booking"}, "links": ["a screen"], "revoked": True, "linksLeft": 0, "left": 2}
            for name, value in wanted.items():
                check(f"{piece}: {server}: {name}", told.get(name) == value, told)
            check(f"{piece}: {server}: the pages have each call once", sorted(told.get("calls", ())) == sids, told)
            check(f"{piece}: {server}: the call that was explained is evicted",
                  told.get("evicted") in sids and told["evicted"] == told["explained"], told)
            for name, status in (("badStep", 400), ("noCall", 404), ("wrongToken", 403), ("noToken", 401), ("again", 409)):
                refused = told.get(name, {})
                check(f"{piece}: {server}: {name} is {status}, and says why", refused.get("status") == status and refused.get("error"), told)
            if piece == "javascript-api":
                check(f"{piece}: {server}: the stream tells the number", ask(url, token, "hear") == 2)
            if proxy:
                stop(backend.process)
                away = ask(url, token, "away")
                check(f"{piece}: the proxy says that its backend is away", away.get("status") in (502, 503, 504) and away.get("error"), away)
        finally:
            for process in filter(None, (proxy, backend.process)):
                stop(process)


MODULES = ("pbx_config res_curl func_curl app_originate app_stack app_exec app_verbose func_channel func_callerid func_strings "
           "func_env func_logic func_base64 res_clioriginate").split()


def asterisk(backend, folder):
    root = os.environ.get("ASTERISK_ROOT")
    if root is None and shutil.which("asterisk") is None:
        print("NOT RUN: asterisk is not here, and ASTERISK_ROOT names no Debian that has it")
        return
    inside = Path("/tmp/live-users-asterisk")
    etc = Path(root + str(inside)) if root else inside
    shutil.rmtree(etc, ignore_errors=True)
    (etc / "log").mkdir(parents=True)
    atexit.register(shutil.rmtree, etc, ignore_errors=True)
    modules = next(Path(root or "/").glob("usr/lib/*/asterisk/modules")).relative_to(root or "/")
    (etc / "asterisk.conf").write_text(
        f"[directories]\nastetcdir => {inside}\nastrundir => {inside}\nastdbdir => {inside}\nastlogdir => {inside}/log\n"
        f"astspooldir => {inside}\nastmoddir => /{modules}\nastdatadir => /usr/share/asterisk\nastvarlibdir => /var/lib/asterisk\n[options]\n")
    (etc / "modules.conf").write_text("[modules]\nautoload=no\n" + "".join(f"load={it}.so\n" for it in MODULES))
    (etc / "logger.conf").write_text("[logfiles]\nconsole => notice,warning,error\n")
    snippet = (ROOT / "clients/asterisk/extensions.conf").read_text()
    # No trunk and no agent here: the rest of the snippet is as it stands.
    snippet = re.sub(r"n,Stasis\(.*", "n,Wait(6)\n same => n,Gosub(live-users,tell,1(transferred))\n same => n,Wait(60)", snippet)
    (etc / "extensions.conf").write_text(snippet + f"""
[caller]
exten => s,1,Set(CALLERID(num)={NUMBER}","call":"x)
 same => n,Wait(60)
""")
    command = (["chroot", root] if root else []) + ["asterisk", "-C", str(inside / "asterisk.conf")]
    log = folder / "asterisk.log"
    process = start([*command, "-f", "-n"], log, LIVE_USERS_URL=backend.url, LIVE_USERS_TOKEN=PBX)

    def cli(words):
        return subprocess.run([*command, "-rx", words], capture_output=True, text=True).stdout
    try:
        check("asterisk: it starts", becomes(lambda: "pbx_config" in cli("module show like pbx_config"), 20), log.read_text())
        print("       " + cli("core show version").strip())
        # Who calls is the first half of a Local channel, whose second half runs the snippet.
        cli("channel originate Local/5550006@from-trunk extension s@caller")
        backend.holds("asterisk: started, once the call is answered", 1, withAgent=1)
        words = "\n".join(Path(it).read_text(errors="replace") for it in Path("/proc").glob("[0-9]*/cmdline") if it.exists())
        check("asterisk: neither number nor token stands in the list of processes", NUMBER not in words and PBX not in words)
        backend.holds("asterisk: transferred", 0, withPerson=1)
        cli("channel request hangup all")
        backend.holds("asterisk: ended by the hangup handler", 0, onTheLine=0)
        odd = [line for line in log.read_text().splitlines() if re.search("live-users|live users|func_curl|pbx.c|ast_expr", line)]
        check("asterisk: it has no complaint about the snippet", not odd, odd)
        # The backend is away: nobody on the line notices.
        os.kill(backend.process.pid, 19)
        begun = time.monotonic()
        cli("channel originate Local/5550006@from-trunk extension s@caller")
        waits = becomes(lambda: "Wait(" in cli("core show channels") or "Wait" in cli("core show channels verbose"), 5)
        check("asterisk: a call goes on while the backend does not answer", waits and time.monotonic() - begun < 4, cli("core show channels"))
        time.sleep(6)
        os.kill(backend.process.pid, 18)
        backend.holds("asterisk: the events arrive when it is back", 0, withPerson=1)
        cli("channel request hangup all")
        backend.holds("asterisk: and the end", 0, onTheLine=0)
        check("asterisk: no number in its log", "5005550100" not in log.read_text(), log.read_text())
    finally:
        cli("core stop now")
        stop(process)


def main():
    words = sys.argv[1:]
    binary = words.pop(0) if words and "/" in words[0] else TARGET / "live-users-backend"
    pieces = words or ["python", "javascript", "pipecat", "livekit", "freeswitch", "asterisk", "python-api", "javascript-api"]
    folder = Path(tempfile.mkdtemp(prefix="live-users-clients-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    end_within(900)
    venv = os.environ.get("CLIENTS_VENV")
    if {"pipecat", "livekit"} & set(pieces) and venv is None:
        venv = folder / "venv"
        subprocess.run([sys.executable, "-m", "venv", venv], check=True)
        subprocess.run([venv / "bin/pip", "install", "--quiet", *PACKAGES], check=True)
    backend = Backend(binary, folder, free_port())
    try:
        for piece in pieces:
            if piece == "python":
                plain(piece, python_client, backend, folder, binary)
            elif piece == "javascript":
                plain(piece, javascript_client, backend, folder, binary)
            elif piece == "freeswitch":
                freeswitch(backend, folder)
            elif piece.endswith("-api"):
                reading(piece, folder, binary)
            elif piece == "asterisk":
                asterisk(backend, folder)
            else:
                of_package(piece, backend, Path(venv) / "bin/python")
        said = backend.log.read_text()
        check("no number and no secret is in the backend's log", not re.findall(f"5005550|{TOKEN}|{PBX}|{SIGNING}", said), said)
    finally:
        stop(backend.process)
    print("all hold" if not failed else f"{len(failed)} do not hold")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
