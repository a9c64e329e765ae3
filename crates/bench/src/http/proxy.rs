//! The real proxy, as a release build.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::Result;

use super::backend::{another, built};
use super::process::{Process, free_address};

/// The binary, which is built beside this program.
pub(super) struct ProxyBinary(PathBuf);

/// A running proxy.
pub(super) struct Proxy {
    process: Process,
    /// Its address, without a slash at the end.
    pub(super) url: String,
}

impl ProxyBinary {
    pub(super) fn build() -> Result<Self> {
        built("live-users-proxy").map(Self)
    }

    /// Another build of it.
    pub(super) fn at(path: &Path) -> Result<Self> {
        another(path).map(Self)
    }

    /// Starts one before this backend, with these variables and no others of this process.
    pub(super) fn start(&self, backend_url: &str, env: &[(&str, &str)]) -> Result<Proxy> {
        self.start_with(&[&[("BACKEND_URL", backend_url)], env].concat())
    }

    /// Starts one with these variables, which name its backends too.
    pub(super) fn start_with(&self, env: &[(&str, &str)]) -> Result<Proxy> {
        let address = free_address()?;
        let mut command = Command::new(&self.0);
        command.env_clear().stdout(Stdio::null()).stderr(Stdio::inherit());
        command.env("HOST", address.ip().to_string()).env("PORT", address.port().to_string());
        command.env("READS_PER_SECOND", "0").envs(env.iter().copied());
        let process = Process::start(&mut command, address)?;
        Ok(Proxy { process, url: format!("http://{address}") })
    }
}

impl Proxy {
    /// How many descriptors it has open.
    pub(super) fn open_files(&self) -> Result<usize> {
        self.process.open_files()
    }

    /// The memory that it has, in bytes.
    pub(super) fn resident_bytes(&self) -> Result<usize> {
        self.process.resident_bytes()
    }
}
