//! Which `nats-server` a service runs.

use std::path::PathBuf;
use std::process::Command;

/// A version of `nats-server`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NatsVersion {
    /// The first one on the `PATH`. It is the package of the distribution: 2.9.10 in Debian 12.
    #[default]
    Packaged,
    /// The one that `crates/testkit/requirements.txt` names: 2.12.3 or later, as the journal asks for.
    Current,
}

impl NatsVersion {
    /// The newest one that is installed.
    pub fn newest() -> Self {
        if Self::Current.program().is_file() { Self::Current } else { Self::Packaged }
    }

    /// Its number, such as `2.15.1`. `None` if it is not installed.
    pub fn number(self) -> Option<String> {
        let output = Command::new(self.program()).arg("--version").output().ok()?;
        let text = String::from_utf8_lossy(&output.stdout);
        Some(text.split_whitespace().last()?.trim_start_matches('v').to_owned())
    }

    /// The program to start.
    pub(super) fn program(self) -> PathBuf {
        match self {
            Self::Packaged => "nats-server".into(),
            // The place is decided by crates/xtask/src/setup.rs.
            Self::Current => {
                concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/venv/bin/nats-server").into()
            }
        }
    }
}

/// Makes two tests of each function that takes a [`NatsVersion`], one for each version, in the
/// modules `packaged` and `current`.
#[macro_export]
macro_rules! on_each_nats_version {
    ($($test:ident),+ $(,)?) => {
        mod packaged {
            $(#[test] fn $test() { super::$test($crate::NatsVersion::Packaged); })+
        }
        mod current {
            $(#[test] fn $test() { super::$test($crate::NatsVersion::Current); })+
        }
    };
}
