//! The real backend, as a release build.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use live_users_testkit::get;
use tempfile::TempDir;

use super::process::{Process, free_address};
use crate::world::{AGENTS, agent_id};

/// What webhooks are signed with.
pub(super) const TOKEN: &str = "benchmark-auth-token-of-32-chars";

/// What Twilio would have configured; the signatures cover it.
pub(super) const PUBLIC_URL: &str = "https://calls.example.com";

/// The binary, which is built beside this program.
pub(super) struct Binary(PathBuf);

impl Binary {
    pub(super) fn build() -> Result<Self> {
        built("live-users-backend").map(Self)
    }

    /// Another build of it.
    pub(super) fn at(path: &Path) -> Result<Self> {
        another(path).map(Self)
    }

    /// Starts a backend that knows the agents of this crate's world and no call yet, with these
    /// variables and no others of this process. Its log goes to a file.
    pub(super) fn start(&self, env: &[(&str, &str)]) -> Result<Backend> {
        self.start_at(free_address()?, env)
    }

    /// As [`Binary::start`], at this address.
    pub(super) fn start_at(&self, address: SocketAddr, env: &[(&str, &str)]) -> Result<Backend> {
        let folder = tempfile::tempdir()?;
        let agents = folder.path().join("agents.toml");
        fs::write(&agents, agents_file())?;
        let log = File::create(folder.path().join("log"))?;
        let mut command = Command::new(&self.0);
        command.env_clear().current_dir(folder.path()).stdout(log).stderr(Stdio::inherit());
        command.env("HOST", address.ip().to_string()).env("PORT", address.port().to_string());
        command.env("AGENTS_FILE", agents).env("PUBLIC_URL", PUBLIC_URL);
        // The load comes from one address. An older build does not know this setting.
        command.env("READS_PER_SECOND", "0").envs(env.iter().copied());
        let process = Process::start(&mut command, address)?;
        Ok(Backend { process, _folder: folder, url: format!("http://{address}") })
    }
}

/// A binary of another build.
pub(super) fn another(path: &Path) -> Result<PathBuf> {
    path.canonicalize().with_context(|| format!("{} is not there", path.display()))
}

/// Builds a binary of the workspace as this program was built, and says where it is.
pub(super) fn built(name: &str) -> Result<PathBuf> {
    let mut cargo = Command::new("cargo");
    cargo.current_dir(env!("CARGO_MANIFEST_DIR"));
    cargo.args(["build", "--release", "--locked", "-p", name]);
    // What the outer `cargo run` says of this package would make some dependencies build anew.
    for (key, _) in std::env::vars_os() {
        let name = key.to_string_lossy();
        if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") {
            cargo.env_remove(&key);
        }
    }
    ensure!(cargo.status().context("cargo does not start")?.success(), "no {name} was built");
    let binary = std::env::current_exe()?.with_file_name(name);
    ensure!(binary.is_file(), "start the bench with `cargo run --release`");
    Ok(binary)
}

/// A running backend.
pub(super) struct Backend {
    // In this order: the server ends before its folder does.
    process: Process,
    _folder: TempDir,
    /// Its address, without a slash at the end.
    pub(super) url: String,
}

impl Backend {
    /// How many people it counts.
    pub(super) fn live_users(&self) -> Result<u64> {
        let count = get(&format!("{}/api/live-users", self.url)).body;
        let live = count.trim_start_matches("{\"liveUsers\":").trim_end_matches('}');
        live.parse().with_context(|| count.clone())
    }

    /// Ends it at once, by SIGKILL.
    pub(super) fn kill(&mut self) -> Result<()> {
        self.process.kill()
    }

    /// How many descriptors it has open.
    pub(super) fn open_files(&self) -> Result<usize> {
        self.process.open_files()
    }

    /// The memory that it has, in bytes.
    pub(super) fn resident_bytes(&self) -> Result<usize> {
        self.process.resident_bytes()
    }

    /// The processor time that it has taken so far, in seconds.
    pub(super) fn processor_s(&self) -> Result<f64> {
        self.process.processor_s()
    }
}

/// The number of an agent.
pub(super) fn agent_number(n: u64) -> String {
    format!("+1500555{n:04}")
}

fn agents_file() -> String {
    (0..AGENTS).fold(String::new(), |mut file, n| {
        let (id, number) = (agent_id(n), agent_number(n));
        let agent = format!("id = \"{id}\"\nname = \"{id}\"\nnumbers = [\"{number}\"]");
        writeln!(file, "[[agent]]\n{agent}\n").expect("a string can be written to");
        file
    })
}
