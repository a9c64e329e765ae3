#!/usr/bin/env python3
"""Builds what people install, and installs it: the tarball, the Debian package, the services.

    tools/dist.py [--built] [--target TRIPLE]

With --built, `cargo xtask dist` has run for this target already. It needs root, debootstrap and
systemd-nspawn (Debian: systemd-container). A static tarball runs in a folder with nothing else in it.
The package is installed, configured, upgraded and purged in a Debian that systemd has booted, in a
container on this host's network. In another one, the commands of docs/OPERATIONS.md make services of
the tarball. DEBIAN_ROOT names a folder of debootstrap to copy; without it one is
made. Everything is removed at the end.
"""

import atexit, http.client, json, os, re, shutil, signal, subprocess, sys, tempfile, time, tomllib
from pathlib import Path

from common import ROOT, await_port, becomes, check, failed, free_port, start, stop, webhook

PACKAGES = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "packages"
VERSION = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["package"]["version"]
PROGRAMS = ("live-users", "live-users-backend", "live-users-proxy")
UNITS = ("live-users", "live-users-proxy")
AUTH, API, ADMIN = "auth-token-of-a-test", "a" * 32, "b" * 32
EXPOSURE_MAX = 1.5
# What dpkg, apt and systemd themselves write while a package comes and goes.
OF_THE_SYSTEM = re.compile(r"^/(dev|proc|run|sys|tmp|var/(cache|log|tmp)|var/lib/(dpkg|systemd|apt)|etc/machine-id|root)")
checked = 0


def holds(what, true, evidence=""):
    global checked
    checked += 1
    check(what, true, evidence)


def run(*words, fails=False, **more):
    done = subprocess.run([*map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          **{"timeout": 300, **more})
    if done.returncode and not fails:
        raise SystemExit(f"{' '.join(map(str, words))}: {done.returncode}\n{done.stdout[-3000:]}")
    return done.stdout


def ask(port, path, fields=None, token=None):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    signed, body = webhook(AUTH, f"http://127.0.0.1:{port}{path}", fields) if fields else ({}, None)
    try:
        connection.request("POST" if fields else "GET", path, body, {**headers, **signed})
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    except OSError as error:
        return 0, str(error)
    finally:
        connection.close()


def call(port, digit):
    fields = {"CallSid": "CA" + digit * 32, "AccountSid": "AC" + "0" * 32, "CallStatus": "ringing",
              "Direction": "inbound", "From": f"+1415555000{digit}", "To": "+15005550006"}
    return ask(port, "/voice", fields)


def counted(port, number):
    return lambda: ask(port, "/api/live-users") == (200, json.dumps({"liveUsers": number}, separators=(",", ":")))


def shown(port, number):
    wanted = json.dumps({"success": True, "liveUsers": number}, separators=(",", ":"))
    return lambda: ask(port, "/api/live-users") == (200, wanted)


def results(target):
    """The files themselves."""
    sums = run("sha256sum", "--check", "SHA256SUMS", cwd=PACKAGES, fails=True).splitlines()
    holds("every checksum is right", sums and all(line.endswith(": OK") for line in sums), sums)
    lock = tomllib.loads((ROOT / "Cargo.lock").read_text())["package"]
    locked = {(it["name"], it["version"]) for it in lock}
    for name in PROGRAMS:
        sbom = json.loads((PACKAGES / f"{name}-{VERSION}-{target}.cdx.json").read_text())
        listed = {(it["name"], it["version"]) for it in sbom["components"]}
        about = sbom["metadata"]["component"]["name"]
        holds(f"{len(listed)} components of {name}, all in Cargo.lock", about == name and listed and listed <= locked,
              listed - locked)


def tarball(folder, target, base):
    """Runs the programs of the tarball, in an empty folder if they are static."""
    is_static = target.endswith("-musl")
    root = folder / "empty"
    if is_static:
        root.mkdir()
    else:
        run("cp", "-a", base, root)
    name = f"live-users-{VERSION}-{target}"
    run("tar", "-xzf", PACKAGES / f"{name}.tar.gz", "-C", root)
    top = root / name
    names = {str(it.relative_to(top)) for it in top.rglob("*") if it.is_file()}
    wanted = {"README.md", "LICENSE-MIT", "LICENSE-APACHE", "examples/agents.toml", "docs/OPERATIONS.md",
              "systemd/live-users.service", "systemd/backend.env", "share/doc/live-users/sbom/live-users.cdx.json",
              "share/doc/live-users/THIRD-PARTY-LICENSES.txt"}
    holds("the tarball has programs, documents, licences, units and components",
          wanted | {f"bin/{it}" for it in PROGRAMS} <= names, names)
    licences = (top / "share/doc/live-users/THIRD-PARTY-LICENSES.txt").read_text()
    listed = set()
    for program in PROGRAMS:
        sbom = json.loads((top / f"share/doc/live-users/sbom/{program}.cdx.json").read_text())
        listed |= {f"{it['name']} {it['version']} (" for it in sbom["components"] if not it["name"].startswith("live-users")}
    without, texts = licences.split("=" * 80, 1)
    missing = sorted(it for it in listed if it not in texts and it not in without)
    holds("few have no text of their own", without.count("\n") < 40, without)
    holds(f"the licences of {len(listed)} components", listed and not missing, missing)
    places = [str(ROOT).encode(), str(Path.home() / ".cargo").encode()]
    for program in PROGRAMS:
        said = run("chroot", root, f"/{name}/bin/{program}", "--version", fails=True).strip()
        holds(f"{program} runs{' with no file beside it' if is_static else ''}", said == f"{program} {VERSION}", said)
        text = (top / "bin" / program).read_bytes()
        holds("it has no path of this machine", not any(it in text for it in places))
    linked = run("ldd", top / "bin/live-users-backend", fails=True)
    holds("the programs are static" if is_static else "the programs use the system's libc",
          ("statically linked" in linked) == is_static, linked)
    backend, proxy = free_port(), free_port()
    running = []
    try:
        for program, port, env in (
            ("live-users-backend", backend, {"TWILIO_AUTH_TOKEN": AUTH, "API_TOKEN": API, "JOURNAL_URL": "file:/data",
                                             "AGENTS_FILE": f"/{name}/examples/agents.toml"}),
            ("live-users-proxy", proxy, {"BACKEND_URL": f"http://127.0.0.1:{backend}", "BACKEND_TOKEN": API}),
        ):
            log = folder / f"{program}.log"
            running.append(start(["chroot", root, f"/{name}/bin/{program}"], log, HOST="127.0.0.1", PORT=str(port), **env))
            await_port(port, running[-1], log)
        holds("a signed webhook is answered", call(backend, "1")[0] == 200)
        holds("and counted", becomes(counted(backend, 1)), ask(backend, "/api/live-users"))
        holds("the proxy shows it", becomes(shown(proxy, 1)), ask(proxy, "/api/live-users"))
    finally:
        for process in running:
            stop(process)
    ended = [it.returncode for it in running]
    holds("SIGTERM ends both with 0", ended == [0, 0], ended)


class Machine:
    """A Debian that systemd has booted in a container."""

    def __init__(self, folder, base, name):
        self.root = folder / name
        run("cp", "-a", base, self.root)
        self.log = folder / f"{name}.log"
        # In the host's network, so that what listens inside is reached from here.
        self.process = start(["systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--boot", "--directory",
                              self.root, f"--machine=live-users-{name}-{os.getpid()}"], self.log)
        atexit.register(self.stop)
        if not becomes(lambda: self.leader() and self("systemctl", "is-system-running").strip() in ("running", "degraded"), 90):
            raise SystemExit(f"the machine does not boot:\n{self.log.read_text(errors='replace')[-3000:]}")

    def leader(self):
        found = run("pgrep", "--parent", self.process.pid, fails=True).split()
        return found[0] if found else None

    def __call__(self, *words):
        """What a command says inside, whether or not it ends well."""
        said = run("nsenter", "--target", self.leader(), "--all", *words, fails=True)
        if said.startswith("nsenter:"):
            raise SystemExit(said)
        return said

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def state(self, unit, what):
        return self("systemctl", "show", "--value", "--property", what, unit).strip()

    def files(self):
        found = (line for line in self("find", "/", "-xdev").splitlines())
        return {it for it in found if not OF_THE_SYSTEM.match(it)}

    def write(self, path, text):
        file = self.root / path
        mode = file.stat().st_mode
        file.write_text(text)
        file.chmod(mode)


def package(folder, base, target):
    processor, libc = target.split("-")[0], target.rsplit("-", 1)[-1]
    architecture = {"x86_64": "amd64", "aarch64": "arm64"}[processor]
    revision = "1" if libc == "musl" else f"1+{libc}"
    deb = PACKAGES / f"live-users_{VERSION}-{revision}_{architecture}.deb"
    machine = Machine(folder, base, "package")
    before = machine.files()
    shutil.copy(deb, machine.root / "srv/live-users.deb")
    install = ["dpkg", "--install", "/srv/live-users.deb"]
    said = machine(*install)
    status = machine("dpkg-query", "--show", "--showformat", "${db:Status-Abbrev}", "live-users").strip()
    holds("dpkg installs it", status == "ii", said)
    holds("it says what to set", "TWILIO_AUTH_TOKEN" in said and "systemctl enable --now" in said, said)
    for unit in UNITS:
        now = machine.state(unit, "ActiveState"), machine.state(unit, "UnitFileState")
        holds(f"{unit} is neither started nor enabled", now == ("inactive", "disabled"), now)
    owned = [it for it in machine("dpkg-query", "--listfiles", "live-users").split() if it != "/."]
    modes = dict(reversed(it.split(" ", 1)) for it in machine("stat", "--format", "%a:%U:%G %n", *owned).splitlines())
    odd = {path: mode for path, mode in modes.items() if mode not in ("755:root:root", "644:root:root")}
    secret = {f"/etc/live-users/{it}.env": "600:root:root" for it in ("backend", "proxy")}
    holds(f"its {len(modes)} files are root's, and settings are for root alone", odd == secret, odd)
    conffiles = machine("dpkg-query", "--show", "--showformat", "${Conffiles}", "live-users")
    configured = set(re.findall(r"/etc/\S+", conffiles))
    holds("what is in /etc is configuration", configured == set(secret) | {"/etc/live-users/agents.toml"}, configured)
    for unit in UNITS:
        path = f"/usr/lib/systemd/system/{unit}.service"
        said = machine("systemd-analyze", "verify", "--man=no", path)
        holds(f"systemd-analyze verify {unit}", said == "", said)
        said = machine("systemd-analyze", "security", "--offline=true", path).strip().splitlines()[-1]
        figure = re.search(r"([\d.]+) (\w+)", said.split(":", 1)[-1])
        holds(f"systemd-analyze security {unit}: {figure[1]}", float(figure[1]) <= EXPOSURE_MAX, said)
    services(machine, install)
    machine("dpkg", "--remove", "live-users")
    kept = machine("sh", "-c", "ls /etc/live-users /var/lib/private/live-users")
    holds("removed: settings and the journal stay", "backend.env" in kept and "journal.sqlite3" in kept, kept)
    running = [name for name in PROGRAMS if f"{name}\n" in machine("sh", "-c", "cat /proc/[0-9]*/cmdline | tr '\\0' '\\n' | sed 's,.*/,,'")]
    holds("removed: nothing runs", not running, running)
    said = machine("dpkg", "--purge", "live-users")
    machine("rm", "/srv/live-users.deb")
    left = machine.files() - before
    holds("purged: no file is left", not left, sorted(left) + [said])
    machine.stop()


def services(machine, install):
    """The services, from the first setting to an upgrade."""
    backend, proxy = free_port(), free_port()
    log = lambda unit: machine("journalctl", "--unit", unit, "--output", "cat", "--no-pager")
    # Without a setting that it needs.
    machine("systemctl", "start", "live-users")
    ended = lambda: machine.state("live-users", "ExecMainStatus") == "64"
    holds("without its settings the backend ends with 64", becomes(ended), log("live-users"))
    holds("it says which", "TWILIO_AUTH_TOKEN" in log("live-users"), log("live-users"))
    # One that is tried again is `activating` until then.
    failed_for_good = lambda: machine.state("live-users", "ActiveState") == "failed"
    holds("and is not tried again", becomes(failed_for_good), machine("systemctl", "status", "live-users"))
    machine("systemctl", "reset-failed")
    machine.write("etc/live-users/backend.env", f"TWILIO_AUTH_TOKEN={AUTH}\nAPI_TOKEN={API}\nPORT={backend}\n")
    machine.write("etc/live-users/proxy.env", f"BACKEND_TOKEN={API}\nADMIN_TOKEN={ADMIN}\nPORT={proxy}\n"
                  f"BACKEND_URL=http://127.0.0.1:{backend}\n")
    machine("systemctl", "enable", "--now", *UNITS)
    healthy = lambda: ask(backend, "/readyz")[0] == 200 and ask(proxy, "/readyz")[0] == 200
    is_ready = becomes(healthy)
    holds("with them both are ready", is_ready, log("live-users") + log("live-users-proxy"))
    if not is_ready:
        return
    for unit in UNITS:
        process = machine.state(unit, "MainPID")
        lines = machine("cat", f"/proc/{process}/status").splitlines()
        status = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
        user = status["Uid"].split()[1]
        holds(f"{unit} runs as a dynamic user, {user}", 61184 <= int(user) <= 65519, status)
        confined = status["NoNewPrivs"], status["Seccomp"], int(status["CapBnd"], 16), int(status["CapEff"], 16)
        holds(f"{unit} has no capability, and a filter of system calls", confined == ("1", "2", 0, 0), confined)
        limits = machine("cat", f"/proc/{process}/limits")
        files = lambda text: [int(it) for it in re.search(r"Max open files +(\d+) +(\d+)", text).groups()]
        soft, hard = files(limits)
        # A systemd that may not raise its own limit gives that one.
        first = files(machine("cat", "/proc/1/limits"))[1]
        holds(f"{unit} may open {soft} files", soft == hard and (soft == 65536 or soft == first < 65536), limits)
        warned = re.findall(r"(?i).*(?:denied|not permitted|open files).*", log(unit))
        holds(f"{unit} misses no right", not warned, warned)
    holds("a signed webhook is answered", call(backend, "1")[0] == 200)
    holds("and counted", becomes(counted(backend, 1)), ask(backend, "/api/live-users"))
    holds("the proxy shows it", becomes(shown(proxy, 1)), ask(proxy, "/api/live-users"))
    holds("the page asks to sign in", ask(proxy, "/admin/existing-agents")[0] == 303)
    made = machine("sh", "-c", "stat --format '%a %n' /var/lib/private/live-users /var/lib/private/live-users/*")
    modes = {line.split()[0] for line in made.splitlines()}
    holds("the journal is the service's alone", "journal.sqlite3" in made and modes <= {"600", "700"}, made)
    said = machine("env", "JOURNAL_URL=file:/var/lib/live-users", "live-users-backend", "backup", "/srv/copy.sqlite3")
    holds("a backup by root, while it runs", (machine.root / "srv/copy.sqlite3").exists(), said)
    machine("rm", "-f", "/srv/copy.sqlite3")
    machine.write("etc/live-users/agents.toml", '[[agent]]\nid = "a"\nname = "A"\nnumbers = ["+15005550006"]\n')
    machine("systemctl", "reload", "live-users")
    again = lambda: "the agents file is read again, 1 agent" in log("live-users")
    holds("reload reads the agents again", becomes(again), log("live-users"))
    first = machine.state("live-users", "MainPID")
    machine("systemctl", "kill", "--signal=KILL", "live-users")
    other = lambda: machine.state("live-users", "MainPID") not in ("0", first) and counted(backend, 1)()
    holds("killed, it is started again and knows the call", becomes(other), log("live-users"))
    first = [machine.state(it, "MainPID") for it in UNITS]
    said = machine(*install)
    restarted = lambda: all(machine.state(unit, "MainPID") not in ("0", was) for unit, was in zip(UNITS, first))
    holds("an upgrade restarts both", becomes(restarted), said)
    holds("and the count is the same", becomes(counted(backend, 1)), log("live-users"))
    kept = AUTH in (machine.root / "etc/live-users/backend.env").read_text()
    mode = (machine.root / "etc/live-users/backend.env").stat().st_mode & 0o777
    holds("settings are kept, for root alone", kept and mode == 0o600, oct(mode))
    holds("what is to be set is not said again", "nothing is started yet" not in said, said)
    machine("systemctl", "stop", *UNITS)
    ended = [machine.state(it, "ExecMainStatus") for it in UNITS]
    holds("stopped, both end with 0", ended == ["0", "0"], ended)
    holds("no secret in the log", not re.findall(f"{AUTH}|{API}|{ADMIN}|4155550001", machine("journalctl", "--no-pager")))
    machine("systemctl", "start", *UNITS)


def by_hand(folder, base, target):
    """What docs/OPERATIONS.md says of the tarball, word for word."""
    machine = Machine(folder, base, "by-hand")
    for file in (f"live-users-{VERSION}-{target}.tar.gz", "SHA256SUMS"):
        shutil.copy(PACKAGES / file, machine.root / "root")
    section = (ROOT / "docs/OPERATIONS.md").read_text().split("### From the tarball\n")[1].split("\n### ")[0]
    commands = "".join(re.findall(r"```sh\n(.*?)```", section, re.S))
    commands = commands.replace("x86_64-unknown-linux-musl", target)
    said = machine("sh", "-ec", f'sudo() {{ "$@"; }}\ncd /root\n{commands}\necho "to the end"')
    holds("the documented commands run to their end", said.endswith("to the end\n"), said)
    backend, proxy = free_port(), free_port()
    machine.write("etc/live-users/backend.env", f"TWILIO_AUTH_TOKEN={AUTH}\nAPI_TOKEN={API}\nPORT={backend}\n")
    machine.write("etc/live-users/proxy.env", f"PORT={proxy}\nBACKEND_URL=http://127.0.0.1:{backend}\n")
    said = machine("systemctl", "enable", "--now", *UNITS)
    holds("the services of the tarball are enabled", all(machine.state(it, "UnitFileState") == "enabled" for it in UNITS), said)
    ready = lambda: ask(backend, "/readyz")[0] == 200 and shown(proxy, 0)()
    holds("and ready", becomes(ready), machine("journalctl", "--no-pager"))
    machine.stop()


def main():
    target = sys.argv[sys.argv.index("--target") + 1] if "--target" in sys.argv else "x86_64-unknown-linux-musl"
    missing = [it for it in ("debootstrap", "systemd-nspawn", "dpkg") if shutil.which(it) is None]
    if missing or os.geteuid() != 0:
        raise SystemExit(f"NOT RUN: it needs root, and {', '.join(missing) or 'nothing else'}")
    if "--built" not in sys.argv:
        pack = ["cargo", "xtask", "dist", "--target", target]
        run(*pack, cwd=ROOT, timeout=7200)
        first = (PACKAGES / "SHA256SUMS").read_text()
        run(*pack, cwd=ROOT, timeout=7200)
        holds("packed again, the files are the same", (PACKAGES / "SHA256SUMS").read_text() == first)
    folder = Path(tempfile.mkdtemp(prefix="live-users-dist-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    base = os.environ.get("DEBIAN_ROOT")
    if base is None:
        base = folder / "base"
        run("debootstrap", "--variant=minbase", "--include=systemd,systemd-sysv", "bookworm", base, timeout=1200)
    begun = time.monotonic()
    results(target)
    tarball(folder, target, base)
    package(folder, base, target)
    by_hand(folder, base, target)
    print(f"{checked - len(failed)} of {checked} checks hold, in {time.monotonic() - begun:.0f} s")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
