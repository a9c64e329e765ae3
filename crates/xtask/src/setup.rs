//! Sees that the tools which no `Cargo.toml` can name are on this machine: a real browser, the
//! server of a shared journal, and a clock that is wrong.

use std::env;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

/// What the tests start, with Debian's package of each.
const TOOLS: [(&str, &str); 4] = [
    ("chromium", "chromium"),
    ("chromedriver", "chromium-driver"),
    ("nats-server", "nats-server"),
    ("faketime", "faketime"),
];

/// Installs what is missing, or says what to install.
pub(crate) fn run() -> Result<()> {
    let missing = missing();
    match decide(&missing, is_root(), on_path("apt-get")) {
        Action::Nothing => {}
        Action::Install(packages) => {
            apt_get(&["update"])?;
            let install = ["install", "-y", "--no-install-recommends"];
            apt_get(&[&install[..], &packages[..]].concat())?;
            let still = self::missing();
            if !still.is_empty() {
                bail!("setup: installed {packages:?}, but {still:?} is still not on PATH");
            }
        }
        Action::Refuse(what_to_do) => bail!("setup: {what_to_do}"),
    }
    println!("setup: {} are installed", TOOLS.map(|(tool, _)| tool).join(", "));
    Ok(())
}

#[derive(Debug, PartialEq, Eq)]
enum Action {
    Nothing,
    /// Debian packages.
    Install(Vec<&'static str>),
    /// What to tell the person.
    Refuse(String),
}

fn decide(missing: &[&str], root: bool, apt: bool) -> Action {
    let packages: Vec<_> =
        TOOLS.iter().filter(|(tool, _)| missing.contains(tool)).map(|(_, it)| *it).collect();
    match (packages.is_empty(), root, apt) {
        (true, _, _) => Action::Nothing,
        (false, true, true) => Action::Install(packages),
        (false, false, true) => Action::Refuse(format!(
            "the tests need {}: run `sudo apt-get install --no-install-recommends {}`",
            missing.join(" and "),
            packages.join(" ")
        )),
        (false, _, false) => Action::Refuse(format!(
            "the tests need {} on PATH: install Chromium, the ChromeDriver of the same version and \
             the server of NATS",
            missing.join(" and ")
        )),
    }
}

fn missing() -> Vec<&'static str> {
    TOOLS.iter().map(|(tool, _)| *tool).filter(|tool| !on_path(tool)).collect()
}

fn on_path(program: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).any(|folder| is_executable(&folder.join(program)))
}

fn is_executable(file: &Path) -> bool {
    file.metadata().is_ok_and(|it| it.is_file() && it.permissions().mode() & 0o111 != 0)
}

fn is_root() -> bool {
    // The owner of a process's own folder is the user it runs as (proc(5)).
    Path::new("/proc/self").metadata().is_ok_and(|it| it.uid() == 0)
}

fn apt_get(arguments: &[&str]) -> Result<()> {
    let status = Command::new("apt-get")
        .args(arguments)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .status()
        .context("setup: apt-get does not start")?;
    if !status.success() {
        bail!("setup: `apt-get {}` failed", arguments.join(" "));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_done_where_nothing_is_missing() {
        for (root, apt) in [(false, false), (false, true), (true, false), (true, true)] {
            assert_eq!(decide(&[], root, apt), Action::Nothing);
        }
    }

    #[test]
    fn root_on_debian_gets_just_the_missing_packages() {
        let all = Action::Install(vec!["chromium", "chromium-driver", "nats-server", "faketime"]);
        assert_eq!(decide(&TOOLS.map(|(tool, _)| tool), true, true), all);
        let driver = Action::Install(vec!["chromium-driver"]);
        assert_eq!(decide(&["chromedriver"], true, true), driver);
    }

    #[test]
    fn a_user_is_told_the_exact_command() {
        let Action::Refuse(text) = decide(&["chromium", "chromedriver"], false, true) else {
            panic!("a user cannot install");
        };
        let command = "sudo apt-get install --no-install-recommends chromium chromium-driver";
        assert!(text.contains(command), "{text}");
    }

    #[test]
    fn a_system_without_apt_is_told_what_has_to_be_there() {
        for root in [false, true] {
            let Action::Refuse(text) = decide(&["chromedriver"], root, false) else {
                panic!("there is nothing to install with");
            };
            assert!(text.contains("chromedriver on PATH"), "{text}");
            assert!(!text.contains("apt-get"), "{text}");
        }
    }

    #[test]
    fn a_program_is_found_only_where_it_can_be_started() {
        assert!(on_path("cargo"));
        assert!(!on_path("no-such-program-of-live-users"));
        assert!(!is_executable(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"))));
        assert!(!is_executable(Path::new(env!("CARGO_MANIFEST_DIR"))));
    }
}
