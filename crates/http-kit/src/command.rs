//! The commands of both servers: reading arguments, the health check, exit codes.
//!
//! Each binary declares its own arguments with `clap`. This module reads them and reports errors.
//! It never repeats a value, because an argument may be a URL with a password.

use std::ffi::OsString;
use std::io;
use std::process::ExitCode;

use clap::Parser;
use clap::error::{ContextKind, ContextValue, Error, ErrorKind};

use crate::{
    ConfigErrors, EXIT_USAGE, Env, ListenAddress, SettingsReader, flush_logging, healthcheck,
    misspelt,
};

/// The end of `--help`: where settings come from.
pub const HELP_ON_SETTINGS: &str = "\
Settings come from environment variables. docs/SETTINGS.md describes each of them.
Wrong settings are reported all at once.

Exit codes: 0 when all went well, 1 when something failed, 64 for wrong arguments or settings.";

/// Reads the arguments of this process. Otherwise returns the exit code: 0 after `--help` and
/// `--version`, [`EXIT_USAGE`] after wrong arguments.
///
/// # Errors
/// The exit code. The text has been printed.
pub fn arguments<A: Parser>() -> Result<A, ExitCode> {
    let args: Vec<OsString> = std::env::args_os().collect();
    A::try_parse_from(&args).map_err(|error| {
        let is_a_request = !error.use_stderr();
        // This text repeats no argument. It consists of our own declarations.
        if is_a_request || error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
            let _closed_pipe = error.print();
        } else {
            let mut command = A::command();
            let unknown = args.get(1).filter(|first| command.find_subcommand(first).is_none());
            let problem = match unknown.and_then(|first| first.to_str()) {
                Some(first) if is_word(first) => format!("unknown arguments: {first} ..."),
                _ => problem_in(&error),
            };
            let name = command.get_name().to_owned();
            let usage = match error.get(ContextKind::Usage) {
                Some(ContextValue::StyledStr(usage)) => usage.to_string(),
                _ => command.render_usage().to_string(),
            };
            eprintln!("{name}: {problem}\n{usage}\nTry `{name} --help`.");
        }
        if is_a_request { ExitCode::SUCCESS } else { EXIT_USAGE.into() }
    })
}

/// Whether a message may repeat it. No address and no value has this form.
fn is_word(text: &str) -> bool {
    text.len() <= 32 && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-')
}

/// Describes the error without repeating what was typed.
fn problem_in(error: &Error) -> String {
    // These name an argument that we declare. The context of other errors is what was typed.
    let ours = match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(name)) => name.clone(),
        Some(ContextValue::Strings(names)) => names.join(", "),
        _ => String::new(),
    };
    match error.kind() {
        ErrorKind::MissingRequiredArgument => format!("expected {ours}"),
        ErrorKind::InvalidValue => format!("{ours} has no value, or one that cannot be used"),
        ErrorKind::ArgumentConflict => format!("{ours} is given twice"),
        ErrorKind::InvalidSubcommand => "unknown command".to_owned(),
        _ => "unknown arguments".to_owned(),
    }
}

/// Checks that the server on this machine is alive. It needs only the settings `HOST` and `PORT`.
///
/// # Errors
/// If one of these settings is wrong. The inner error means that the server does not answer.
pub fn check_health(env: &Env, default_port: u16) -> Result<io::Result<()>, ConfigErrors> {
    let mut reader = SettingsReader::new(env);
    let listen = ListenAddress::read(&mut reader, default_port);
    reader.finish(listen).map(|listen| healthcheck::run(listen, "HOST and PORT"))
}

/// Checks that the server at this address is alive. `setting` is what names the address in this
/// command.
///
/// # Errors
/// If it does not answer, or not with 200.
pub fn check_health_at(listen: ListenAddress, setting: &str) -> io::Result<()> {
    healthcheck::run(listen, setting)
}

/// Prints the error of the command `name`, and returns its exit code: 0 after success, 1 after a
/// failure, [`EXIT_USAGE`] after wrong settings. Beside those stand the names of this process's variables that
/// are nearly a setting's.
pub fn end(name: &str, ended: Result<io::Result<()>, ConfigErrors>) -> ExitCode {
    flush_logging();
    match ended {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(error)) => {
            eprintln!("{name}: {error}");
            ExitCode::FAILURE
        }
        Err(errors) => {
            eprintln!("{name}: {errors}");
            misspelt(&Env::process()).iter().for_each(|line| eprintln!("{name}: {line}"));
            EXIT_USAGE.into()
        }
    }
}
