//! `live-users-backend`: Twilio in, count out.

use std::process::ExitCode;

use live_users_backend::{Config, run};
use live_users_service::{EXIT_USAGE, Env, healthcheck, init_logging, shutdown_signal};

const USAGE: &str = "usage: live-users-backend [healthcheck]";

#[actix_web::main]
async fn main() -> ExitCode {
    let config = match Config::read(&Env::process()) {
        Ok(config) => config,
        Err(mistakes) => {
            eprintln!("live-users-backend: {mistakes}");
            return ExitCode::from(EXIT_USAGE);
        }
    };
    let args: Vec<_> = std::env::args().skip(1).collect();
    let ended = match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => {
            init_logging();
            match config.listen.bind() {
                Ok(listener) => run(config, listener, shutdown_signal()).await,
                Err(error) => Err(error),
            }
        }
        ["healthcheck"] => healthcheck::run(config.listen),
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(EXIT_USAGE);
        }
    };
    ended.map_or_else(
        |error| {
            eprintln!("live-users-backend: {error}");
            ExitCode::FAILURE
        },
        |()| ExitCode::SUCCESS,
    )
}
