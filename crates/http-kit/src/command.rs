//! The command of a server: without an argument it serves, with `healthcheck` it asks the one that
//! does, and a server may have a tool or two beside that.

use std::ffi::OsString;
use std::io;
use std::process::ExitCode;

use crate::{EXIT_USAGE, Env, ListenAddress, Mistakes, Reader, flush_logging, healthcheck};

/// Something else that a server's command does.
pub struct Tool {
    /// The first argument.
    pub name: &'static str,
    /// What follows it, for the usage.
    pub operands: &'static str,
    /// Reads what follows it, and says what is to be done. Wrong arguments are mistakes like those
    /// in settings.
    pub read: fn(&Env, &[&str]) -> Result<Task, Mistakes>,
}

/// What a tool does when nothing is wrong with its arguments.
pub type Task = Box<dyn FnOnce() -> io::Result<()>>;

/// Runs the command of the server called `name`, and says how it ended: 0 when all went well, 1
/// when something went wrong on the way, [`EXIT_USAGE`] when arguments or settings are wrong.
///
/// The health check needs `HOST` and `PORT` and no other setting.
pub fn run<C>(
    name: &str,
    default_port: u16,
    tools: &[Tool],
    read: impl FnOnce(&Env) -> Result<C, Mistakes>,
    serve: impl FnOnce(C) -> io::Result<()>,
) -> ExitCode {
    let env = Env::process();
    let args: Vec<OsString> = std::env::args_os().skip(1).collect();
    let args: Vec<_> = args.iter().map(|arg| arg.to_string_lossy()).collect();
    let args: Vec<&str> = args.iter().map(AsRef::as_ref).collect();
    let tool = |name: &str| tools.iter().find(|tool| tool.name == name);
    let ended = match args[..] {
        [] => read(&env).map(serve),
        ["healthcheck"] => listen(&env, default_port).map(healthcheck::run),
        [first, ref operands @ ..] if let Some(tool) = tool(first) => {
            (tool.read)(&env, operands).map(|task| task())
        }
        // No more of them is repeated than the first: there may be a password in an address.
        [first, ..] => {
            let tools = tools.iter().map(|tool| format!(" | {} {}", tool.name, tool.operands));
            let usage = format!("usage: {name} [healthcheck{}]", tools.collect::<String>());
            eprintln!("{name}: unknown arguments: {first} ...\n{usage}");
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
