#!/usr/bin/env python3
"""Runs deploy/scale/nginx.conf in front of three debug backends on one NATS journal.

    NGINX=/path/to/nginx tools/load-balancer.py

It needs nginx 1.27.3 or later: Debian 12 has an older one. NGINX may be a command with arguments. Only addresses,
ports and folders of the configuration are replaced, and a name server on loopback stands for the engine's.
The NATS server is the one of `cargo xtask setup`, or NATS_SERVER.
"""

import http.client, os, shlex, signal, socket, socketserver, struct, sys, tempfile, threading
from pathlib import Path

from common import FORM, ROOT, TARGET, await_port, becomes, check, end_within, failed, free_port, webhook
from common import start, stop

AUTH, API = "auth-token-of-a-test", "a" * 32
NATS = os.environ.get("NATS_SERVER", str(ROOT / "target/venv/bin/nats-server"))
hosts = {f"backend-{n}": f"127.0.1.{n}" for n in (1, 2, 3)}


class NameServer(socketserver.BaseRequestHandler):
    """Answers for A records of `hosts`, and that there is none of anything else."""

    def handle(self):
        question, reply = self.request
        labels, at = [], 12
        while question[at]:
            labels.append(question[at + 1:at + 1 + question[at]].decode())
            at += 1 + question[at]
        kind, = struct.unpack("!H", question[at + 1:at + 3])
        address = hosts.get(labels[0]) if kind == 1 else None
        answers = 1 if address else 0
        head = question[:2] + struct.pack("!HHHHH", 0x8180, 1, answers, 0, 0) + question[12:at + 5]
        if address:
            head += struct.pack("!HHHIH", 0xC00C, 1, 1, 1, 4) + socket.inet_aton(address)
        reply.sendto(head, self.client_address)


def ask(port, method, path, headers=None, body=None, host="127.0.0.1"):
    connection = http.client.HTTPConnection(host, port, timeout=15)
    try:
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    except (OSError, http.client.HTTPException) as error:
        return 0, str(error)
    finally:
        connection.close()


def send(port, path, n, status):
    fields = {"CallSid": f"CA{n:032x}", "AccountSid": "AC" + "0" * 32, "CallStatus": status, "Direction":
              "inbound", "From": f"+1415555{n:04}", "To": "+15005550006"}
    return ask(port, "POST", path, *webhook(AUTH, f"http://127.0.0.1:{port}{path}", fields))[0]


def fill(folder, port, inner, names):
    text = (ROOT / "deploy/scale/nginx.conf").read_text()
    for old, new in (("/run/balancer", str(folder)), ("127.0.0.11", f"127.0.0.1:{names}"),
                     ("listen 8080", f"listen 127.0.0.1:{port}"), (":8080", f":{inner}"),
                     ("worker_processes auto", "worker_processes 1")):
        assert old in text, old
        text = text.replace(old, new)
    (folder / "nginx.conf").write_text("daemon off;\n" + text)
    return [*shlex.split(os.environ.get("NGINX", "nginx")), "-p", str(folder), "-c", str(folder / "nginx.conf")]


def main():
    end_within(180)
    running = {}
    names = socketserver.ThreadingUDPServer(("127.0.0.1", 0), NameServer)
    threading.Thread(target=names.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        folder.chmod(0o755)
        (folder / "tmp").mkdir()
        port, inner, nats = free_port(), free_port(), free_port()

        def backend(name):
            log = folder / f"{name}.log"
            server = start([TARGET / "live-users-backend"], log, HOST=hosts[name], PORT=str(inner),
                           TWILIO_AUTH_TOKEN=AUTH, API_TOKEN=API,
                           JOURNAL_URL=f"nats://127.0.0.1:{nats}/live-users")
            running[name] = server
            await_port(inner, server, log, hosts[name])

        try:
            log = folder / "nats.log"
            running["nats"] = start([NATS, "-js", "-sd", str(folder / "js"), "-a", "127.0.0.1", "-p", str(nats)], log)
            await_port(nats, running["nats"], log)
            for name in hosts:
                backend(name)
            log = folder / "nginx.log"
            running["nginx"] = start(fill(folder, port, inner, names.server_address[1]), log)
            await_port(port, running["nginx"], log)
            run(port, inner, running, backend)
        finally:
            for server in reversed(running.values()):
                server.send_signal(signal.SIGCONT)
                stop(server)
    sys.exit(1 if failed else 0)


def run(port, inner, running, backend):
    total = lambda: ask(port, "GET", "/api/live-users")
    check("/healthz is the load balancer's own", ask(port, "GET", "/healthz") == (200, "ok\n"))
    check("/readyz", becomes(lambda: ask(port, "GET", "/readyz")[0] == 200))
    stream = socket.create_connection(("127.0.0.1", port), 10)
    stream.sendall(f"GET /api/live-users/stream HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
    socket_ = socket.create_connection(("127.0.0.1", port), 10)
    socket_.sendall((f"GET /api/live-users/ws HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: Upgrade\r\n"
                     "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                     "Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n\r\n").encode())
    heard = {stream: b"", socket_: b""}

    def hears(which, what):
        which.settimeout(0.2)
        try:
            heard[which] += which.recv(65536)
        except TimeoutError:
            pass
        return what in heard[which]

    check("SSE: the first event", becomes(lambda: hears(stream, b'"liveUsers":0')), heard[stream])
    check("WebSocket: the first frame", becomes(lambda: hears(socket_, b'"liveUsers":0')), heard[socket_])
    check("a wrong signature is refused", send(port, "/voice?x=1", 1, "ringing") == 200
          and ask(port, "POST", "/voice", {**FORM, "X-Twilio-Signature": "x"}, "CallSid=CA1")[0] == 403)
    for n in range(2, 7):
        send(port, "/voice", n, "ringing")
    check("the total", becomes(lambda: total() == (200, '{"liveUsers":6}')), total())
    check("SSE: a change", becomes(lambda: hears(stream, b'"liveUsers":6')), heard[stream])
    check("WebSocket: a change", becomes(lambda: hears(socket_, b'"liveUsers":6')), heard[socket_])

    running["backend-1"].kill()
    running["backend-1"].wait()
    answers = [send(port, "/voice", n, "ringing") for n in range(7, 17)]
    answers += [send(port, "/call-status", n, "completed") for n in range(7, 17)]
    check("one backend is killed: every webhook is answered", set(answers) == {200, 204}, answers)
    running["backend-2"].send_signal(signal.SIGSTOP)
    answers = [send(port, "/call-status", n, "completed") for n in range(1, 5)]
    check("and another is frozen: status callbacks are acknowledged", set(answers) == {204}, answers)
    answers = [send(port, "/voice", n, "ringing") for n in range(20, 24)]
    check("and callers hear the agent", set(answers) == {200}, answers)
    check("the total is right", becomes(lambda: total() == (200, '{"liveUsers":6}')), total())
    running["backend-2"].send_signal(signal.SIGCONT)

    hosts["backend-1"] = "127.0.1.9"
    backend("backend-1")
    for name in ("backend-2", "backend-3"):
        stop(running.pop(name))
    check("a backend with a new address is found", becomes(lambda: total() == (200, '{"liveUsers":6}')), total())
    check("and acknowledges", send(port, "/call-status", 5, "completed") == 204)
    stop(running.pop("backend-1"))
    check("with no backend there is no total", total()[0] in (502, 503, 504), total())
    stream.close()
    socket_.close()


if __name__ == "__main__":
    main()
