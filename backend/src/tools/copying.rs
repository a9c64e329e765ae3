//! `journal copy`: the state of a journal in another one, or those of several shards in as many.

use std::io;

use live_users_http_kit::{ConfigErrors, Env};
use live_users_journal::{Journal, JournalError, without_secrets};
use live_users_state::{Copied, Purpose, ShardMark};

use super::args::CopyArgs;
use super::lines::tell;
use super::places::Places;

/// Copies one after the other. All sources are open before anything is written, and until the end.
pub(super) fn run(Journals { from, to, purpose }: &Journals, places: &Places) -> io::Result<()> {
    if places.is_sharded() {
        places.check_beside(from)?;
    }
    let open = |(shard, from): (usize, String)| {
        let opened = live_users_journal::open_existing(&from);
        let source = opened.map_err(|error| places.of_shard(shard, not_opened(error, *purpose)))?;
        Ok((shard, from, source))
    };
    let sources: io::Result<Vec<_>> = places.each(from).map(open).collect();
    let mut sources = sources?;
    let targets: Vec<_> = places.each(to).map(|(_, to)| to).collect();
    let mut done = Vec::new();
    for ((shard, from, source), to) in sources.iter_mut().zip(&targets) {
        one(&mut **source, (from, to), (*purpose, places, *shard)).map_err(|error| {
            let error = places.of_shard(*shard, error);
            match done.is_empty() {
                true => error,
                false => io::Error::other(format!(
                    "{error}. Before you copy again, remove what was copied: {}",
                    done.join(", ")
                )),
            }
        })?;
        done.push(without_secrets(to));
    }
    if places.is_sharded() {
        tell(format_args!("copied: {}{}", places.name(), places.rest()));
    }
    Ok(())
}

fn one(
    source: &mut dyn Journal,
    (from, to): (&str, &str),
    (purpose, places, shard): (Purpose, &Places, usize),
) -> io::Result<()> {
    let opened = live_users_journal::open(to);
    let mut target = opened.map_err(|error| io::Error::other(format!("--to: {error}")))?;
    let is_wanted = |mark: Option<&ShardMark>| check_mark(mark, places, shard);
    let copied = live_users_state::copy_if(source, &mut *target, purpose, is_wanted);
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

/// Of a journal on a disk that is in use there is another way to a backup.
fn not_opened(error: JournalError, purpose: Purpose) -> String {
    let way = match (&error, purpose) {
        (JournalError::Locked { .. }, Purpose::Backup) => {
            ". `live-users-backend backup` copies a journal on a disk while it is in use"
        }
        _ => "",
    };
    format!("--from: {error}{way}")
}

/// Refuses to take a journal for that of another shard, and the first one of several for that of all.
fn check_mark(mark: Option<&ShardMark>, places: &Places, shard: usize) -> Result<(), String> {
    let is_wanted =
        |it: &ShardMark| usize::from(it.of) == places.of() && usize::from(it.shard) == shard;
    match mark {
        None if places.is_sharded() => Err("of all calls, while SHARDS is set".to_owned()),
        Some(mark) if places.is_sharded() && !is_wanted(mark) => Err(format!(
            "that of {mark}: set SHARDS as it says, and name the address that JOURNAL_URL has, beside \
             which the shards have theirs"
        )),
        // A later one is named by its address.
        Some(mark @ ShardMark { shard: 0, .. }) if !places.is_sharded() => Err(format!(
            "that of {mark}, and the others would stay behind: set SHARDS and SHARDS_HERE as the \
             backend has them, and for this shard alone also --shard 0"
        )),
        _ => Ok(()),
    }
}

/// Two journals, or the addresses of two times several, and why one is copied into the other.
#[derive(Debug)]
pub(super) struct Journals {
    from: String,
    to: String,
    purpose: Purpose,
}

impl Journals {
    pub(super) fn read(
        env: &Env,
        CopyArgs { from, to, in_use, .. }: CopyArgs,
    ) -> Result<Self, ConfigErrors> {
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
    use crate::tools::args::JournalTool;

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
