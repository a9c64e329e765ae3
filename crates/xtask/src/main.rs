//! The chores of this repository: `verify` reads and judges, `fix` writes and never judges.

mod cargo;
mod setup;
mod tidy;
mod verify;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Result, bail};

const USAGE: &str = "\
usage: cargo xtask <task>

  verify  check everything: format, clippy, documentation, all tests; changes no file
  setup   see that Chromium and its driver are installed; as root on Debian, install them
  fix     format, and let clippy repair what it can
  tidy    run the tidy rules alone (they are also tests of this crate)";

/// How a command that was called wrongly ends: EX_USAGE of `sysexits.h`.
const EXIT_USAGE: u8 = 64;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let done = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["verify"] => verify::run(&repository()),
        ["setup"] => setup::run(),
        ["fix"] => fix(&repository()),
        ["tidy"] => tidy(&repository()),
        ["-h" | "--help"] => {
            println!("{USAGE}");
            Ok(())
        }
        ["-V" | "--version"] => {
            println!("xtask {}", env!("CARGO_PKG_VERSION"));
            Ok(())
        }
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(EXIT_USAGE);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn fix(root: &Path) -> Result<()> {
    let clippy = "clippy --workspace --all-targets --fix --allow-dirty --allow-staged";
    for arguments in [clippy, "fmt --all"] {
        if !cargo::command(root, arguments).status()?.success() {
            bail!("fix: `cargo {arguments}` failed");
        }
    }
    Ok(())
}

fn tidy(root: &Path) -> Result<()> {
    let findings = tidy::check(root)?;
    for finding in &findings {
        println!("{finding}");
    }
    match findings.len() {
        0 => {
            println!("tidy: nothing found");
            Ok(())
        }
        n => bail!("tidy: {n} found, see above"),
    }
}

fn repository() -> PathBuf {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
    crates.and_then(Path::parent).expect("this crate is two folders deep").to_owned()
}
