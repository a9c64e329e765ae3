//! `live-users-backend`: Twilio in, count out.

use std::io;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use live_users_backend::{Backend, Configs, DEFAULT_PORT, Tool, keep_mail_command};
use live_users_http_kit::{
    Env, command, init_logging, shutdown_signal, survive_file_size_limit, warn_of_misspelt,
};

/// The name of the binary.
const NAME: &str = "live-users-backend";

/// A webhook makes some 75 small allocations, most of which the writer's thread frees.
#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Receives Twilio's webhooks and counts the people on the line.
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
    /// Asks the backend at HOST and PORT whether it is alive; the exit code is the answer
    Healthcheck,
    #[command(flatten)]
    Tool(Tool),
}

fn main() -> ExitCode {
    if let Some(ended) = keep_mail_command() {
        return ended;
    }
    let args: Args = match command::arguments() {
        Ok(args) => args,
        Err(code) => return code,
    };
    let env = Env::process();
    let ended = match args.command {
        None => Configs::read(&env).map(serve),
        Some(Command::Healthcheck) => command::check_health(&env, DEFAULT_PORT),
        Some(Command::Tool(tool)) => tool.run(&env),
    };
    command::end(NAME, ended)
}

#[actix_web::main]
async fn serve(settings: Configs) -> io::Result<()> {
    init_logging();
    warn_of_misspelt(&Env::process());
    survive_file_size_limit();
    // Before the journal is opened: a SIGHUP meanwhile would end the process.
    let shutdown = shutdown_signal();
    let listen = settings.first().listen;
    let backend = Backend::open(settings)?;
    backend.run(listen.bind()?, shutdown).await
}
