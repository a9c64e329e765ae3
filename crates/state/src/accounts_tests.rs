//! What is kept of accounts against a state that was told of one of them alone.

use std::collections::BTreeMap;
use std::num::NonZeroU64;
use std::sync::Arc;

use live_users_core::{
    Agent, AgentFrom, CallId, Caller, Connection, Direction, EndReason, Evidence, MINUTE_MS,
    Millis, Said, Source,
};
use proptest::prelude::*;
use proptest::sample::select;

use crate::history::{Grain, Line, Subject};
use crate::record::{Change, Record};
use crate::snapshot;
use crate::state::{Confidence, State};
use crate::suspects::Suspects;

const BEGIN: u64 = 1_795_000_000_000;
const NAMES: [&str; 2] = ["acme", "zeta"];

/// Whose call it is: by who tells of it, or by its agent.
fn evidence() -> impl Strategy<Value = Evidence> {
    let over = |reason| Said::Over(reason);
    let said = select(vec![
        Said::Dialing,
        Said::InProgress,
        over(EndReason::Completed),
        over(EndReason::Goodbye),
        over(EndReason::TimedOut),
    ]);
    let sources = select(vec![Source::Voice, Source::StatusCallback, Source::Referee]);
    let words = select(vec![None, None, Some(Connection::Person), Some(Connection::Agent)]);
    (0..8_u8, said, sources, 1..4_u64, words, prop::option::of(1..900_u32)).prop_map(
        |(n, said, source, caller, connection, duration_s)| {
            let is_zetas = n % 2 == 1;
            let agent = if is_zetas { "support" } else { "booking" };
            let is_over = matches!(said, Said::Over(_));
            let call = CallId::parse(&format!("CA{n:032x}")).expect("an id");
            Evidence {
                direction: Some(Direction::Inbound),
                agent: Agent::Id(Arc::from(agent)),
                agent_account: is_zetas.then(|| Arc::from("zeta")),
                account: Some(Arc::from("acme")),
                caller: NonZeroU64::new(caller).map(Caller),
                connection: connection.filter(|_| !is_over),
                duration_s: duration_s.filter(|_| is_over),
                ..Evidence::about(call, source, said)
            }
        },
    )
}

fn is_zetas(evidence: &Evidence) -> bool {
    evidence.agent_account.is_some()
}

proptest! {
    #[test]
    fn what_is_kept_of_an_account_is_as_if_there_was_no_other(
        log in prop::collection::vec((evidence(), 0..10 * MINUTE_MS), 1..60),
        restarts_at in 0..60_usize,
    ) {
        let (mut whole, mut alone) = (State::default(), [State::default(), State::default()]);
        let mut at = BEGIN;
        for (n, (evidence, gap_ms)) in log.iter().enumerate() {
            if n == restarts_at {
                let stored = snapshot::encode(&whole);
                whole = snapshot::decode(stored.clone()).expect("a snapshot");
                prop_assert_eq!(snapshot::encode(&whole), stored);
            }
            at += gap_ms;
            let record = Record { at: Millis(at), change: Change::Evidence(evidence.clone()) };
            whole.apply(&record);
            alone[usize::from(is_zetas(evidence))].apply(&record);
        }
        let now = Millis(at + 1);
        for (name, alone) in NAMES.into_iter().zip(&alone) {
            let account: Arc<str> = Arc::from(name);
            let durations = whole.durations();
            let own = alone.durations();
            prop_assert_eq!(durations.last_hour_of(&account, None, now), own.last_hour(None, now));
            prop_assert_eq!(durations.last_day_of(&account, None, now), own.last_day(None, now));
            let agents: Vec<_> = durations.agents_of(&account, now).collect();
            prop_assert_eq!(&agents, &own.agents(now).collect::<Vec<_>>());
            for agent in agents {
                let of = durations.last_day_of(&account, Some(agent), now);
                prop_assert_eq!(of, own.last_day(Some(agent), now));
            }
            let drift = whole.corrections().by_account().filter(|(of, ..)| ***of == *name);
            let drift: Vec<_> = drift.map(|(_, cause, n)| (cause, n)).collect();
            prop_assert_eq!(drift, alone.corrections().totals().collect::<Vec<_>>());
            let scoped = whole.tracker().of_accounts(|it| it == name);
            let confidence = Confidence::of(&scoped, now, 120_000);
            prop_assert_eq!(confidence, alone.confidence(now, 120_000));
            for (agent, confidence) in Confidence::by_agent(&scoped, now, 120_000) {
                let alone = Confidence::of_agent(&scoped, &agent, now, 120_000);
                prop_assert_eq!(confidence, alone, "{:?}", agent);
            }
            let suspects = Suspects::of(&scoped, now, 120_000);
            let Confidence { suspect, changes_at, .. } = confidence;
            prop_assert_eq!((suspects.users, suspects.changes_at), (suspect, changes_at));
            let by_agent = Confidence::by_agent(&scoped, now, 120_000).into_iter();
            let by_agent = by_agent.map(|(agent, it)| (agent, it.suspect)).filter(|(_, n)| *n > 0);
            let found: BTreeMap<_, _> = suspects.by_agent.into_iter().collect();
            prop_assert_eq!(found, by_agent.collect::<BTreeMap<_, _>>());
            let feed = whole.activity_log().list().filter(|it| it.account.as_deref() == Some(name));
            let feed: Vec<_> = feed.cloned().collect();
            prop_assert_eq!(feed, alone.activity_log().list().cloned().collect::<Vec<_>>());
            prop_assert!(!whole.activity_log().is_cut());
            let times = (Millis(at / MINUTE_MS * MINUTE_MS), Millis((at / MINUTE_MS + 1) * MINUTE_MS));
            for line in Line::ALL {
                let users = scoped.breakdown().on_the_line().users;
                let subject = Subject::Account(name, users);
                let found = whole.history().slice(subject, line, Grain::Minute, times, now);
                let own = alone.history().slice(Subject::All, line, Grain::Minute, times, now);
                prop_assert!(found.is_some() || own.is_none(), "{:?} of {}", line, name);
                let (Some(found), Some(own)) = (found, own) else { continue };
                prop_assert_eq!(found.now(), own.now(), "{:?}", line);
                let peaks = |it: &crate::history::HistorySlice| it.peaks().ever.users;
                prop_assert_eq!(peaks(&found), peaks(&own), "{:?}", line);
            }
        }
    }
}

/// A snapshot of a program that kept nothing of accounts: their history begins with it.
#[test]
fn an_old_snapshot_is_read_and_what_accounts_had_before_it_is_unknown() {
    let mut state = State::default();
    let caller = NonZeroU64::new(7).map(Caller);
    let call = CallId::parse("CA1").expect("an id");
    let up = Evidence {
        account: Some(Arc::from("acme")),
        caller,
        ..Evidence::about(call, Source::Voice, Said::Dialing)
    };
    state.apply(&Record { at: Millis(BEGIN), change: Change::Evidence(up) });
    let mut stored: serde_json::Value =
        serde_json::from_slice(&snapshot::encode_version_2(&state)).expect("JSON");
    stored["history"].as_object_mut().expect("a history").remove("accounts");
    let restored = snapshot::decode_whole(stored.to_string().as_bytes()).expect("a snapshot");
    let (from, now) = (Millis(BEGIN - HOUR), Millis(BEGIN + HOUR));
    let slice = |account, users| {
        let subject = Subject::Account(account, users);
        restored.history().slice(subject, Line::Live, Grain::Hour, (from, now), now)
    };
    assert!(restored.history().has_account("acme") && !restored.history().has_account("zeta"));
    assert_eq!(slice("acme", 1).map(|it| it.now()), Some(1));
    assert_eq!(slice("zeta", 0).map(|it| it.known_from()), Some(Millis(BEGIN)));
    assert!(slice("zeta", 1).is_none(), "it has users whom nobody has noted");
}

/// What a program wrote that kept neither the account of a stretch nor the agent of a correction.
#[test]
fn a_snapshot_keeps_whose_a_stretch_was_and_an_older_one_is_read() {
    let mut state = State::default();
    let call = CallId::parse("CA1").expect("an id");
    let of = |agent: &str, account: &str, source, said| Evidence {
        direction: Some(Direction::Inbound),
        agent: Agent::Id(Arc::from(agent)),
        agent_from: AgentFrom::Url,
        agent_account: Some(Arc::from(account)),
        ..Evidence::about(call.clone(), source, said)
    };
    let evicted = Said::Over(EndReason::Evicted);
    for (n, evidence) in (0..).zip([
        of("booking", "acme", Source::Voice, Said::InProgress),
        of("support", "zeta", Source::Voice, Said::InProgress),
        Evidence::about(call.clone(), Source::Operator, evicted),
    ]) {
        state.apply(&Record { at: Millis(BEGIN + n * 1_000), change: Change::Evidence(evidence) });
    }
    let restored = snapshot::decode(snapshot::encode(&state)).expect("a snapshot");
    let account = |state: &State| {
        let call = state.tracker().call(&call).expect("a call");
        (call.details.stretches[0].agent.clone(), call.details.stretches[0].account.clone())
    };
    let agent = |state: &State| state.corrections().recent().next().map(|it| it.agent.clone());
    let (booking, support) = ["booking", "support"].map(|id| Agent::Id(Arc::from(id))).into();
    for state in [&state, &restored] {
        assert_eq!(account(state), (booking.clone(), Some(Arc::from("acme"))));
        assert_eq!(agent(state), Some(support.clone()));
    }
    assert_eq!(restored.corrections(), state.corrections());
    let mut stored: serde_json::Value =
        serde_json::from_slice(&snapshot::encode_version_2(&state)).expect("JSON");
    let remove = |value: &mut serde_json::Value, name: &str| {
        assert!(value.as_object_mut().expect("an object").remove(name).is_some(), "{name}");
    };
    remove(&mut stored["healed"][0], "agent");
    remove(&mut stored["calls"][0]["more"]["stretches"][0], "account");
    let restored = snapshot::decode_whole(stored.to_string().as_bytes()).expect("a snapshot");
    assert_eq!(account(&restored), (booking, None));
    assert_eq!(agent(&restored), Some(Agent::Unknown));
}

const HOUR: u64 = 60 * MINUTE_MS;
