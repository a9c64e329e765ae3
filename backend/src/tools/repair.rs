//! `journal repair`: mends the times of journals that a clock ahead has written into.

use std::io;

use live_users_core::{CallId, Millis};
use live_users_http_kit::SettingsReader;
use live_users_journal::{Journal, without_secrets};
use live_users_replica::{QUIET_MS, TOMBSTONE_MS};
use live_users_state::history::Retention;
use live_users_state::{Settings, TimeRepair, TimeRules, plan_time_repair};

use super::lines::tell;
use super::places::Places;
use crate::config::{read_counting, read_max_call_ms};
use crate::parts::clock::{moment, steady_unix_ms};

/// A repair drops nothing of the history. The next start applies the settings.
const KEEP_ALL: Retention =
    Retention { minutes_ms: u64::MAX, quarters_ms: u64::MAX, hours_ms: u64::MAX };

/// The present of this machine, and the settings that times are judged by.
pub(super) fn read_rules(reader: &mut SettingsReader<'_>) -> TimeRules {
    TimeRules {
        now: Millis(steady_unix_ms()),
        max_call_ms: read_max_call_ms(reader),
        quiet_ms: QUIET_MS,
        tombstone_ms: TOMBSTONE_MS,
        settings: Settings {
            retention: KEEP_ALL,
            counting: read_counting(reader),
            ..Settings::default()
        },
    }
}

/// Shows what is wrong with the times of the journals, and mends them if that is asked for. All of them
/// are open before anything is written.
pub(super) fn run((url, places): (&str, &Places), rules: TimeRules, write: bool) -> io::Result<()> {
    places.check_beside(url)?;
    let open = |(shard, url): (usize, String)| {
        let opened = live_users_journal::open_existing(&url);
        let journal = opened.map_err(|error| places.of_shard(shard, error))?;
        Ok((shard, without_secrets(&url), journal))
    };
    let journals: io::Result<Vec<_>> = places.each(url).map(open).collect();
    for (shard, name, mut journal) in journals? {
        repair(&mut *journal, &name, rules, write)
            .map_err(|error| places.of_shard(shard, error))?;
    }
    Ok(())
}

/// Shows what is wrong with the times of a journal, and mends it if that is asked for.
fn repair(journal: &mut dyn Journal, name: &str, rules: TimeRules, write: bool) -> io::Result<()> {
    if journal.is_shared() {
        let why = format!("{name}: its service has the time of this journal; set the clocks there");
        return Err(io::Error::other(why));
    }
    let found = plan_time_repair(journal, rules).map_err(io::Error::other)?;
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
    let written = repair.write(journal).map_err(io::Error::other)?;
    tell(format_args!("the mended journal is at {}", written.at));
    if let Some(aside) = written.aside {
        tell(format_args!("the old one is kept as {}", aside.display()));
    }
    Ok(())
}
