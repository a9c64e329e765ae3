#!/usr/bin/env python3
"""Runs schemathesis against both servers by their OpenAPI documents: tools/openapi.py [EXAMPLES]

Build the servers before (debug). schemathesis is installed from PyPI into target/venv-schemathesis when it
is missing. EXAMPLES is how many requests each operation gets at random, 100 if it is not said. Streams and
WebSockets are left out, because they have no end. tools/schemathesis has what the documents cannot say, and
why. The exit code is 1 if an answer is not as documented.
"""

import os, pathlib, secrets, subprocess, sys, tempfile, venv

from common import ROOT, TARGET, await_port, free_port, start, stop

VENV, VERSION = ROOT / "target/venv-schemathesis", "schemathesis==4.32.5"
AUTH, API, ADMIN = (secrets.token_hex(16) for _ in range(3))


def tool():
    program = VENV / "bin/schemathesis"
    if not program.exists():
        venv.create(VENV, with_pip=True)
        subprocess.run([VENV / "bin/pip", "install", "--quiet", VERSION], check=True, timeout=600)
    return program


def serve(program, folder, port, **env):
    log = folder / f"{program}.log"
    server = start([TARGET / program], log, HOST="127.0.0.1", PORT=str(port), **env)
    await_port(port, server, log)
    return server


def run(port, token, examples):
    command = [
        tool(), "--config-file", ROOT / "tools/schemathesis/schemathesis.toml", "run",
        f"http://127.0.0.1:{port}/openapi.json", "--url", f"http://127.0.0.1:{port}", "--checks", "all",
        "--exclude-path-regex", "/(stream|ws)$", "--max-examples", str(examples), "--warnings", "off",
        "--continue-on-failure", "--request-timeout", "20",
    ]
    told = {"HOOKS": str(ROOT / "tools/schemathesis/hooks.py"), "TOKEN": token, "PORT": str(port),
            "TWILIO_AUTH_TOKEN": AUTH, "PYTHONDONTWRITEBYTECODE": "1"}
    with tempfile.TemporaryDirectory() as folder:
        return subprocess.run(command, env={**os.environ, **told}, cwd=folder, timeout=1200).returncode


def main():
    examples = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    failed, running = [], []
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        calls, page = free_port(), free_port()
        try:
            running.append(serve("live-users-backend", folder, calls, TWILIO_AUTH_TOKEN=AUTH, API_TOKEN=API,
                                 JOURNAL_URL="memory:", AGENTS_FILE=str(ROOT / "examples/agents.toml"),
                                 PUBLIC_URL=f"http://127.0.0.1:{calls}"))
            running.append(serve("live-users-proxy", folder, page, ADMIN_TOKEN=ADMIN, BACKEND_TOKEN=API,
                                 BACKEND_URL=f"http://127.0.0.1:{calls}"))
            for document, port, token in (("backend", calls, API), ("proxy", page, ADMIN)):
                if run(port, token, examples):
                    failed.append(document)
            failed += [f"{server.args[0].name} has ended" for server in running if server.poll() is not None]
        finally:
            for server in reversed(running):
                stop(server)
        logs = "".join(log.read_text() for log in folder.glob("*.log"))
        failed += [f"{what} in a log" for what in ("panicked", AUTH, API, ADMIN) if what in logs]
    print("not as documented: " + ", ".join(failed) if failed else "both are as documented")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
