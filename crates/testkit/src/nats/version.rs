//! Which `nats-server` a service runs.

use std::path::PathBuf;

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
