//! `live-users`: the backend and the proxy in one process for a laptop, and the simulator.

mod accuracy;
mod args;
mod local;
mod simulate;
mod tokens;
mod welcome;

use std::fmt::Display;
use std::io::Write;
use std::process::ExitCode;

use args::{Args, Command};
use clap::Parser;
use live_users_http_kit::{
    EXIT_USAGE, flush_logging, init_logging, shutdown_signal, survive_file_size_limit,
};

#[actix_web::main]
async fn main() -> ExitCode {
    let args = Args::try_parse().unwrap_or_else(|error| {
        let asked_for = !error.use_stderr();
        let _closed_pipe = error.print();
        std::process::exit(if asked_for { 0 } else { EXIT_USAGE.into() });
    });
    init_logging();
    survive_file_size_limit();
    let ended = match args.command {
        None => local::run(&args.ports, shutdown_signal()).await,
        Some(Command::Simulate(simulation)) => match simulation.accuracy.world {
            None => simulate::run(&args.ports, &simulation).await,
            Some(world) => accuracy::run(world, &simulation, simulation.accuracy.json),
        },
    };
    flush_logging();
    ended.unwrap_or_else(|failure| {
        eprintln!("live-users: {}", failure.message);
        ExitCode::from(failure.code)
    })
}

/// Writes a line for people. A reader that has gone (`| head`) is no reason to end.
pub(crate) fn tell(line: impl Display) {
    let _nobody_reads = writeln!(std::io::stdout(), "{line}");
}

/// Why the command ends early.
pub(crate) struct Failure {
    message: String,
    code: u8,
}

impl Failure {
    /// What was asked for cannot be: wrong settings.
    pub(crate) fn usage(message: impl ToString) -> Self {
        Self { message: message.to_string(), code: EXIT_USAGE }
    }

    /// It went wrong on the way.
    pub(crate) fn run(message: impl ToString) -> Self {
        Self { message: message.to_string(), code: 1 }
    }
}
