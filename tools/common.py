"""What the scripts beside it share: servers on loopback, webhooks as Twilio signs them, a CA of a test."""

import base64, hashlib, hmac, os, signal, socket, subprocess, sys, time, urllib.parse
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "debug"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
failed = []


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def start(command, log, **env):
    with open(log, "w") as out:
        return subprocess.Popen(command, stdout=out, stderr=out, env={**os.environ, **env})


def stop(process):
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def await_port(port, process, log, host="127.0.0.1"):
    end = time.monotonic() + 15
    while time.monotonic() < end and process.poll() is None:
        try:
            return socket.create_connection((host, port), 1).close()
        except OSError:
            time.sleep(0.05)
    raise SystemExit(f"nothing listens on {port}:\n{Path(log).read_text()[-2000:]}")


def becomes(true, seconds=20):
    """Whether it becomes true in time."""
    end = time.monotonic() + seconds
    while not true() and time.monotonic() < end:
        time.sleep(0.1)
    return true()


def check(what, holds, evidence=""):
    print(f"{'ok    ' if holds else 'FAILED'} {what}", flush=True)
    if not holds:
        failed.append(what)
        print(f"       {str(evidence)[-1500:]}", flush=True)


def end_within(seconds):
    def give_up(*_):
        sys.exit(f"it has taken longer than {seconds} s")
    signal.signal(signal.SIGALRM, give_up)
    signal.alarm(seconds)


def signature(token, url, fields):
    """As Twilio signs: https://www.twilio.com/docs/usage/security"""
    signed = url + "".join(name + fields[name] for name in sorted(fields))
    mac = hmac.new(token.encode(), signed.encode(), hashlib.sha1).digest()
    return base64.b64encode(mac).decode()


def webhook(token, url, fields):
    """The headers and the body of a webhook of Twilio to this URL, as it signs and sends it."""
    headers = {**FORM, "X-Twilio-Signature": signature(token, url, fields)}
    return headers, urllib.parse.urlencode(fields).encode()


def certificate(folder, *hosts):
    """A CA of its own (ca.pem), and a certificate of it for these hosts (tls.pem, tls.key)."""
    (folder / "names").write_text("subjectAltName=" + ",".join(f"DNS:{host}" for host in hosts))
    new = ["openssl", "req", "-newkey", "rsa:2048", "-nodes", "-keyout"]
    for command in (
        [*new, "ca.key", "-x509", "-days", "2", "-subj", "/CN=test CA", "-out", "ca.pem"],
        [*new, "tls.key", "-subj", f"/CN={hosts[0]}", "-out", "tls.csr"],
        ["openssl", "x509", "-req", "-in", "tls.csr", "-CA", "ca.pem", "-CAkey", "ca.key",
         "-CAcreateserial", "-days", "2", "-extfile", "names", "-out", "tls.pem"],
    ):
        subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=60)
    (folder / "ca.pem").chmod(0o644)
