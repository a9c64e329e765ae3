//! From an empty target folder until the page answers, as the README's first command does it.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use live_users_testkit::get;
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::signal::{Signal, killpg};
use nix::sys::time::TimeValLike;
use nix::unistd::Pid;

use super::OTHER;
use crate::report::{Goal, Median, Report, Row};

/// What this build may take of the other one's time.
const RATIO_MAX: f64 = 0.5;

/// Given, so that none is drawn and kept in a file of the user's.
const ADMIN_TOKEN: &str = "benchmark-admin-token-of-32-char";

/// What stands before the address of the page in the output.
const BEFORE_PAGE: &str = "The page ";

/// What one build took.
struct Took {
    wall_s: f64,
    /// Of all processors together.
    processor_s: f64,
}

pub(super) fn measure(report: &mut Report, folder: &Path) -> Result<()> {
    let here = checkout(Path::new(env!("CARGO_MANIFEST_DIR")))?;
    let there = checkout(folder)?;
    // What is downloaded is not what is compared.
    for checkout in [here, there] {
        fetch(checkout)?;
    }
    let (theirs, ours) = (build(there)?, build(here)?);
    let what = "the README's first command from an empty target folder, until the page answers";
    let ratio = Median::of([ours.wall_s / theirs.wall_s]);
    let row = Row::new(what, ours.figure()).beside(theirs.beside(), ratio);
    report.add(row.goal(Goal::AtMost(RATIO_MAX), ratio.middle));
    let ratio = Median::of([ours.processor_s / theirs.processor_s]);
    let figure = format!("{:.0} s of the processors", ours.processor_s);
    let beside = format!("{OTHER}: {:.0} s", theirs.processor_s);
    report.add(Row::new("the same", figure).beside(beside, ratio));
    Ok(())
}

/// The checkout that a folder is in.
fn checkout(folder: &Path) -> Result<&Path> {
    let is_top = |it: &&Path| it.join("Cargo.lock").is_file() && it.join("proxy").is_dir();
    let found = folder.ancestors().find(is_top);
    found.with_context(|| format!("{}: expected a folder in a checkout", folder.display()))
}

fn cargo(checkout: &Path, arguments: &[&str]) -> Command {
    let mut cargo = Command::new("cargo");
    cargo.current_dir(checkout).args(arguments).stdin(Stdio::null());
    // The toolchain is that of the checkout, as for somebody who types the command there.
    for (key, _) in std::env::vars_os() {
        let name = key.to_string_lossy();
        if name.starts_with("CARGO_PKG_") || name == "CARGO" || name == "RUSTUP_TOOLCHAIN" {
            cargo.env_remove(&key);
        }
    }
    cargo
}

fn fetch(checkout: &Path) -> Result<()> {
    let status = cargo(checkout, &["fetch", "--locked"]).status().context("cargo")?;
    ensure!(status.success(), "`cargo fetch` failed in {}", checkout.display());
    Ok(())
}

fn build(checkout: &Path) -> Result<Took> {
    eprintln!("first-build: {}", checkout.display());
    let folder = tempfile::tempdir_in(".")?;
    let first = first_command(&fs::read_to_string(checkout.join("README.md"))?)?;
    eprintln!("  cargo {}", first.join(" "));
    let first: Vec<_> = first.iter().map(String::as_str).collect();
    let mut command = cargo(checkout, &first);
    command.args(["--locked", "--", "--backend-port", "0", "--proxy-port", "0"]);
    command.env("CARGO_TARGET_DIR", folder.path().join("target"));
    command.env("JOURNAL_URL", "memory:").env("ADMIN_TOKEN", ADMIN_TOKEN);
    command.stdout(Stdio::piped());
    // A group of its own, because the server is a child of cargo.
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    let (begin, before) = (Instant::now(), processor_s()?);
    let mut run = Run(command.spawn().context("cargo does not start")?);
    let url = run.page()?;
    let page = get(&url);
    ensure!((200..400).contains(&page.status), "{url}: {page:?}");
    let wall_s = begin.elapsed().as_secs_f64();
    drop(run);
    let took = Took { wall_s, processor_s: processor_s()? - before };
    fs::remove_dir_all(folder.path().join("target"))?;
    Ok(took)
}

/// The arguments of the command of cargo that the README names first.
fn first_command(readme: &str) -> Result<Vec<String>> {
    let first = readme.lines().find_map(|line| line.strip_prefix("cargo "));
    let first = first.context("README.md: expected a line that begins with `cargo `")?;
    Ok(first.split_whitespace().map(str::to_owned).collect())
}

/// A cargo that builds, and then a server; both end when it is dropped.
struct Run(Child);

impl Run {
    /// The address of the page, which the server prints when it listens.
    fn page(&mut self) -> Result<String> {
        let output = self.0.stdout.take().context("piped")?;
        for line in BufReader::new(output).lines() {
            let line = line?;
            if let Some(url) = line.trim_start().strip_prefix(BEFORE_PAGE) {
                return Ok(url.trim().to_owned());
            }
        }
        bail!("it ended with {} before a page was there", self.0.wait()?)
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        if let Ok(group) = self.0.id().try_into() {
            let _has_ended_already = killpg(Pid::from_raw(group), Signal::SIGTERM);
        }
        let _status = self.0.wait();
    }
}

/// What the programs took that this one has started and that have ended.
fn processor_s() -> Result<f64> {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    Ok((usage.user_time() + usage.system_time()).num_microseconds() as f64 / 1e6)
}

impl Took {
    fn figure(&self) -> String {
        format!("{:.0} s", self.wall_s)
    }

    fn beside(&self) -> String {
        format!("{OTHER}: {}", self.figure())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_command_is_that_of_this_readme() {
        let readme = include_str!("../../../../README.md");
        let first = first_command(readme).expect("a command");
        assert_eq!(first.first().map(String::as_str), Some("run"), "{first:?}");
        assert!(!first.iter().any(|it| it == "--"), "arguments of the program: {first:?}");
    }
}
