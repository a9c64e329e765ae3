//! The command of a server: without an argument it serves, with `healthcheck` it asks the one that
//! does.

use std::ffi::OsString;
use std::io;
use std::process::ExitCode;

use crate::{EXIT_USAGE, Env, ListenAddress, Mistakes, Reader, flush_logging, healthcheck};

/// Runs the command of the server called `name`, and says how it ended: 0 when all went well, 1
/// when something went wrong on the way, [`EXIT_USAGE`] when arguments or settings are wrong.
///
/// The health check needs `HOST` and `PORT` and no other setting.
pub fn run<C>(
    name: &str,
    default_port: u16,
    read: impl FnOnce(&Env) -> Result<C, Mistakes>,
    serve: impl FnOnce(C) -> io::Result<()>,
) -> ExitCode {
    let env = Env::process();
    let args: Vec<OsString> = std::env::args_os().skip(1).collect();
    let args: Vec<_> = args.iter().map(|arg| arg.to_string_lossy()).collect();
    let ended = match args.iter().map(AsRef::as_ref).collect::<Vec<&str>>()[..] {
        [] => read(&env).map(serve),
        ["healthcheck"] => listen(&env, default_port).map(healthcheck::run),
        _ => {
            let told = args.join(" ");
            eprintln!("{name}: unknown arguments: {told}\nusage: {name} [healthcheck]");
            return EXIT_USAGE.into();
        }
    };
    flush_logging();
    match ended {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(error)) => {
            eprintln!("{name}: {error}");
            ExitCode::FAILURE
        }
        Err(mistakes) => {
            eprintln!("{name}: {mistakes}");
            EXIT_USAGE.into()
        }
    }
}

fn listen(env: &Env, default_port: u16) -> Result<ListenAddress, Mistakes> {
    let mut reader = Reader::new(env);
    let listen = ListenAddress::read(&mut reader, default_port);
    reader.finish(listen)
}
