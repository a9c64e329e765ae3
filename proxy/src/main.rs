//! `live-users-proxy`: what browsers talk to.

use std::io;
use std::process::ExitCode;

use live_users_http_kit::{command, init_logging, shutdown_signal};
use live_users_proxy::{Config, DEFAULT_PORT, run};

fn main() -> ExitCode {
    command::run("live-users-proxy", DEFAULT_PORT, &[], Config::read, serve)
}

#[actix_web::main]
async fn serve(config: Config) -> io::Result<()> {
    init_logging();
    let listener = config.listen.bind()?;
    run(config, listener, shutdown_signal()).await
}
