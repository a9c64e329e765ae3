//! Sees that the servers and the programs are on this machine that are measured or measure.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use nix::unistd::Uid;

/// Programs that are started, with the names of their packages in Debian.
const TOOLS: [&str; 3] = ["nginx", "wrk", "nats-server"];

/// nginx's module nchan, which is no program, where Debian puts it.
pub(super) const NCHAN: &str = "/usr/lib/nginx/modules/ngx_nchan_module.so";
const NCHAN_PACKAGE: &str = "libnginx-mod-nchan";

/// Where Debian puts servers, which is not on every user's `PATH`.
const SERVERS_FOLDER: &str = "/usr/sbin";

/// As root on Debian installs what is missing, else says what to install.
pub(super) fn install_what_is_missing() -> Result<()> {
    let mut missing: Vec<_> = TOOLS.into_iter().filter(|tool| find(tool).is_err()).collect();
    if !Path::new(NCHAN).is_file() {
        missing.push(NCHAN_PACKAGE);
    }
    if missing.is_empty() {
        return Ok(());
    }
    let names = missing.join(" ");
    if find("apt-get").is_err() {
        bail!("{names}: missing; install nginx with its module nchan, wrk and nats-server");
    }
    if !Uid::effective().is_root() {
        let install = format!("sudo apt-get install --no-install-recommends {names}");
        bail!("{names}: missing; run `{install}`");
    }
    apt_get(&["update"])?;
    apt_get(&[&["install", "-y", "--no-install-recommends"], &missing[..]].concat())
}

/// The program of this name.
pub(super) fn find(name: &str) -> Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let is_program = |file: &PathBuf| {
        file.metadata().is_ok_and(|it| it.is_file() && it.permissions().mode() & 0o111 != 0)
    };
    std::env::split_paths(&path)
        .chain([PathBuf::from(SERVERS_FOLDER)])
        .map(|folder| folder.join(name))
        .find(is_program)
        .with_context(|| format!("{name} is not installed"))
}

fn apt_get(arguments: &[&str]) -> Result<()> {
    let mut command = Command::new("apt-get");
    // Standard output is for the table.
    let command = command.args(arguments).env("DEBIAN_FRONTEND", "noninteractive");
    let status = command.stdout(std::io::stderr()).status().context("apt-get does not start")?;
    ensure!(status.success(), "`apt-get {}` failed", arguments.join(" "));
    Ok(())
}
