//! The chores of this repository: `verify` reads and judges, `fix` writes and never judges.

mod dist;
mod fuzz;
mod setup;
mod tidy;
mod verify;

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::{Result, ensure};

const USAGE: &str = "\
usage: cargo xtask <task>
  verify  check everything: format, clippy, documentation, all tests; changes no file
  setup   see that the tools of the tests are installed; as root on Debian, install them
  fix     format, and let clippy repair what it can
  tidy    run the tidy rules alone (they are also a test of this crate)
  fuzz SECONDS  run each fuzz target of fuzz/ for so long; needs nightly and cargo-fuzz
  dist [--target TRIPLE]...  pack static binaries, a Debian package and lists of components;
                             needs cargo-deb and cargo-cyclonedx
  openapi SERVER  print the OpenAPI document of `backend` or `proxy` as it is served
  audit   check licences, sources and advisories of all dependencies with cargo-deny";
const FIX: &str = "clippy --workspace --all-targets --fix --allow-dirty --allow-staged";

fn main() -> ExitCode {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
    let arguments = std::env::args().skip(1).collect::<Vec<_>>().join(" ");
    let done = match &arguments[..] {
        fuzzing if fuzzing.starts_with("fuzz ") => fuzz::run(root, fuzzing["fuzz ".len()..].trim()),
        "dist" => dist::run(root, ""),
        packing if packing.starts_with("dist ") => dist::run(root, &packing["dist ".len()..]),
        "verify" => verify::run(root),
        "setup" => setup::run(root),
        "fix" => cargo(root, FIX).and_then(|()| cargo(root, "fmt --all")),
        "tidy" => tidy(root),
        "openapi backend" => openapi(root, "backend"),
        "openapi proxy" => openapi(root, "proxy"),
        "audit" => audit(root),
        "-h" | "--help" | "-V" | "--version" => {
            println!("xtask {}\n{USAGE}", env!("CARGO_PKG_VERSION"));
            Ok(())
        }
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(64); // EX_USAGE of `sysexits.h`
        }
    };
    done.inspect_err(|error| eprintln!("{error:#}")).map_or(1.into(), |()| ExitCode::SUCCESS)
}

fn tidy(root: &Path) -> Result<()> {
    let found = tidy::check(root)?;
    ensure!(found.is_empty(), "{}\ntidy: {} found, see above", found.join("\n"), found.len());
    println!("tidy: nothing found");
    Ok(())
}

/// Prints the document of a server as it is served, for tools that read documents.
fn openapi(root: &Path, server: &str) -> Result<()> {
    let own = std::fs::read_to_string(root.join(server).join("openapi.json"))?;
    let whole = live_users_wire::openapi::document(&own)?;
    Ok(std::io::stdout().write_all(whole.as_bytes())?)
}

fn audit(root: &Path) -> Result<()> {
    let advice = "audit: cargo-deny is missing: run `cargo install cargo-deny --locked`";
    ensure!(setup::is_on_path("cargo-deny"), advice);
    cargo(root, "deny --workspace --locked check licenses sources bans")?;
    cargo(root, "deny --workspace --locked check advisories")
}

/// Runs cargo to its end, which has to be a good one.
fn cargo(root: &Path, arguments: &str) -> Result<()> {
    let status = cargo_command(root, arguments).status()?;
    ensure!(status.success(), "`cargo {arguments}` ended with {status}");
    Ok(())
}

/// `cargo` in this folder, with arguments that are divided by spaces.
///
/// The variables of the outer `cargo run` are removed: some build scripts (ring's is one) watch
/// them, and would build anew each time that `verify` and a plain `cargo test` take turns.
fn cargo_command(root: &Path, arguments: &str) -> Command {
    let mut command = Command::new("cargo");
    // `cargo doc` has no flag of its own that denies warnings.
    command.current_dir(root).args(arguments.split(' ')).env("RUSTDOCFLAGS", "-D warnings");
    let outer = ["CARGO_PKG_", "CARGO_MANIFEST_"];
    let keys = std::env::vars_os().filter_map(|(key, _)| key.into_string().ok());
    for key in keys.filter(|key| outer.iter().any(|it| key.starts_with(it))) {
        command.env_remove(key);
    }
    command
}
