//! `live-users`: the backend and the proxy in one process for a laptop, and the simulator.

mod account;
mod accuracy;
mod args;
mod connect;
mod credential;
mod doctor;
mod local;
mod network;
mod own_server;
mod remote;
mod simulate;
mod terminal;
mod tokens;
mod welcome;

use std::fmt::{self, Display};
use std::io::Write;
use std::net::Ipv4Addr;
use std::process::ExitCode;

use actix_web::rt::task::spawn_blocking;
use args::{Args, Command};
use clap::{CommandFactory, Parser};
use clap_complete::Shell;
use live_users_http_kit::{
    EXIT_USAGE, ListenAddress, command, flush_logging, init_logging, shutdown_signal,
    survive_file_size_limit,
};

/// The name of the binary.
const NAME: &str = "live-users";

fn main() -> ExitCode {
    // Without the runtime: a process that keeps a mail command does nothing else.
    live_users_backend::keep_mail_command().unwrap_or_else(run)
}

#[actix_web::main]
async fn run() -> ExitCode {
    let args = Args::try_parse().unwrap_or_else(|error| {
        let asked_for = !error.use_stderr();
        let _closed_pipe = error.print();
        std::process::exit(if asked_for { 0 } else { EXIT_USAGE.into() });
    });
    // What these tell is not mixed with a log.
    if matches!(args.command, None | Some(Command::Simulate(_))) {
        init_logging();
    }
    survive_file_size_limit();
    let ended = match args.command {
        None => local::run(&args.ports, shutdown_signal()).await,
        Some(Command::Connect(connect)) => connect::run(&args.ports, &connect).await,
        Some(Command::Doctor(doctor)) => doctor::run(&args.ports, &doctor).await,
        Some(Command::Simulate(simulation)) => match simulation.accuracy.world {
            _ if !simulation.accuracy.sources.is_empty() => {
                accuracy::run_sources(&simulation, simulation.accuracy.json)
            }
            None => simulate::run(&args.ports, &simulation).await,
            Some(world) => accuracy::run(world, &simulation, simulation.accuracy.json),
        },
        Some(Command::Remote(remote)) => remote.run(&args.ports).await,
        Some(Command::Healthcheck) => {
            let listen = ListenAddress((Ipv4Addr::LOCALHOST, args.ports.backend_port).into());
            Ok(command::end(NAME, Ok(command::check_health_at(listen, "--backend-port"))))
        }
        Some(Command::Completions { shell }) => {
            complete(shell);
            Ok(ExitCode::SUCCESS)
        }
        // A journal may bring a runtime of its own.
        Some(Command::Tool(tool)) => {
            let env = local::env_of(&tool);
            let done = spawn_blocking(move || command::end(NAME, tool.run(&env)));
            done.await.map_err(Failure::run)
        }
    };
    flush_logging();
    ended.unwrap_or_else(|failure| {
        eprintln!("live-users: {}", failure.message);
        ExitCode::from(failure.code)
    })
}

/// Writes the completions of a shell.
fn complete(shell: Shell) {
    let mut completions = Vec::new();
    clap_complete::generate(shell, &mut Args::command(), NAME, &mut completions);
    let _nobody_reads = std::io::stdout().write_all(&completions);
}

/// Writes a line for people. A reader that has gone (`| head`) is no reason to end.
pub(crate) fn tell(line: impl Display) {
    let _nobody_reads = writeln!(std::io::stdout(), "{line}");
}

/// Why the command ends early.
#[derive(Debug)]
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

impl Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}
