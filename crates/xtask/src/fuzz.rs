//! `cargo xtask fuzz SECONDS`: runs each fuzz target of `fuzz/` for so long, one on each core, and prints what
//! came of it.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result, anyhow, ensure};

/// An input that takes longer than this is a find, in seconds.
const PATIENCE_S: u32 = 20;

/// What came of one target.
struct Ran {
    target: String,
    executions: u64,
    per_second: u64,
    is_clean: bool,
}

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
    cargo(
        root,
        &["run", "--manifest-path", "fuzz/Cargo.toml", "--example", "seeds", "fuzz/corpus"],
    )?;
    cargo(root, &["+nightly", "fuzz", "build", "--sanitizer", "none"])?;
    // One target for each core: what takes longer on one of them holds up no other.
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let begun = AtomicUsize::new(0);
    let next = || targets.get(begun.fetch_add(1, Ordering::Relaxed));
    let work = || -> Result<Vec<String>> {
        let mut found = Vec::new();
        while let Some(target) = next() {
            let Ran { target, executions, per_second, is_clean } =
                fuzz(root, target.clone(), seconds)?;
            let what = if is_clean { "nothing found" } else { "FOUND SOMETHING" };
            println!("{target:12} {executions:>12} inputs, {per_second:>7} each second, {what}");
            if !is_clean {
                found.push(target);
            }
        }
        Ok(found)
    };
    let found = std::thread::scope(|scope| -> Result<Vec<String>> {
        let workers: Vec<_> = (0..cores).map(|_| scope.spawn(work)).collect();
        let mut all = Vec::new();
        for worker in workers {
            all.extend(worker.join().map_err(|_| anyhow!("a worker has panicked"))??);
        }
        Ok(all)
    })?;
    ensure!(found.is_empty(), "something was found by: {}; see fuzz/artifacts", found.join(", "));
    Ok(())
}

fn cargo(root: &Path, arguments: &[&str]) -> Result<()> {
    let mut command = Command::new("cargo");
    command.current_dir(root).args(arguments);
    // The toolchain that this program was started with would be taken instead of the named one.
    command.env_remove("RUSTUP_TOOLCHAIN").env_remove("CARGO");
    ensure!(command.status()?.success(), "cargo {} has failed", arguments.join(" "));
    Ok(())
}

/// Runs one target. Without a sanitizer: it would look for misuse of memory, which safe Rust has
/// not, and halve the speed. Overflows and assertions are checked.
fn fuzz(root: &Path, target: String, seconds: u32) -> Result<Ran> {
    let mut command = Command::new("cargo");
    command.current_dir(root);
    command.args(["+nightly", "fuzz", "run", "--sanitizer", "none", &target, "--"]);
    command.args([&format!("-max_total_time={seconds}"), &format!("-timeout={PATIENCE_S}")]);
    command.args(["-print_final_stats=1", "-verbosity=0"]);
    command.env_remove("RUSTUP_TOOLCHAIN").env_remove("CARGO");
    let output = command.output().context("cargo does not start")?;
    let log = String::from_utf8_lossy(&output.stderr);
    let is_clean = output.status.success();
    if !is_clean {
        let folder = root.join("fuzz/artifacts").join(&target);
        fs::create_dir_all(&folder)?;
        fs::write(folder.join("log"), &*log)?;
    }
    let stat = |name: &str| -> Result<u64> {
        let line = log.lines().find_map(|line| line.strip_prefix("stat::")?.strip_prefix(name));
        let end: Vec<_> = log.lines().rev().take(40).collect();
        let end = || end.iter().rev().copied().collect::<Vec<_>>().join("\n");
        let figure = line.with_context(|| format!("{target} did not run:\n{}", end()))?;
        Ok(figure.trim_start_matches(':').trim().parse()?)
    };
    let executions = stat("number_of_executed_units")?;
    Ok(Ran { executions, per_second: stat("average_exec_per_sec")?, is_clean, target })
}
