//! `live-users-backend`: Twilio in, count out.

use std::io;
use std::process::ExitCode;

use live_users_backend::{Backend, Config, DEFAULT_PORT, backup, copy};
use live_users_http_kit::command::{self, Tool};
use live_users_http_kit::{init_logging, shutdown_signal};

/// Copies the journal while it is in use.
const BACKUP: Tool = Tool { name: "backup", operands: "FILE", read: backup };

/// Brings the journal into another engine.
const JOURNAL: Tool =
    Tool { name: "journal", operands: "copy [--in-use] --from URL --to URL", read: copy };

fn main() -> ExitCode {
    command::run("live-users-backend", DEFAULT_PORT, &[BACKUP, JOURNAL], Config::read, serve)
}

#[actix_web::main]
async fn serve(config: Config) -> io::Result<()> {
    init_logging();
    let listen = config.listen;
    let backend = Backend::open(config)?;
    backend.run(listen.bind()?, shutdown_signal()).await
}
