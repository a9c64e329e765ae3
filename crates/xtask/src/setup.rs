//! Installs the tools of the tests that no `Cargo.toml` can name.

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;

use anyhow::{Result, ensure};

/// What the tests start, with Debian's package of each.
const TOOLS: [[&str; 2]; 4] =
    [["chromium"; 2], ["chromedriver", "chromium-driver"], ["nats-server"; 2], ["faketime"; 2]];

/// Installs what is missing, or says what to install.
pub(crate) fn run() -> Result<()> {
    let packages = missing_packages();
    let install = [&["install", "-y", "--no-install-recommends"], &packages[..]].concat();
    // The owner of a process's own folder is the user it runs as (proc(5)).
    let is_root = Path::new("/proc/self").metadata().is_ok_and(|it| it.uid() == 0);
    if !packages.is_empty() && is_root && is_on_path("apt-get") {
        for arguments in [&["update"], &install[..]] {
            let mut apt = Command::new("apt-get");
            let status = apt.args(arguments).env("DEBIAN_FRONTEND", "noninteractive").status()?;
            ensure!(status.success(), "setup: apt-get failed");
        }
    }
    ensure!(missing_packages().is_empty(), "setup: run `sudo apt-get {}`", install.join(" "));
    println!("setup: all tools are installed");
    Ok(())
}

fn missing_packages() -> Vec<&'static str> {
    TOOLS.into_iter().filter(|[tool, _]| !is_on_path(tool)).map(|[_, package]| package).collect()
}

pub(crate) fn is_on_path(program: &str) -> bool {
    let shell = Command::new("sh").args(["-c", "command -v \"$0\"", program]).output();
    shell.is_ok_and(|it| it.status.success())
}
