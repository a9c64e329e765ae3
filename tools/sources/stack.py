"""The servers that tools/sources.py asks: binaries on loopback, or the containers of docker-compose.yml."""

import http.client, json, os, shutil, signal, subprocess, urllib.error, urllib.request
from pathlib import Path

from common import ROOT, becomes, free_port, start, stop

API, ADMIN = "a" * 32, "b" * 32
TOKENS = {"API_TOKEN": API, "ADMIN_TOKEN": ADMIN, "TWILIO_AUTH_TOKEN": "auth0token0of0the0main0account00"}


class Stack:
    """Both servers; `files` is where the test keeps what it writes."""

    def __init__(self, folder, settings):
        self.folder, self.settings = folder, settings
        self.backend, self.proxy = free_port(), free_port()

    def get(self, path, of_proxy=False, token=API):
        port = self.proxy if of_proxy else self.backend
        headers = {"Authorization": f"Bearer {ADMIN if of_proxy else token}"} if token else {}
        request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers=headers)
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.loads(answer.read())

    def number(self, of_proxy=False):
        """The public number; `None` while there is none."""
        try:
            return self.get("/api/live-users", of_proxy, None)["liveUsers"]
        except (OSError, http.client.HTTPException, urllib.error.URLError):
            return None

    def await_ready(self):
        if not becomes(lambda: self.number() is not None and self.number(True) is not None, 60):
            raise SystemExit(f"the servers do not answer:\n{self.logs()[-3000:]}")


class Built(Stack):
    """The binaries of a folder, with the journal in another one."""

    def __init__(self, folder, settings, binaries):
        super().__init__(folder, settings)
        self.binaries, self.written, self.of_backend, self.of_proxy = binaries, [], None, None

    def run(self, name, port, **env):
        log = self.folder / f"{name}-{len(self.written)}.log"
        self.written.append(log)
        return start([self.binaries / f"live-users-{name}"], log, HOST="127.0.0.1", PORT=str(port), **env)

    def run_backend(self):
        journal = f"file:{self.folder / 'data'}"
        self.of_backend = self.run("backend", self.backend, JOURNAL_URL=journal, AGENTS_FILE=str(self.folder / "agents.toml"), **self.settings)

    def up(self):
        (self.folder / "data").mkdir()
        self.run_backend()
        url = f"http://127.0.0.1:{self.backend}"
        self.of_proxy = self.run("proxy", self.proxy, BACKEND_URL=url, BACKEND_TOKEN=API, ADMIN_TOKEN=ADMIN)
        self.await_ready()

    def kill_backend(self):
        self.of_backend.send_signal(signal.SIGKILL)
        self.of_backend.wait()
        self.run_backend()
        self.await_ready()

    def logs(self):
        return "\n".join(it.read_text(errors="replace") for it in self.written)

    def files(self):
        return b"\n".join(it.read_bytes() for it in (self.folder / "data").rglob("*") if it.is_file())

    def secrets_of_the_proxy(self):
        return ""

    def down(self):
        for process in (self.of_proxy, self.of_backend):
            if process is not None:
                stop(process)


class Compose(Stack):
    """What `docker compose up --build` makes, under a name of its own."""
    NAME = "live-users-sources"

    def __init__(self, folder, settings):
        super().__init__(folder, settings)
        own = {name: value for name, value in settings.items() if name in TOKENS or name in ("PUBLIC_URL", "TWILIO_API_URL")}
        (folder / "secrets.env").write_text("".join(f"{name}={value}\n" for name, value in settings.items() if name not in own))
        # The containers' user reads it, whoever runs this.
        folder.chmod(0o755)
        (folder / "agents.toml").chmod(0o644)
        words = f"SECRETS_FILE={folder / 'secrets.env'}\nAGENTS_FILE={folder / 'agents.toml'}\n"
        words += f"BACKEND_PUBLISH=127.0.0.1:{self.backend}\nPROXY_PUBLISH=127.0.0.1:{self.proxy}\n"
        (folder / "env").write_text(words + "".join(f"{name}={value}\n" for name, value in own.items()))
        plugin = subprocess.run(["docker", "compose", "version"], capture_output=True).returncode == 0
        self.program = ["docker", "compose"] if plugin else ["docker-compose"]
        self.files_of_compose = os.environ.get("COMPOSE_FILE", str(ROOT / "docker-compose.yml")).split(os.pathsep)

    def compose(self, *words, **more):
        files = [word for it in self.files_of_compose for word in ("--file", it)]
        command = [*self.program, "--project-directory", ROOT, "--project-name", self.NAME, *files, "--env-file", self.folder / "env", *words]
        # Settings of this shell would go before those of the file.
        env = {name: value for name, value in os.environ.items() if name not in self.settings}
        return subprocess.run(command, env=env, check=True, text=True, **more)

    def container(self, service):
        return self.compose("ps", "--quiet", service, stdout=subprocess.PIPE).stdout.split()[0]

    def up(self):
        self.compose("up", "--build", "--detach")
        self.await_ready()

    def kill_backend(self):
        container = self.container("backend")
        docker = lambda *words: subprocess.run(["docker", *words], check=True, capture_output=True, text=True).stdout.strip()
        pid = docker("inspect", "--format", "{{.State.Pid}}", container)
        name = Path(f"/proc/{pid}/comm")
        if name.exists() and name.read_text().startswith("live-users") and os.access(f"/proc/{pid}/environ", os.R_OK):
            # The engine starts it again by itself.
            os.kill(int(pid), signal.SIGKILL)
            becomes(lambda: docker("inspect", "--format", "{{.RestartCount}}", container) != "0")
        else:
            # The engine takes this for somebody who wants it stopped.
            docker("kill", "--signal", "KILL", container)
            docker("start", container)
        self.await_ready()

    def logs(self):
        return self.compose("logs", "--no-color", stdout=subprocess.PIPE).stdout

    def files(self):
        copied = self.folder / "journal"
        shutil.rmtree(copied, ignore_errors=True)
        subprocess.run(["docker", "cp", f"{self.container('backend')}:/data", copied], check=True, capture_output=True)
        return b"\n".join(it.read_bytes() for it in copied.rglob("*") if it.is_file())

    def secrets_of_the_proxy(self):
        """All that the proxy's container is given."""
        return subprocess.run(["docker", "inspect", self.container("proxy")], check=True, capture_output=True, text=True).stdout

    def down(self):
        self.compose("down", "--volumes")
