#!/usr/bin/env python3
"""Builds both images and runs them as docker-compose.yml does, against an https stand-in.

    tools/images.py [--built]

With --built, the images `live-users-backend:checked` and `live-users-proxy:checked` are there already.
The stand-in is Twilio's list of calls, the chat of an agent, and TLS in front of the backend; its CA is
made here. The list of components in each image is held against Cargo.lock. Containers share this host's network, on loopback, and are removed at the end.
"""

import atexit, http.client, http.server, json, os, pathlib, re, ssl, subprocess, sys, tempfile
import threading, tomllib

from common import ROOT, becomes, certificate, check, failed, free_port, webhook

AUTH, API, ACCOUNT = "auth-token-of-a-test", "a" * 32, "AC" + "0" * 31 + "1"
KNOWN, SAID = "CA" + "1" * 32, "At eight, then?"
CONFINED = ["--network=host", "--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges:true"]
seen, backend_port = [], 0


def docker(*words, check=True, timeout=120):
    done = subprocess.run(["docker", *map(str, words)], capture_output=True, text=True, timeout=timeout)
    if check and done.returncode:
        raise SystemExit(f"docker {' '.join(map(str, words))}:\n{done.stderr[-3000:]}")
    return done.stdout + done.stderr if check else done


class StandIn(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status, body, kind="application/json"):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        seen.append(self.path)
        if not self.path.startswith("/2010-04-01/"):
            return self.pass_on()
        calls = []
        if "in-progress" in self.path:
            calls = [{"sid": KNOWN, "status": "in-progress", "direction": "inbound",
                      "from": "+14155550001", "to": "+15005550006"}]
        self.answer(200, json.dumps({"calls": calls, "next_page_uri": None}).encode())

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        seen.append(self.path)
        self.answer(200, json.dumps({"text": SAID}).encode())

    def pass_on(self):
        headers = {k: v for k, v in self.headers.items() if k.lower() not in ("host", "connection")}
        connection = http.client.HTTPConnection("127.0.0.1", backend_port, timeout=60)
        connection.request("GET", self.path, headers=headers)
        answer = connection.getresponse()
        if answer.length is not None:
            self.answer(answer.status, answer.read(), answer.headers["Content-Type"])
            return connection.close()
        # A stream, as it comes.
        self.close_connection = True
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.headers["Content-Type"])
        self.send_header("Connection", "close")
        self.end_headers()
        try:
            while piece := answer.read1():
                self.wfile.write(piece)
        except OSError:
            pass  # The proxy, or the backend, has ended.
        connection.close()

    def log_message(self, *_):
        pass


def stand_in(folder):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), StandIn)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(folder / "tls.pem", folder / "tls.key")
    server.socket = tls.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"https://localhost:{server.server_port}"


def start(which, port, *words, **env):
    """Runs an image, and returns the name of its container."""
    name = f"live-users-check-{os.getpid()}-{port}"
    atexit.register(docker, "rm", "--force", name, check=False)
    env = {"HOST": "127.0.0.1", "PORT": port, **env}
    settings = [word for key, value in env.items() for word in ("--env", f"{key}={value}")]
    program = f"live-users-{which}"
    health = [f"--health-cmd={program} healthcheck", "--health-interval=1s", "--health-retries=3"]
    docker("run", "--detach", "--name", name, *CONFINED, *health, *settings, *words, f"{program}:checked")
    return name


def ask(port, path, method="GET", headers=None, body=None):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    except OSError as error:
        return 0, str(error)
    finally:
        connection.close()


def send(port, path, **fields):
    fields = {"AccountSid": ACCOUNT, "CallSid": KNOWN, "Direction": "inbound", "To": "+15005550006",
              "From": "+14155550001", "CallStatus": "in-progress", **fields}
    return ask(port, path, "POST", *webhook(AUTH, f"http://127.0.0.1:{port}{path}", fields))


def state(name):
    return json.loads(docker("inspect", "--format", "{{json .State}}", name))


def components(which, name):
    """Checks the list of components in an image: real ones, in the versions that are locked."""
    text = docker("exec", name, "cat", f"/usr/share/doc/live-users/live-users-{which}.cdx.json")
    sbom = json.loads(text)
    about = sbom["metadata"]["component"]
    check(f"the {which}'s list of components is about it",
          (sbom["bomFormat"], about["name"]) == ("CycloneDX", f"live-users-{which}"), about)
    lock = tomllib.loads((ROOT / "Cargo.lock").read_text())["package"]
    locked = {(it["name"], it["version"]) for it in lock}
    listed = {(it["name"], it["version"]) for it in sbom["components"]}
    names = {name for name, _ in listed}
    check(f"its {len(listed)} components are in Cargo.lock", listed and listed <= locked, listed - locked)
    check("SQLite is in the backend alone", ("libsqlite3-sys" in names) == (which == "backend"), names)
    check("no tool of a test is listed", not names & {"fantoccini", "proptest"}, names)


def main():
    global backend_port
    for which in ("backend", "proxy") if "--built" not in sys.argv else ():
        docker("build", "--target", which, "--tag", f"live-users-{which}:checked", ROOT, timeout=3600)
    folder = pathlib.Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    certificate(folder, "localhost")
    url, volume = stand_in(folder), f"live-users-check-{os.getpid()}"
    atexit.register(docker, "volume", "rm", "--force", volume, check=False)
    (folder / "agents.toml").write_text(
        f'[[agent]]\nid = "a"\nname = "A"\nnumbers = ["+15005550006"]\nchat_url = "{url}/chat"\n')
    (folder / "agents.toml").chmod(0o644)
    mounts = ["--volume", f"{folder}/agents.toml:/app/agents.toml:ro"]
    settings = {"TWILIO_AUTH_TOKEN": AUTH, "API_TOKEN": API, "AGENTS_FILE": "/app/agents.toml",
                "TWILIO_ACCOUNT_SID": ACCOUNT, "TWILIO_API_URL": url, "REFEREE_LOOK_SECONDS": "1",
                "REFEREE_REQUESTS_PER_MINUTE": "600"}

    port = free_port()
    name = start("backend", port, *mounts, "--tmpfs=/data:uid=10001", **settings)
    check("starts with the image's own certificates", becomes(lambda: ask(port, "/healthz")[0] == 200),
          docker("logs", name, check=False))
    said = lambda: "its certificate is not trusted" in docker("logs", name)
    check("an unknown CA is refused, and the log says so", becomes(said), docker("logs", name))
    check("the image brings certificates", "built in are used" not in docker("logs", name))
    docker("rm", "--force", name)

    backend_port = port = free_port()
    mounts += ["--volume", f"{folder}/ca.pem:/ca.pem:ro", "--volume", f"{volume}:/data"]
    settings["SSL_CERT_FILE"] = "/ca.pem"
    backend = start("backend", port, *mounts, **settings)
    counted = lambda: ask(port, "/api/live-users") == (200, '{"liveUsers":1}')
    check("with its CA, the reconciler finds the call", becomes(counted), docker("logs", backend))
    spoken = send(port, "/speech-result?agent=a", SpeechResult="a table", Confidence="0.9")
    check("a chat by https answers the caller", spoken[0] == 200 and SAID in spoken[1], spoken)
    check("the chat was asked", "/chat" in seen, seen[-5:])
    healthy = lambda: state(backend)["Health"]["Status"] == "healthy"
    check("the backend's health check", becomes(healthy), state(backend))

    proxy_port = free_port()
    proxy = start("proxy", proxy_port, "--volume", f"{folder}/ca.pem:/ca.pem:ro", BACKEND_URL=url,
                  BACKEND_TOKEN=API, ADMIN_TOKEN="b" * 32, SSL_CERT_FILE="/ca.pem")
    wanted = (200, '{"success":true,"liveUsers":1}')
    check("the proxy reads a backend by https", becomes(lambda: ask(proxy_port, "/api/live-users") == wanted),
          docker("logs", proxy))
    healthy = lambda: state(proxy)["Health"]["Status"] == "healthy"
    check("the proxy's health check", becomes(healthy), state(proxy))

    for which, each in (("backend", backend), ("proxy", proxy)):
        user = docker("exec", each, "sh", "-c", "grep ^Uid: /proc/1/status").split()[1]
        check(f"process 1 has user 10001 in the {which}", user == "10001", user)
        components(which, each)
    files = docker("exec", backend, "sh", "-c", "stat --format '%a %u %F %n' /data/*")
    kept = [line.split() for line in files.splitlines() if "regular" in line]
    private = bool(kept) and all(line[:2] == ["600", "10001"] for line in kept)
    check("the journal's files are 0600 and of user 10001", private, files)

    docker("stop", "--time", 10, backend)
    check("SIGTERM ends it with 0", state(backend)["ExitCode"] == 0, state(backend))
    docker("start", backend)
    check("a restart knows the call", becomes(counted), docker("logs", backend))
    docker("kill", backend)
    docker("start", backend)
    check("and so does a start after a kill", becomes(counted), docker("logs", backend))
    logs = docker("logs", backend) + docker("logs", proxy)
    secrets = re.findall(f"{AUTH}|{API}|4155550001|a table", logs)
    check("no secret, number or word in the logs", not secrets, secrets)
    docker("stop", "--time", 10, proxy, backend)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
