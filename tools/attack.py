#!/usr/bin/env python3
"""Opens thousands of connections from one address to a server of yours, which it then does not
use, and measures whether others are still served. For Linux, where each address of 127.0.0.0/8 is
another client. It ends after --seconds.

    tools/attack.py --port 8080 --pid PID --token AUTH_TOKEN      # a backend
    tools/attack.py --port 3000 --pid PID                         # a proxy
"""

import argparse
import collections
import resource
import select
import socket
import time

from common import webhook

ATTACKER, OTHER, TWILIO = "127.0.0.66", "127.0.0.2", "127.0.0.3"
UPGRADE = ("Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
           "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n")
KINDS = {
    "silent": "",
    "half a head": "GET / HTTP/1.1\r\nHost: a\r\nX-Filler: ",
    "a long half head": "GET / HTTP/1.1\r\nHost: a\r\nX-Filler: " + 30_000 * "a",
    "half a body": "POST /voice HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n"
                   "Content-Type: application/x-www-form-urlencoded\r\n\r\na",
    "half a sign-in": "POST /admin/sign-in HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n"
                      "Content-Type: application/x-www-form-urlencoded\r\n\r\na",
    "a body nobody reads": "POST /nothing HTTP/1.1\r\nHost: a\r\n"
                           "Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n",
    "idle": "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n",
    "a stream": "GET /api/live-users/stream HTTP/1.1\r\nHost: a\r\n\r\n",
    "a silent WebSocket": f"GET /api/live-users/ws HTTP/1.1\r\nHost: a\r\n{UPGRADE}\r\n",
}


def connect(source, port, timeout_s):
    sock = socket.socket()
    sock.settimeout(timeout_s)
    sock.bind((source, 0))
    sock.connect(("127.0.0.1", port))
    return sock


def ask(source, port, request, timeout_s):
    """The status and the seconds that a request took, or the error."""
    began = time.monotonic()
    try:
        with connect(source, port, timeout_s) as sock:
            sock.sendall(request)
            answer = sock.recv(12)
            return answer[9:12].decode() or "closed", time.monotonic() - began
    except OSError as error:
        return type(error).__name__, time.monotonic() - began


def voice(port, token, number):
    fields = {"AccountSid": "AC" + 32 * "0", "CallSid": f"CA{number:032x}",
              "CallStatus": "ringing", "Direction": "inbound", "From": "+15005550006"}
    host = f"127.0.0.1:{port}"
    headers, body = webhook(token, f"http://{host}/voice", fields)
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return (f"POST /voice HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{lines}"
            f"Content-Length: {len(body)}\r\n\r\n").encode() + body


def of_process(pid):
    """Resident megabytes, the most of them so far, and open files."""
    import os
    status = open(f"/proc/{pid}/status").read()
    megabytes = lambda name: int(status.split(name + ":")[1].split()[0]) / 1024
    return megabytes("VmRSS"), megabytes("VmHWM"), len(os.listdir(f"/proc/{pid}/fd"))


def still_open(held):
    """How many connections of each kind the server has not closed."""
    poll = select.poll()
    kinds = {}
    for kind, sock in held:
        poll.register(sock, select.POLLRDHUP)
        kinds[sock.fileno()] = kind
    closed = {fd for fd, _ in poll.poll(0)}
    return collections.Counter(kind for fd, kind in kinds.items() if fd not in closed)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--pid", type=int, required=True, help="of the server, for its memory")
    parser.add_argument("--token", help="TWILIO_AUTH_TOKEN of a backend, to sign /voice with")
    parser.add_argument("--connections", type=int, default=11_000)
    parser.add_argument("--addresses", type=int, default=1, help="that the attacker has")
    parser.add_argument("--kind", choices=KINDS, help="of connection; all in turn without it")
    parser.add_argument("--seconds", type=float, default=30)
    arguments = parser.parse_args()
    port, pid = arguments.port, arguments.pid
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    kinds = [arguments.kind] if arguments.kind else list(KINDS)

    began, held, failed, number = time.monotonic(), [], 0, int(time.time()) << 20
    print("before: %.0f MB (most %.0f MB), %d files" % of_process(pid))
    health = b"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    worst = collections.defaultdict(float)
    statuses = collections.Counter()

    def look():
        nonlocal number
        number += 1
        asked = {f"health from {OTHER}": (OTHER, health, 5),
                 "health from 127.0.0.1": ("127.0.0.1", health, 5),
                 "health from the attacker": (ATTACKER, health, 5)}
        if arguments.token:
            asked[f"voice from {TWILIO}"] = (TWILIO, voice(port, arguments.token, number), 15)
        for name, (source, request, timeout_s) in asked.items():
            status, took_s = ask(source, port, request, timeout_s)
            statuses[name, status] += 1
            worst[name] = max(worst[name], took_s)

    prefix, last = ATTACKER.rsplit(".", 1)
    for n in range(arguments.connections):
        source = f"127.0.{n % arguments.addresses}.{last}" if arguments.addresses > 1 else ATTACKER
        kind = kinds[n % len(kinds)]
        try:
            sock = connect(source, port, 5)
            sock.sendall(KINDS[kind].encode())
            held.append((kind, sock))
        except OSError:
            failed += 1
        if n % 500 == 0:
            look()
    print(f"opened {len(held)} in {time.monotonic() - began:.1f} s, {failed} failed")
    while True:
        look()
        left = still_open(held)
        print("%4.0f s: %5d open, %.0f MB (most %.0f MB), %d files" % (
            time.monotonic() - began, sum(left.values()), *of_process(pid)), dict(left))
        if time.monotonic() - began > arguments.seconds:
            break
        time.sleep(3)
    for (name, status), times in sorted(statuses.items()):
        print(f"{name}: {status} {times} times, the slowest {worst[name] * 1000:.0f} ms")


if __name__ == "__main__":
    main()
