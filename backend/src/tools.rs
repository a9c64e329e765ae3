//! What the command does with a journal beside serving from it: `backup` and `journal copy`.

use std::io;
use std::path::{Path, PathBuf};

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, Subcommand};
use live_users_http_kit::{ConfigErrors, Env};
use live_users_journal::without_secrets;
use live_users_state::{Copied, Purpose};

use crate::config::JOURNAL_URL_DEFAULT;

/// A command that works on journals.
#[derive(Debug, Subcommand)]
pub enum Tool {
    /// Copies the journal of JOURNAL_URL into a new file; a backend may be using it
    Backup {
        /// The copy, which must not exist yet
        file: PathBuf,
    },
    /// Works on journals of any engine
    #[command(subcommand)]
    Journal(JournalTool),
}

/// A command behind `journal`.
#[derive(Debug, Subcommand)]
pub enum JournalTool {
    /// Brings the state of one journal into another one, which is empty, of any engine
    Copy(CopyArgs),
}

/// The arguments of `journal copy`.
#[derive(Debug, Args)]
pub struct CopyArgs {
    /// The journal to read; JOURNAL_URL if it is left out
    #[arg(long, value_name = "URL", value_parser = NonEmptyStringValueParser::new())]
    from: Option<String>,
    /// The journal to fill; JOURNAL_URL if it is left out
    #[arg(long, value_name = "URL", value_parser = NonEmptyStringValueParser::new())]
    to: Option<String>,
    /// Makes a backup: backends may go on with the source
    #[arg(long)]
    in_use: bool,
}

impl Tool {
    /// Does it.
    ///
    /// # Errors
    /// If arguments or settings cannot be used. Inside, if there is no such journal, if it is in
    /// use where it may not be, if the target exists or has something in it, or if reading or
    /// writing fails.
    pub fn run(self, env: &Env) -> Result<io::Result<()>, ConfigErrors> {
        match self {
            Self::Backup { file } => {
                let url = env.get("JOURNAL_URL").unwrap_or(JOURNAL_URL_DEFAULT);
                Ok(backup(url, &file))
            }
            Self::Journal(JournalTool::Copy(args)) => {
                Journals::read(env, args).map(|journals| copy(&journals))
            }
        }
    }
}

fn backup(url: &str, to: &Path) -> io::Result<()> {
    let at = live_users_journal::backup(url, to).map_err(io::Error::other)?;
    println!("{} has the journal up to {at}", to.display());
    Ok(())
}

fn copy(Journals { from, to, purpose }: &Journals) -> io::Result<()> {
    let open = |name: &str, url: &str| {
        live_users_journal::open(url).map_err(|error| io::Error::other(format!("{name}: {error}")))
    };
    let mut source = open("--from", from)?;
    let mut target = open("--to", to)?;
    let copied = live_users_state::copy(&mut *source, &mut *target, *purpose);
    let Copied { from: was, to: is, numbers } = copied.map_err(io::Error::other)?;
    println!(
        "{} has what {} told at {was}: {} users on {} calls; it is at {is}",
        without_secrets(to),
        without_secrets(from),
        numbers.users,
        numbers.calls
    );
    Ok(())
}

/// Two journals, and why one is copied into the other.
#[derive(Debug)]
struct Journals {
    from: String,
    to: String,
    purpose: Purpose,
}

impl Journals {
    fn read(env: &Env, CopyArgs { from, to, in_use }: CopyArgs) -> Result<Self, ConfigErrors> {
        let mut mistakes = Vec::new();
        let configured = env.get("JOURNAL_URL");
        if from.is_none() && to.is_none() {
            mistakes.push("neither --from nor --to is there: expected both, or JOURNAL_URL".into());
        }
        // Nothing of an address is repeated: there may be a password in it.
        let mut journal = |given: Option<String>, name: &str| {
            let journal = given.as_deref().map(str::trim).or(configured).unwrap_or_default();
            if journal.is_empty() && mistakes.is_empty() {
                mistakes.push(format!("{name} is not there, and JOURNAL_URL is not set"));
            } else if journal.starts_with("memory:") {
                mistakes.push(format!("{name} is memory:, which ends with this command"));
            }
            journal.to_owned()
        };
        let (from, to) = (journal(from, "--from"), journal(to, "--to"));
        if from == to && mistakes.is_empty() {
            mistakes.push("--from and --to are the same journal".to_owned());
        }
        let purpose = if in_use { Purpose::Backup } else { Purpose::Move };
        if mistakes.is_empty() {
            Ok(Self { from, to, purpose })
        } else {
            Err(ConfigErrors(mistakes))
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(subcommand)]
        tool: JournalTool,
    }

    fn journals(env: &Env, line: &str) -> Result<Journals, String> {
        let line = Line::try_parse_from(["journal"].into_iter().chain(line.split_whitespace()));
        let JournalTool::Copy(args) = line.map_err(|error| error.kind().to_string())?.tool;
        Journals::read(env, args).map_err(|mistakes| mistakes.to_string())
    }

    #[test]
    fn the_journal_that_is_left_out_is_the_one_that_the_service_has() {
        let env = Env::of([("JOURNAL_URL", "file:./data")]);
        for line in [
            "copy --from file:./data --to nats://u:p@a/x?replicas=3",
            "copy --to=nats://u:p@a/x?replicas=3 --from=file:./data",
            "copy --to nats://u:p@a/x?replicas=3",
        ] {
            let Journals { from, to, purpose } = journals(&env, line).unwrap();
            assert_eq!((&*from, &*to), ("file:./data", "nats://u:p@a/x?replicas=3"), "{line}");
            assert_eq!(purpose, Purpose::Move);
        }
        assert_eq!(journals(&env, "copy --from file:a").unwrap().to, "file:./data");
        let backup = journals(&env, "copy --in-use --to file:b").unwrap();
        assert_eq!((&*backup.to, backup.purpose), ("file:b", Purpose::Backup));
    }

    #[test]
    fn what_is_wrong_is_said_without_the_address() {
        let env = Env::default();
        for (line, told) in [
            ("copy", "neither --from nor --to"),
            ("copy --from file:hunter2", "--to is not there, and JOURNAL_URL is not set"),
            ("copy --from file:hunter2 --to file:hunter2", "the same journal"),
            ("copy --from file:hunter2 --to memory:", "--to is memory:"),
        ] {
            let found = journals(&env, line).unwrap_err();
            assert!(found.contains(told) && !found.contains("hunter2"), "{line}: {found}");
        }
    }
}
