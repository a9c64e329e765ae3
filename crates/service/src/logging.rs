//! The log: to standard output, where a container platform looks for it.

use env_logger::{Env, Target};

/// Starts the log. `RUST_LOG` chooses what is in it (`info` when not set), in the notation of
/// `env_logger`. A second call changes nothing.
pub fn init() {
    let env = Env::default().default_filter_or("info");
    let _already_started = env_logger::Builder::from_env(env).target(Target::Stdout).try_init();
}
