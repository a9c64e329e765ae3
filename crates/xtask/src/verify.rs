//! Checks everything, in the order in which a mistake is found soonest, and changes nothing.

mod tally;
mod watch;

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use self::tally::Tally;
use crate::{cargo, setup};

/// How long nothing may be said, in seconds: building all of it in one go takes a few minutes, and
/// the longest tests one.
const SILENCE_S_MAX: u64 = 15 * 60;

/// Runs all steps up to the first that fails.
pub(crate) fn run(root: &Path) -> Result<()> {
    each(&STEPS, |step| {
        eprintln!("verify: {}", step.name);
        match step.kind {
            Kind::Xtask => setup::run(),
            Kind::Cargo => plain(step.command(root)),
            Kind::Tests => tests(step.command(root), &mut std::io::stdout()),
        }
    })
}

struct Step {
    name: &'static str,
    arguments: &'static str,
    /// For the `RUSTDOCFLAGS` variable: `cargo doc` has no flag of its own that denies warnings.
    rustdocflags: Option<&'static str>,
    kind: Kind,
}

enum Kind {
    Xtask,
    Cargo,
    Tests,
}

const STEPS: [Step; 5] = [
    Step { name: "format", arguments: "fmt --all --check", rustdocflags: None, kind: Kind::Cargo },
    Step { name: "setup", arguments: "xtask setup", rustdocflags: None, kind: Kind::Xtask },
    Step {
        name: "clippy",
        arguments: "clippy --workspace --all-targets --locked -- -D warnings",
        rustdocflags: None,
        kind: Kind::Cargo,
    },
    Step {
        name: "doc",
        // `--examples` brings in what tests depend on, and so the very features that clippy has
        // just built with: plain `cargo doc` checks half of the dependencies a second time.
        // The servers' binaries share the names of their libraries, where all is documented.
        arguments: "doc --workspace --no-deps --locked --lib --examples --bin xtask",
        rustdocflags: Some("-D warnings"),
        kind: Kind::Cargo,
    },
    Step {
        name: "test",
        arguments: "test --workspace --locked",
        rustdocflags: None,
        kind: Kind::Tests,
    },
];

impl Step {
    fn command(&self, root: &Path) -> Command {
        let mut command = cargo::command(root, self.arguments);
        command.envs(self.rustdocflags.map(|flags| ("RUSTDOCFLAGS", flags)));
        command
    }

    /// What to type to repeat just this step.
    fn repeat(&self) -> String {
        match self.rustdocflags {
            Some(flags) => format!("RUSTDOCFLAGS=\"{flags}\" cargo {}", self.arguments),
            None => format!("cargo {}", self.arguments),
        }
    }
}

fn each(steps: &[Step], mut run: impl FnMut(&Step) -> Result<()>) -> Result<()> {
    for step in steps {
        if let Err(error) = run(step) {
            let (name, repeat) = (step.name, step.repeat());
            bail!("{error:#}\nverify: step \"{name}\" failed; repeat just this with: {repeat}");
        }
    }
    Ok(())
}

fn plain(mut command: Command) -> Result<()> {
    let status = command.status().context("cargo does not start")?;
    ensure!(status.success(), "cargo ended with {status}");
    Ok(())
}

fn tests(mut command: Command, shown: &mut impl Write) -> Result<()> {
    let mut child = command.stdout(Stdio::piped()).spawn().context("cargo does not start")?;
    let output = child.stdout.take().expect("stdout is piped");
    let mut tally = Tally::default();
    watch::lines(&mut child, output, Duration::from_secs(SILENCE_S_MAX), |line| {
        tally.read(&String::from_utf8_lossy(line));
        Ok(shown.write_all(line)?)
    })?;
    let status = child.wait()?;
    writeln!(shown, "{tally}")?;
    ensure!(status.success(), "cargo ended with {status}");
    tally.judge()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_steps_run_in_order_and_stop_at_the_first_failure() {
        let mut ran = Vec::new();
        let result = each(&STEPS, |step| {
            ran.push(step.name);
            ensure!(step.name != "doc", "a broken link");
            Ok(())
        });
        assert_eq!(ran, ["format", "setup", "clippy", "doc"]);
        let text = result.unwrap_err().to_string();
        assert_eq!(
            text,
            "a broken link\nverify: step \"doc\" failed; repeat just this with: \
             RUSTDOCFLAGS=\"-D warnings\" cargo doc --workspace --no-deps --locked --lib \
             --examples --bin xtask"
        );
    }

    #[test]
    fn every_step_that_builds_leaves_the_lock_file_alone() {
        for step in &STEPS {
            let builds = !matches!(step.name, "format" | "setup");
            assert_eq!(step.arguments.contains("--locked"), builds, "{}", step.name);
        }
    }

    #[test]
    fn a_command_that_fails_fails_its_step() {
        assert!(plain(Command::new("true")).is_ok());
        assert!(plain(Command::new("false")).is_err());
        assert!(tests(Command::new("false"), &mut Vec::new()).is_err());
    }

    #[test]
    fn what_the_tests_say_is_passed_on_and_summed_up() {
        let mut shown = Vec::new();
        let result = "test result: ok. 4 passed; 0 failed; 0 ignored\n";
        let mut command = Command::new("printf");
        command.arg(result.repeat(2));
        tests(command, &mut shown).unwrap();
        let shown = String::from_utf8(shown).unwrap();
        assert_eq!(shown, format!("{result}{result}8 passed, 0 failed\n"));
    }

    #[test]
    fn a_run_without_a_single_test_is_a_failure() {
        let error = tests(Command::new("true"), &mut Vec::new()).unwrap_err();
        assert_eq!(error.to_string(), "no test ran");
    }
}
