//! The command of a server: without an argument it serves, with `healthcheck` it asks the one that
//! does, and a server may have a tool or two beside that.

use std::ffi::OsString;
use std::io;
use std::process::ExitCode;

use crate::{EXIT_USAGE, Env, ListenAddress, Mistakes, Reader, flush_logging, healthcheck};

/// Something else that a server's command does: its name, what it is given (for the usage), and
/// what it does with that.
pub struct Tool {
    /// The first argument.
    pub name: &'static str,
    /// What the second argument is.
    pub operand: &'static str,
    /// Does it.
    pub run: fn(&Env, &str) -> io::Result<()>,
}

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
        [first, operand] if let Some(tool) = tool(first) => Ok((tool.run)(&env, operand)),
        _ => {
            let tools = tools.iter().map(|tool| format!(" | {} {}", tool.name, tool.operand));
            let usage = format!("usage: {name} [healthcheck{}]", tools.collect::<String>());
            eprintln!("{name}: unknown arguments: {}\n{usage}", args.join(" "));
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
