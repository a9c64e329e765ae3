//! What the command does with a journal beside serving from it: `backup` and `journal copy`.

use std::io;
use std::path::PathBuf;

use live_users_http_kit::command::Task;
use live_users_http_kit::{Env, Mistakes};
use live_users_journal::without_secrets;
use live_users_state::{Copied, Purpose};

use crate::config::JOURNAL_URL_DEFAULT;

/// `backup FILE`: copies the journal that `JOURNAL_URL` names into a new file, while a backend may
/// be using it.
///
/// # Errors
/// If the arguments are not one file. The task fails if there is no such journal, if the file
/// exists, or if reading or writing fails.
pub fn backup(env: &Env, operands: &[&str]) -> Result<Task, Mistakes> {
    let [to] = operands else {
        return Err(Mistakes(vec!["backup: expected one FILE, which is not there yet".to_owned()]));
    };
    let url = env.get("JOURNAL_URL").unwrap_or(JOURNAL_URL_DEFAULT).to_owned();
    let to = PathBuf::from(to);
    Ok(Box::new(move || {
        let at = live_users_journal::backup(&url, &to).map_err(io::Error::other)?;
        println!("{} has the journal up to {at}", to.display());
        Ok(())
    }))
}

/// `journal copy --from URL --to URL`: brings the state that one journal tells into another one,
/// which is empty, of any engine. One of the two may be left out: then it is `JOURNAL_URL`. With
/// `--in-use` it is a backup, and backends may go on with the source.
///
/// # Errors
/// If the arguments are others. The task fails if either journal is in use, if the source has
/// nothing and the target something in it, or if reading or writing fails.
pub fn copy(env: &Env, operands: &[&str]) -> Result<Task, Mistakes> {
    let Places { from, to, purpose } = Places::read(env, operands)?;
    Ok(Box::new(move || {
        let open = |name: &str, url: &str| {
            live_users_journal::open(url)
                .map_err(|error| io::Error::other(format!("{name}: {error}")))
        };
        let mut source = open("--from", &from)?;
        let mut target = open("--to", &to)?;
        let copied = live_users_state::copy(&mut *source, &mut *target, purpose);
        let Copied { from: was, to: is, numbers } = copied.map_err(io::Error::other)?;
        println!(
            "{} has what {} told at {was}: {} users on {} calls; it is at {is}",
            without_secrets(&to),
            without_secrets(&from),
            numbers.users,
            numbers.calls
        );
        Ok(())
    }))
}

#[derive(Debug)]
struct Places {
    from: String,
    to: String,
    purpose: Purpose,
}

impl Places {
    fn read(env: &Env, operands: &[&str]) -> Result<Self, Mistakes> {
        let [mut from, mut to] = [None, None];
        let (mut mistakes, mut purpose) = (Vec::new(), Purpose::Move);
        // Nothing of an address is repeated: there may be a password in it.
        let mut operands = operands.iter().copied();
        if operands.next() != Some("copy") {
            mistakes.push("journal: expected copy".to_owned());
        }
        while let Some(option) = operands.next() {
            if option == "--in-use" {
                purpose = Purpose::Backup;
                continue;
            }
            let (name, value) = match option.split_once('=') {
                Some((name, value)) => (name, Some(value)),
                None => (option, operands.next()),
            };
            let place = match name {
                "--from" => &mut from,
                "--to" => &mut to,
                _ => {
                    mistakes.push("an option is not --from URL, --to URL or --in-use".to_owned());
                    continue;
                }
            };
            if place.is_some() {
                mistakes.push(format!("{name} is there twice"));
            }
            match value.map(str::trim).filter(|value| !value.is_empty()) {
                Some(value) => *place = Some(value.to_owned()),
                None => mistakes.push(format!("{name} is without its URL")),
            }
        }
        let configured = env.get("JOURNAL_URL");
        if from.is_none() && to.is_none() && mistakes.is_empty() {
            mistakes.push("neither --from nor --to is there: expected both, or JOURNAL_URL".into());
        }
        let mut place = |given: Option<String>, name: &str| {
            let place = given.or_else(|| configured.map(str::to_owned)).unwrap_or_default();
            if place.is_empty() && mistakes.is_empty() {
                mistakes.push(format!("{name} is not there, and JOURNAL_URL is not set"));
            } else if place.starts_with("memory:") {
                mistakes.push(format!("{name} is memory:, which ends with this command"));
            }
            place
        };
        let (from, to) = (place(from, "--from"), place(to, "--to"));
        let places = Self { from, to, purpose };
        if places.from == places.to && mistakes.is_empty() {
            mistakes.push("--from and --to are the same journal".to_owned());
        }
        if mistakes.is_empty() { Ok(places) } else { Err(Mistakes(mistakes)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(env: &Env, line: &str) -> Result<Places, String> {
        let operands: Vec<_> = line.split_whitespace().collect();
        Places::read(env, &operands).map_err(|mistakes| mistakes.to_string())
    }

    #[test]
    fn the_place_that_is_left_out_is_the_one_that_the_service_has() {
        let env = Env::of([("JOURNAL_URL", "file:./data")]);
        for line in [
            "copy --from file:./data --to nats://u:p@a/x?replicas=3",
            "copy --to=nats://u:p@a/x?replicas=3 --from=file:./data",
            "copy --to nats://u:p@a/x?replicas=3",
        ] {
            let Places { from, to, purpose } = places(&env, line).unwrap();
            assert_eq!((&*from, &*to), ("file:./data", "nats://u:p@a/x?replicas=3"), "{line}");
            assert_eq!(purpose, Purpose::Move);
        }
        assert_eq!(places(&env, "copy --from file:a").unwrap().to, "file:./data");
        let backup = places(&env, "copy --in-use --to file:b").unwrap();
        assert_eq!((&*backup.to, backup.purpose), ("file:b", Purpose::Backup));
    }

    #[test]
    fn what_is_wrong_is_said_without_the_address() {
        let env = Env::default();
        for (line, told) in [
            ("", "expected copy"),
            ("move --from file:hunter2 --to file:b", "expected copy"),
            ("copy", "neither --from nor --to"),
            ("copy --from file:hunter2", "--to is not there, and JOURNAL_URL is not set"),
            ("copy --from file:hunter2 --to", "--to is without its URL"),
            ("copy --from= --to file:hunter2", "--from is without its URL"),
            ("copy --from file:hunter2 --to file:hunter2", "the same journal"),
            ("copy --from file:hunter2 --from file:b --to file:c", "--from is there twice"),
            ("copy --from file:hunter2 --to memory:", "--to is memory:"),
            ("copy file:hunter2 file:b", "not --from URL, --to URL or --in-use"),
        ] {
            let found = places(&env, line).unwrap_err();
            assert!(found.contains(told) && !found.contains("hunter2"), "{line}: {found}");
        }
    }
}
