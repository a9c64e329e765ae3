//! The proxy's command: read the settings, listen, serve until told to stop.

use std::process::ExitCode;

use live_users_proxy::Config;
use live_users_service::{EXIT_USAGE, Env, healthcheck, init_logging, shutdown_signal};

const USAGE: &str = "usage: live-users-proxy [healthcheck]
Settings are environment variables; BACKEND_URL is required.";

fn main() -> ExitCode {
    let env = Env::process();
    let args: Vec<_> = std::env::args_os().skip(1).collect();
    let outcome = match args.join(" ".as_ref()).to_string_lossy().as_ref() {
        "" => Config::read(&env).map(|config| finish(serve(config))),
        "healthcheck" => Config::listen(&env).map(|address| finish(healthcheck::run(address))),
        unknown => return refuse(&format!("unknown arguments: {unknown}\n{USAGE}")),
    };
    outcome.unwrap_or_else(|mistakes| refuse(&mistakes.to_string()))
}

#[tokio::main(flavor = "current_thread")]
async fn serve(config: Config) -> std::io::Result<()> {
    init_logging();
    let listener = config.listen.bind()?;
    live_users_proxy::run(config, listener, shutdown_signal()).await
}

fn finish(outcome: std::io::Result<()>) -> ExitCode {
    outcome.inspect_err(|error| eprintln!("live-users-proxy: {error}")).map_or(1, |()| 0).into()
}

fn refuse(message: &str) -> ExitCode {
    eprintln!("live-users-proxy: {message}");
    EXIT_USAGE.into()
}
