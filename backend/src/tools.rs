//! What the command does with a journal beside serving from it: `backup`, `journal copy` and
//! `journal repair`.

use std::fmt::Display;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, Subcommand};
use live_users_core::{CallId, Millis};
use live_users_http_kit::{ConfigErrors, Env, SettingsReader};
use live_users_journal::{JournalError, without_secrets};
use live_users_replica::{QUIET_MS, TOMBSTONE_MS};
use live_users_state::history::Retention;
use live_users_state::{Copied, Purpose, Settings, TimeRepair, TimeRules, plan_time_repair};

use crate::config::{JOURNAL_URL_DEFAULT, read_counting, read_max_call_ms};
use crate::parts::clock::{moment, steady_unix_ms};

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
    /// Mends the journal of JOURNAL_URL; shows what it would do unless --write is given
    Repair(RepairArgs),
}

/// The arguments of `journal repair`.
#[derive(Clone, Copy, Debug, Args)]
pub struct RepairArgs {
    /// Sets back the times that lie ahead of this machine's clock, which has to be right
    #[arg(long, required = true)]
    time: bool,
    /// Writes the mended journal into its place, and keeps the old one beside it
    #[arg(long)]
    write: bool,
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
                Ok(backup(url, &file).map_err(|error| named(env, error)))
            }
            Self::Journal(JournalTool::Copy(args)) => {
                Journals::read(env, args).map(|journals| copy(&journals))
            }
            Self::Journal(JournalTool::Repair(RepairArgs { write, time: _ })) => {
                let mut reader = SettingsReader::new(env);
                let url = env.get("JOURNAL_URL").unwrap_or(JOURNAL_URL_DEFAULT);
                let rules = TimeRules {
                    now: Millis(steady_unix_ms()),
                    max_call_ms: read_max_call_ms(&mut reader),
                    quiet_ms: QUIET_MS,
                    tombstone_ms: TOMBSTONE_MS,
                    settings: Settings {
                        retention: KEEP_ALL,
                        counting: read_counting(&mut reader),
                        ..Settings::default()
                    },
                };
                let repaired = || repair(url, rules, write).map_err(|error| named(env, error));
                reader.finish(()).map(|()| repaired())
            }
        }
    }
}

/// The error that there is no journal with the setting that names it, and any other one as it is.
fn named(env: &Env, error: io::Error) -> io::Error {
    let text = error.to_string();
    let setting = match env.get("JOURNAL_URL") {
        _ if !text.starts_with("there is no log") => return error,
        Some(_) => "JOURNAL_URL".to_owned(),
        None => format!("JOURNAL_URL is not set, and {JOURNAL_URL_DEFAULT} is its default"),
    };
    io::Error::new(error.kind(), format!("{setting}: {text}"))
}

/// Writes a line for people. A reader that has gone (`| head`) ends nothing: a repair goes on.
fn tell(line: impl Display) {
    let _nobody_reads = writeln!(io::stdout(), "{line}");
}

fn backup(url: &str, to: &Path) -> io::Result<()> {
    let at = live_users_journal::backup(url, to).map_err(io::Error::other)?;
    tell(format_args!("{} has the journal up to {at}", to.display()));
    Ok(())
}

fn copy(Journals { from, to, purpose }: &Journals) -> io::Result<()> {
    let named = |name: &'static str| {
        move |error: JournalError| io::Error::other(format!("{name}: {error}"))
    };
    let mut source = live_users_journal::open_existing(from).map_err(named("--from"))?;
    let mut target = live_users_journal::open(to).map_err(named("--to"))?;
    let copied = live_users_state::copy(&mut *source, &mut *target, *purpose);
    let Copied { from: was, to: is, numbers } = copied.map_err(io::Error::other)?;
    tell(format_args!(
        "{} has what {} told at {was}: {} users on {} calls; it is at {is}",
        without_secrets(to),
        without_secrets(from),
        numbers.users,
        numbers.calls
    ));
    Ok(())
}

/// A repair drops nothing of the history. The next start applies the settings.
const KEEP_ALL: Retention =
    Retention { minutes_ms: u64::MAX, quarters_ms: u64::MAX, hours_ms: u64::MAX };

/// Shows what is wrong with the times of a journal, and mends it if that is asked for.
fn repair(url: &str, rules: TimeRules, write: bool) -> io::Result<()> {
    let mut journal = live_users_journal::open_existing(url).map_err(io::Error::other)?;
    let name = without_secrets(url);
    if journal.is_shared() {
        let why = format!("{name}: its service has the time of this journal; set the clocks there");
        return Err(io::Error::other(why));
    }
    let found = plan_time_repair(&*journal, rules).map_err(io::Error::other)?;
    let now = moment(rules.now);
    let Some(repair) = found else {
        tell(format_args!(
            "{name}: no time lies ahead of {now}, this machine's clock: nothing to mend"
        ));
        return Ok(());
    };
    let TimeRepair { shift, newest, records: (records, ahead), .. } = &repair;
    tell(format_args!(
        "{name}: it is {now} by this machine's clock, and the newest time is {}",
        moment(*newest)
    ));
    tell(format_args!("{ahead} of {records} records lie ahead"));
    tell(format_args!(
        "times from {} on are set back by {} s, to {} and later, and none after the present",
        moment(shift.first_ahead),
        shift.first_ahead.since(shift.last_right) / 1_000,
        moment(shift.last_right)
    ));
    let resumed: Vec<_> = repair.resumed.iter().map(CallId::to_string).collect();
    tell(format_args!(
        "{} calls that timed out meanwhile go on: {}",
        resumed.len(),
        if resumed.is_empty() { "none".to_owned() } else { resumed.join(", ") }
    ));
    tell(format_args!(
        "{} stay ended: they are too old by now, or were never answered",
        repair.left_ended
    ));
    tell(format_args!(
        "after that: {} users on {} calls",
        repair.numbers.users, repair.numbers.calls
    ));
    if !write {
        tell(format_args!(
            "nothing is written: if the clock is right, run this again with --write"
        ));
        return Ok(());
    }
    let written = repair.write(&mut *journal).map_err(io::Error::other)?;
    tell(format_args!("the mended journal is at {}", written.at));
    if let Some(aside) = written.aside {
        tell(format_args!("the old one is kept as {}", aside.display()));
    }
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
        let JournalTool::Copy(args) = line.map_err(|error| error.kind().to_string())?.tool else {
            return Err("another tool".to_owned());
        };
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
