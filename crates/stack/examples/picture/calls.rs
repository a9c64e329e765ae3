//! Calls that were never made, with the rhythm of a day, up to one moment.

use std::error::Error;
use std::num::NonZeroU64;
use std::sync::Arc;

use live_users_core::{
    Agent, AgentFrom, AnsweredBy, CallId, Caller, Country, Direction, EndReason, Endpoint,
    Evidence, Millis, Place, Said, Source,
};
use live_users_state::record::{Change, Record};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

pub(crate) const AGENTS: &str = r#"
    [[agent]]
    id = "booking"
    name = "Table bookings"
    numbers = ["+15005550006"]
    capacity = 20

    [[agent]]
    id = "support"
    name = "Customer support"
    numbers = ["+15005550007", "+15005550008"]
    capacity = 40

    [[agent]]
    id = "reception"
    name = "Front desk"
    numbers = ["+15005550009"]
    voice_url = "https://agent.example.com/voice"

    [[agent]]
    id = "delivery"
    name = "Where is my order?"
    numbers = ["+15005550010"]
    capacity = 8

    [[agent]]
    id = "reminders"
    name = "Appointment reminders"
    numbers = ["+15005550011"]
    capacity = 12

    [[agent]]
    id = "night"
    name = "Night desk"
    numbers = ["+15005550012"]
    capacity = 6
"#;

/// The agents that are called, by how often. The last is in no agents file.
const CALLED: &[(&str, u32)] = &[
    ("booking", 9),
    ("support", 12),
    ("reception", 4),
    ("delivery", 9),
    ("reminders", 3),
    ("", 1),
];
const ADDRESS: &str = "+15005550042";

/// Where callers are, by how often; without a country the number is withheld.
const PLACES: &[(&str, &str, &str, u32)] = &[
    ("US", "CA", "SAN FRANCISCO", 6),
    ("US", "CA", "OAKLAND", 2),
    ("US", "NY", "NEW YORK", 5),
    ("US", "TX", "AUSTIN", 3),
    ("US", "IL", "CHICAGO", 2),
    ("US", "WA", "SEATTLE", 2),
    ("CA", "ON", "TORONTO", 3),
    ("CA", "QC", "MONTRÉAL", 2),
    ("GB", "", "LONDON", 3),
    ("DE", "", "", 2),
    ("AU", "NSW", "SYDNEY", 1),
    ("", "", "", 2),
];

const SEED: u64 = 7;
const MINUTE_MS: u64 = 60_000;
const DAY_MS: u64 = 24 * 60 * MINUTE_MS;
/// Calls begin at most this far apart, on average, in the busiest hour.
const APART_MS: u64 = 8_000;
const LONGEST_MS: u64 = 17 * MINUTE_MS;
const BATCH: usize = 512;

/// Writes a journal of the days that end now.
pub(crate) fn write(journal_url: &str, now: Millis, days: u64) -> Result<(), Box<dyn Error>> {
    let mut rng = ChaCha8Rng::seed_from_u64(SEED);
    let mut records = Vec::new();
    let mut begin = now.minus(days * DAY_MS);
    while begin < now {
        begin.0 += rng.random_range(1..2 * APART_MS);
        if rng.random_range(0.0..1.0) < busyness(begin, now) {
            life(&mut rng, begin, now, &mut records);
        }
    }
    records.retain(|record| record.at < now);
    records.sort_by_key(|record| record.at);
    let mut journal = live_users_journal::open(journal_url)?;
    for batch in records.chunks(BATCH) {
        journal.append(&batch.iter().map(Record::encode).collect::<Vec<_>>())?;
    }
    Ok(())
}

/// From 0 to 1: a wave with the length of a day, near its top now, with ripples on it.
fn busyness(at: Millis, now: Millis) -> f64 {
    let ago = now.since(at) as f64;
    let wave =
        |length: u64, shift: f64| ((ago / length as f64 + shift) * std::f64::consts::TAU).cos();
    let day = 0.55 + 0.35 * wave(DAY_MS, 0.06);
    (day + 0.08 * wave(47 * MINUTE_MS, 0.1) + 0.06 * wave(13 * MINUTE_MS, 0.6)).clamp(0.03, 1.0)
}

/// One call from its first record to its last.
fn life(rng: &mut ChaCha8Rng, begin: Millis, now: Millis, records: &mut Vec<Record>) {
    let id = format!("CA{:032x}", rng.random::<u128>());
    let call = CallId::parse(&id).expect("a CallSid");
    let agent = CALLED[drawn(rng, CALLED.iter().map(|it| it.1))].0;
    let (country, region, city, _) = PLACES[drawn(rng, PLACES.iter().map(|it| it.3))];
    let is_outbound = agent == "reminders";
    let named = |text: &str| (!text.is_empty()).then(|| Arc::from(text));
    let started = Evidence {
        direction: Some(if is_outbound { Direction::Outbound } else { Direction::Inbound }),
        agent: match agent {
            "" => Agent::Address(Arc::from(ADDRESS)),
            id => Agent::Id(Arc::from(id)),
        },
        agent_from: AgentFrom::Address,
        caller: NonZeroU64::new(rng.random()).filter(|_| !country.is_empty()).map(Caller),
        place: Place { country: Country::parse(country), region: named(region), city: named(city) },
        ..Evidence::about(call, Source::Voice, Said::Dialing)
    };
    let mut tell = |at: u64, evidence: Evidence| {
        records.push(Record { at: Millis(at), change: Change::Evidence(evidence) });
    };
    let same = |source, said| Evidence { source, said, ..started.clone() };
    tell(begin.0, started.clone());
    let mut at = begin.0;
    if is_outbound {
        at += rng.random_range(4_000..15_000);
        if rng.random_ratio(1, 7) {
            let missed = Said::Over(EndReason::NoAnswer);
            return tell(at + 12_000, same(Source::StatusCallback, missed));
        }
        let answered = same(Source::StatusCallback, Said::InProgress);
        let answered_by = match rng.random_ratio(1, 4) {
            true => Some(AnsweredBy::Machine),
            false => Some(AnsweredBy::Human),
        };
        tell(at, Evidence { answered_by, ..answered });
    }
    // Most people are brief, and some are not.
    let talk = [(); 4].map(|()| rng.random_range(0..LONGEST_MS)).into_iter().min();
    let end = at + 25_000 + talk.unwrap_or_default() + rng.random_range(0..90_000);
    if agent == "support" && rng.random_ratio(1, 3) {
        let asked = at + rng.random_range(20_000..70_000);
        let leg_id = CallId::parse(&format!("CA{:032x}", rng.random::<u128>())).expect("a CallSid");
        let leg = |said| Evidence {
            parent: Some(started.call.clone()),
            direction: Some(Direction::Dial),
            endpoint: Some(Endpoint::Person),
            agent: started.agent.clone(),
            ..Evidence::about(leg_id.clone(), Source::StatusCallback, said)
        };
        if asked + 12_000 < end {
            tell(asked, leg(Said::Dialing));
            tell(asked + rng.random_range(4_000..12_000), leg(Said::InProgress));
            tell(end, leg(Said::Over(EndReason::Completed)));
        }
    }
    // What a caller says tells that the call goes on; of some nothing was heard lately.
    let is_silent = rng.random_ratio(1, 12);
    let mut spoken = at;
    while !is_silent || spoken < now.0.saturating_sub(4 * MINUTE_MS) {
        spoken += rng.random_range(9_000..50_000);
        if spoken >= end {
            break;
        }
        tell(spoken, same(Source::Speech, Said::InProgress));
    }
    let completed = Said::Over(EndReason::Completed);
    let duration_s = u32::try_from((end - at) / 1000).ok();
    if rng.random_ratio(2, 5) {
        tell(end, same(Source::Speech, Said::Over(EndReason::Goodbye)));
    }
    tell(end + 900, Evidence { duration_s, ..same(Source::StatusCallback, completed) });
}

/// The place of one of these, by how often each is met.
fn drawn(rng: &mut ChaCha8Rng, often: impl Iterator<Item = u32> + Clone) -> usize {
    let mut left = rng.random_range(0..often.clone().sum::<u32>());
    let is_it = |share: u32| match left.checked_sub(share) {
        Some(rest) => {
            left = rest;
            false
        }
        None => true,
    };
    often.map(is_it).position(|it| it).unwrap_or_default()
}
