//! `live-users-proxy`: what browsers talk to.

use std::io;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use live_users_http_kit::{
    Env, command, init_logging, shutdown_signal, survive_file_size_limit, warn_of_misspelt,
};
use live_users_proxy::{Config, DEFAULT_PORT, run};

/// The name of the binary.
const NAME: &str = "live-users-proxy";

/// Serves the live count, the page that shows it and its custom element to browsers. Asks the
/// backend at BACKEND_URL for the count.
///
/// Without a command it serves until it is asked to stop.
#[derive(Debug, Parser)]
#[command(name = NAME, version, after_help = command::HELP_ON_SETTINGS)]
struct Args {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Asks the proxy at HOST and PORT whether it is alive; the exit code is the answer
    Healthcheck,
}

fn main() -> ExitCode {
    let args: Args = match command::arguments() {
        Ok(args) => args,
        Err(code) => return code,
    };
    let env = Env::process();
    let ended = match args.command {
        None => Config::read(&env).map(serve),
        Some(Command::Healthcheck) => command::check_health(&env, DEFAULT_PORT),
    };
    command::end(NAME, ended)
}

#[actix_web::main]
async fn serve(config: Config) -> io::Result<()> {
    init_logging();
    warn_of_misspelt(&Env::process());
    survive_file_size_limit();
    let listener = config.listen.bind()?;
    run(config, listener, shutdown_signal()).await
}
