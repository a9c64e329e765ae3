//! `cargo xtask fuzz SECONDS`: runs each fuzz target of `fuzz/` for so long, and prints what came of it.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};

/// What targets begin with: the folder of the fixtures, by the target.
const FIXTURES: [(&str, &str); 3] = [
    ("form", "crates/twilio/tests/fixtures/webhooks"),
    ("webhook", "crates/twilio/tests/fixtures/webhooks"),
    ("rest", "crates/twilio/tests/fixtures"),
];

/// Runs every target for so many seconds.
pub(crate) fn run(root: &Path, seconds: &str) -> Result<()> {
    let seconds = seconds.parse().ok().filter(|seconds| *seconds > 0);
    let seconds: u32 = seconds.context("SECONDS: expected a whole number from 1")?;
    for (tool, advice) in [
        (&["+nightly", "--version"][..], "rustup toolchain install nightly"),
        (&["+nightly", "fuzz", "--version"], "cargo install cargo-fuzz --locked"),
    ] {
        let mut command = Command::new("cargo");
        let ran = command.args(tool).stdout(Stdio::null()).stderr(Stdio::null()).status();
        let is_there = ran.is_ok_and(|status| status.success());
        ensure!(is_there, "fuzzing needs another tool: run `{advice}`");
    }
    let mut targets: Vec<_> = fs::read_dir(root.join("fuzz/fuzz_targets"))?
        .map(|file| Ok(file?.path().file_stem().context("a name")?.to_string_lossy().into_owned()))
        .collect::<Result<_>>()?;
    targets.sort();
    let mut found = Vec::new();
    for target in &targets {
        seed(root, target)?;
        let (executions, is_clean) = fuzz(root, target, seconds)?;
        println!(
            "{target:12} {executions:>12} executions, {}",
            if is_clean { "nothing found" } else { "FOUND SOMETHING" }
        );
        if !is_clean {
            found.push(target.as_str());
        }
    }
    ensure!(found.is_empty(), "something was found by: {}; see fuzz/artifacts", found.join(", "));
    Ok(())
}

/// Copies the fixtures into the corpus of a target.
fn seed(root: &Path, target: &str) -> Result<()> {
    let corpus = root.join("fuzz/corpus").join(target);
    fs::create_dir_all(&corpus)?;
    for (_, folder) in FIXTURES.iter().filter(|(name, _)| *name == target) {
        for file in fs::read_dir(root.join(folder)).with_context(|| (*folder).to_owned())? {
            let file = file?;
            if file.file_type()?.is_file() {
                fs::copy(file.path(), corpus.join(file.file_name()))?;
            }
        }
    }
    Ok(())
}

/// Runs one target. Returns how many inputs it had, and whether nothing was found.
fn fuzz(root: &Path, target: &str, seconds: u32) -> Result<(u64, bool)> {
    let mut command = Command::new("cargo");
    command.current_dir(root).args(["+nightly", "fuzz", "run", target, "--"]);
    command.args([&format!("-max_total_time={seconds}"), "-print_final_stats=1", "-verbosity=0"]);
    command.env_remove("RUSTUP_TOOLCHAIN").env_remove("CARGO");
    let output = command.output().context("cargo does not start")?;
    let log = String::from_utf8_lossy(&output.stderr);
    let stat = log.lines().find_map(|line| line.strip_prefix("stat::number_of_executed_units:"));
    match (stat, output.status.success()) {
        (Some(stat), is_clean) => Ok((stat.trim().parse()?, is_clean)),
        (None, _) => {
            let end: Vec<_> = log.lines().rev().take(40).collect();
            bail!("{target} did not run:\n{}", end.into_iter().rev().collect::<Vec<_>>().join("\n"))
        }
    }
}
