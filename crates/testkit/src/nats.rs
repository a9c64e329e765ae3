//! A NATS service of one test: real servers (`nats-server`), alone or as a cluster of three.

mod admin;
mod version;

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

pub use self::version::NatsVersion;
use crate::freeze::freeze;
use crate::http::try_send;

/// How long a server may take to be ready, in seconds. A bound for a machine that is stuck, not an
/// expectation of speed.
const PATIENCE_S: u64 = 90;

/// How often a service is begun anew because somebody else took one of its ports.
const ATTEMPTS: usize = 5;

/// What a service is given; `None` is the server's own default.
#[derive(Clone, Debug, Default)]
pub struct NatsLimits {
    /// The version of its servers.
    pub version: NatsVersion,
    /// What all streams of a server may have together, in bytes.
    pub file_store: Option<u64>,
    /// The largest message, in bytes.
    pub payload: Option<usize>,
    /// The user and the password that it takes.
    pub login: Option<(&'static str, &'static str)>,
    /// Whether it syncs each message before it acknowledges it, which servers before 2.10 cannot.
    pub syncs_always: bool,
    /// Whether it keeps nothing at all: JetStream is not enabled.
    pub keeps_nothing: bool,
    /// More lines of each server's configuration.
    pub more: String,
}

impl NatsLimits {
    /// As the journal asks for, as far as this version can: it syncs always.
    pub fn on(version: NatsVersion) -> Self {
        let syncs_always = version == NatsVersion::Current;
        Self { version, syncs_always, ..Self::default() }
    }
}

/// Servers that are one service. Killed, and what they keep removed, when dropped.
pub struct Nats {
    nodes: Vec<Node>,
    _directory: TempDir,
}

struct Node {
    child: Option<Child>,
    version: NatsVersion,
    config: PathBuf,
    port: u16,
    monitor: u16,
    keeps_nothing: bool,
    is_frozen: bool,
}

impl Nats {
    /// One server.
    ///
    /// # Panics
    /// If `nats-server` is not installed or does not become ready.
    pub fn alone() -> Self {
        Self::with(1, NatsLimits::default())
    }

    /// Three servers, of which two are a majority.
    ///
    /// # Panics
    /// As [`Nats::alone`].
    pub fn cluster() -> Self {
        Self::with(3, NatsLimits::default())
    }

    /// One server of this version, as [`NatsLimits::on`] has it.
    ///
    /// # Panics
    /// As [`Nats::alone`].
    pub fn alone_on(version: NatsVersion) -> Self {
        Self::with(1, NatsLimits::on(version))
    }

    /// Three servers of this version, as [`NatsLimits::on`] has it.
    ///
    /// # Panics
    /// As [`Nats::alone`].
    pub fn cluster_on(version: NatsVersion) -> Self {
        Self::with(3, NatsLimits::on(version))
    }

    /// As many servers, with these limits.
    ///
    /// # Panics
    /// As [`Nats::alone`].
    pub fn with(servers: usize, limits: NatsLimits) -> Self {
        for _ in 1..ATTEMPTS {
            if let Some(started) = Self::try_with(servers, &limits) {
                return started;
            }
        }
        Self::try_with(servers, &limits).expect("nats-server becomes ready")
    }

    fn try_with(servers: usize, limits: &NatsLimits) -> Option<Self> {
        let directory = tempfile::tempdir().expect("a directory");
        let ports = free_ports(3 * servers);
        let (clients, rest) = ports.split_at(servers);
        let (monitors, routes) = rest.split_at(servers);
        let nodes = (0..servers)
            .map(|n| {
                let config = directory.path().join(format!("n{n}.conf"));
                let store = directory.path().join(format!("n{n}"));
                let mut text = config_of(n, &store, (clients[n], monitors[n]), limits);
                if servers > 1 {
                    let peers: Vec<_> =
                        routes.iter().map(|port| format!("nats://127.0.0.1:{port}")).collect();
                    text += &format!(
                        "cluster {{ name: live, listen: \"127.0.0.1:{}\", routes: [{}] }}\n",
                        routes[n],
                        peers.join(", ")
                    );
                }
                fs::write(&config, text).expect("the configuration is written");
                let (port, monitor) = (clients[n], monitors[n]);
                let (version, keeps_nothing) = (limits.version, limits.keeps_nothing);
                Node {
                    child: None,
                    version,
                    config,
                    port,
                    monitor,
                    keeps_nothing,
                    is_frozen: false,
                }
            })
            .collect();
        let mut nats = Self { nodes, _directory: directory };
        nats.nodes.iter_mut().for_each(Node::start);
        let is_ready = nats.nodes.iter_mut().all(Node::becomes_ready);
        is_ready.then_some(nats)
    }

    /// How many servers there are, dead ones too.
    pub fn count(&self) -> usize {
        self.nodes.len()
    }

    /// The address of a server, such as `127.0.0.1:40123`.
    pub fn address(&self, node: usize) -> String {
        format!("127.0.0.1:{}", self.nodes[node].port)
    }

    /// The address of the journal of this name, as `JOURNAL_URL` has it.
    pub fn journal_url(&self, name: &str) -> String {
        let hosts: Vec<_> = (0..self.nodes.len()).map(|n| self.address(n)).collect();
        format!("nats://{}/{name}", hosts.join(","))
    }

    /// Which server leads a stream, as the servers that are alive say.
    ///
    /// # Panics
    /// If none does for too long.
    pub fn leader_of(&self, stream: &str) -> usize {
        let deadline = Instant::now() + Duration::from_secs(PATIENCE_S);
        while Instant::now() < deadline {
            for node in self.nodes.iter().filter(|it| it.child.is_some() && !it.is_frozen) {
                let found = node.ask("/jsz?streams=1").and_then(|said| leader_in(&said, stream));
                if let Some(leader) = found {
                    return leader;
                }
            }
            // not a wait for time: another process is looked at, with a bound
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("no server leads {stream}");
    }

    /// What each server has of a stream, as it says itself; `None` of one that does not answer or does
    /// not keep the stream.
    pub fn copies_of(&self, stream: &str) -> Vec<Option<StreamCopy>> {
        let copy = |node: &Node| copy_in(&node.ask("/jsz?streams=1")?, stream);
        self.nodes.iter().map(copy).collect()
    }

    /// Stops a server as an operator does (SIGTERM), and waits for its end.
    ///
    /// # Panics
    /// If the system refuses.
    pub fn stop(&mut self, node: usize) {
        let mut child = self.nodes[node].child.take().expect("it is alive");
        kill(pid_of(&child), Signal::SIGTERM).expect("the server can be signalled");
        child.wait().expect("the server ends");
    }

    /// Kills a server as a crash would, and waits for its end.
    ///
    /// # Panics
    /// If the system refuses.
    pub fn kill(&mut self, node: usize) {
        self.nodes[node].kill();
    }

    /// Starts a server that was killed, with what it has kept and on the same ports.
    ///
    /// # Panics
    /// If it does not become ready.
    pub fn restart(&mut self, node: usize) {
        self.start(node);
        self.await_ready(node);
    }

    /// From its next start on, a server is of this version.
    pub fn set_version(&mut self, node: usize, version: NatsVersion) {
        self.nodes[node].version = version;
    }

    /// As [`Nats::restart`], without waiting.
    ///
    /// # Panics
    /// If it cannot be started.
    pub fn start(&mut self, node: usize) {
        self.nodes[node].start();
    }

    /// Waits until a server is ready.
    ///
    /// Trap: while it was down, a connection of somebody else may have been given its port. A server that
    /// ends for that is started again, until the port is free.
    ///
    /// # Panics
    /// If it does not become so.
    pub fn await_ready(&mut self, node: usize) {
        let deadline = Instant::now() + Duration::from_secs(PATIENCE_S);
        while !self.nodes[node].becomes_ready() {
            assert!(Instant::now() < deadline, "the server becomes ready");
            // not a wait for time: the port of another process is waited for, with a bound
            std::thread::sleep(Duration::from_millis(100));
            self.nodes[node].start();
        }
    }

    /// Stops a server where it is (SIGSTOP) or lets it go on (SIGCONT).
    ///
    /// # Panics
    /// If the system refuses.
    pub fn freeze(&mut self, node: usize, frozen: bool) {
        self.nodes[node].is_frozen = frozen;
        let child = self.nodes[node].child.as_ref().expect("it is alive");
        freeze(child, frozen);
    }
}

impl Node {
    fn start(&mut self) {
        let child = Command::new(self.version.program())
            .arg("-c")
            .arg(&self.config)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("this nats-server is not installed: run `cargo xtask setup`");
        self.child = Some(child);
    }

    /// Says whether it does, or ends before that.
    fn becomes_ready(&mut self) -> bool {
        let deadline = Instant::now() + Duration::from_secs(PATIENCE_S);
        let path = if self.keeps_nothing { "/varz" } else { "/healthz?js-enabled=true" };
        while Instant::now() < deadline {
            let child = self.child.as_mut().expect("it was started");
            if child.try_wait().expect("a child can be asked").is_some() {
                return false;
            }
            if self.ask(path).is_some() {
                return true;
            }
            // not a wait for time: another process is looked at, with a bound
            std::thread::sleep(Duration::from_millis(20));
        }
        false
    }

    /// What its monitoring says, if that is good.
    fn ask(&self, path: &str) -> Option<String> {
        let url = format!("http://127.0.0.1:{}{path}", self.monitor);
        let answer = try_send("GET", &url, &[], b"").ok()?;
        (answer.status == 200).then_some(answer.body)
    }

    fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().expect("the server can be killed");
            child.wait().expect("the server ends");
        }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _may_have_ended = child.kill();
            let _may_have_ended = child.wait();
        }
    }
}

fn pid_of(child: &Child) -> Pid {
    Pid::from_raw(child.id().try_into().expect("a pid fits"))
}

/// Ports that were free a moment ago.
fn free_ports(count: usize) -> Vec<u16> {
    let listeners: Vec<_> =
        (0..count).map(|_| TcpListener::bind("127.0.0.1:0").expect("a port")).collect();
    listeners.iter().map(|it| it.local_addr().expect("an address").port()).collect()
}

fn config_of(n: usize, store: &Path, ports: (u16, u16), limits: &NatsLimits) -> String {
    let (port, monitor) = ports;
    let mut text =
        format!("server_name: n{n}\nlisten: \"127.0.0.1:{port}\"\nhttp: \"127.0.0.1:{monitor}\"\n");
    if !limits.keeps_nothing {
        let max = limits.file_store.unwrap_or(4 << 30);
        let sync = if limits.syncs_always { ", sync_interval: always" } else { "" };
        let store = store.display();
        text += &format!("jetstream {{ store_dir: \"{store}\", max_file_store: {max}{sync} }}\n");
    }
    if let Some(payload) = limits.payload {
        text += &format!("max_payload: {payload}\n");
    }
    if let Some((user, password)) = limits.login {
        text += &format!("authorization {{ user: \"{user}\", password: \"{password}\" }}\n");
    }
    text + &limits.more
}

/// The number of the server that leads a stream, in what a server's monitoring says.
fn leader_in(said: &str, stream: &str) -> Option<usize> {
    let (_, behind) = said.split_once(&format!("\"name\": \"{stream}\""))?;
    let (_, behind) = behind.split_once("\"leader\": \"n")?;
    behind.split('"').next()?.parse().ok()
}

/// What a server has of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamCopy {
    /// How many messages.
    pub messages: u64,
    /// How many bytes.
    pub bytes: u64,
    /// The number of the first message.
    pub first: u64,
    /// The number of the last message.
    pub last: u64,
}

/// The copy of a stream in what a server's monitoring says.
fn copy_in(said: &str, stream: &str) -> Option<StreamCopy> {
    let (_, behind) = said.split_once(&format!("\"name\": \"{stream}\""))?;
    let (_, state) = behind.split_once("\"state\": {")?;
    let number = |name: &str| {
        let (_, behind) = state.split_once(&format!("\"{name}\": "))?;
        behind.split(|it: char| !it.is_ascii_digit()).next()?.parse().ok()
    };
    Some(StreamCopy {
        messages: number("messages")?,
        bytes: number("bytes")?,
        first: number("first_seq")?,
        last: number("last_seq")?,
    })
}
