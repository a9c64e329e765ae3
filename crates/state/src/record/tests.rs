//! The form in bytes: what is written is read back, and what was written once is read for ever.

use proptest::prelude::*;
use proptest::sample::select;

use std::num::NonZeroU64;
use std::sync::Arc;

use live_users_core::{
    Admission, Agent, AgentFrom, Bound, Call, CallId, Caller, Country, Details, Direction, Limits,
    Place, Said, Source, Tracker,
};

use super::*;
use crate::corrections::{Cause, Correction, Corrections};
use crate::sessions::{EndedSessions, SessionHash};
use crate::snapshot;
use crate::state::State;
use crate::words::{CAUSES, DIRECTIONS, INSTEADS, KINDS, LIMITS_OF, PARTIES, PHASES, PRESENCES};

fn about() -> impl Strategy<Value = (Option<Direction>, Option<Caller>, Agent, AgentFrom, Place)> {
    let directions = prop::option::of(select(DIRECTIONS)).prop_map(|d| d.map(|(_, d)| d));
    let callers = any::<u64>().prop_map(|hash| NonZeroU64::new(hash).map(Caller));
    let agents = prop_oneof![
        Just(Agent::Unknown),
        ".{0,20}".prop_map(|text| Agent::Address(Arc::from(text))),
        "[a-z-]{1,20}".prop_map(|text| Agent::Id(Arc::from(text))),
    ];
    let froms = select(vec![AgentFrom::Address, AgentFrom::Url]);
    let countries = prop::option::of("[A-Z]{2}").prop_map(|c| c.and_then(|c| Country::parse(&c)));
    let names = || prop::option::of(".{0,10}").prop_map(|text| text.map(Arc::from));
    let places = (countries, names(), names()).prop_map(|(country, region, city)| Place {
        country,
        region,
        city,
    });
    (directions, callers, agents, froms, places)
}

fn ids() -> impl Strategy<Value = CallId> {
    "CA[0-9a-f]{32}|[!-~]{1,64}".prop_map(|text| CallId::parse(&text).unwrap())
}

fn admissions() -> impl Strategy<Value = Option<Admission>> {
    let bound = || {
        let bounds = prop::option::of((0..3u32, select(INSTEADS)));
        bounds.prop_map(|it| it.map(|(places, (_, instead))| Bound { places, instead }))
    };
    prop::option::of((bound(), bound()).prop_map(|(agent, all)| Admission { agent, all }))
}

fn evidence() -> impl Strategy<Value = Evidence> {
    let parents = prop::option::of(ids());
    let durations = any::<Option<u32>>();
    let more = (durations, admissions());
    (ids(), parents, select(SOURCES), select(SAID), about(), more).prop_map(
        |(call, parent, (_, source), (_, said), about, (duration_s, admission))| {
            let (direction, caller, agent, agent_from, place) = about;
            Evidence {
                parent,
                direction,
                agent,
                agent_from,
                caller,
                place,
                duration_s,
                admission,
                ..Evidence::about(call, source, said)
            }
        },
    )
}

/// The same with what only some evidence says.
fn more_evidence() -> impl Strategy<Value = Evidence> {
    let conferences = (ids(), select(ATTENDANCES), any::<Option<u32>>())
        .prop_map(|(conference, (_, what), order)| ConferenceEvent { conference, what, order });
    let words = (
        prop::option::of(select(ANSWERED_BY)),
        prop::option::of(select(ENDPOINTS)),
        prop::option::of(select(CONNECTIONS)),
    );
    let all = (evidence(), words, prop::option::of(conferences), any::<bool>(), told());
    all.prop_map(
        |(
            evidence,
            (answered_by, endpoint, connection),
            conference,
            is_after_lost_answer,
            told,
        )| {
            Evidence {
                answered_by: answered_by.map(|(_, it)| it),
                endpoint: endpoint.map(|(_, it)| it),
                connection: connection.map(|(_, it)| it),
                conference,
                is_after_lost_answer,
                origin: told.origin,
                account: told.account,
                twilio_account: told.twilio_account,
                agent_account: told.agent_account,
                also: told.also,
                room: told.room,
                session: told.session,
                limits: told.limits,
                said_at: told.said_at,
                event_id: told.event_id,
                ..evidence
            }
        },
    )
}

/// What only other sources than Twilio say.
fn told() -> impl Strategy<Value = Evidence> {
    let blank = || Evidence::about(CallId::parse("CA1").unwrap(), Source::Event, Said::Nothing);
    let limits = (any::<Option<u32>>(), any::<Option<u32>>());
    let origin = ("[a-z]{1,4}", any::<bool>());
    let also = prop::collection::vec(ids(), 0..3);
    let account = || prop::option::of("[a-z]{1,4}");
    let said_at = any::<Option<u64>>().prop_map(|at| at.map(Millis));
    let said = (said_at, any::<Option<NonZeroU64>>(), any::<Option<NonZeroU64>>());
    let accounts = (account(), account());
    let all = (origin, accounts, also, prop::option::of(ids()), limits, said).prop_map(
        move |((source, is_carrier), accounts, also, room, (quiet_s, longest_s), said)| {
            let ((said_at, event_id, twilio_account), (account, agent_account)) = (said, accounts);
            Evidence {
                origin: Some(Origin { source: Arc::from(source), is_carrier }),
                account: account.map(Arc::from),
                twilio_account,
                agent_account: agent_account.map(Arc::from),
                also,
                session: room.clone().filter(|_| quiet_s.is_some()),
                room,
                limits: Limits { quiet_s, longest_s, silent_s: quiet_s.or(longest_s) },
                said_at,
                event_id,
                ..blank()
            }
        },
    );
    prop_oneof![1 => Just(blank()), 1 => all]
}

fn calls() -> impl Strategy<Value = Call> {
    let times = (any::<u64>(), any::<u64>(), any::<u64>());
    (ids(), select(PHASES), times, about()).prop_map(
        |(id, (_, phase), times, (direction, caller, agent, agent_from, place))| Call {
            id,
            phase,
            first: Millis(times.0.min(times.1)),
            since: Millis(times.1),
            heard: Millis(times.2),
            direction,
            caller,
            agent,
            agent_from,
            place,
            party: None,
            details: Details::default(),
        },
    )
}

fn log() -> impl Strategy<Value = Vec<Evidence>> {
    // Few calls, so that they meet.
    let few = more_evidence().prop_map(|it| {
        let small = |id: &CallId| {
            let n = id.to_string().bytes().map(u32::from).sum::<u32>() % 5;
            CallId::parse(&format!("CA{n}")).unwrap()
        };
        let conference = it.conference.as_ref().map(|event| ConferenceEvent {
            conference: CallId::parse("CF1").unwrap(),
            ..event.clone()
        });
        let also = it.also.iter().map(small).collect();
        let (call, parent) = (small(&it.call), it.parent.as_ref().map(small));
        Evidence { call, parent, also, conference, ..it }
    });
    prop::collection::vec(few, 0..40)
}

proptest! {
    #[test]
    fn a_snapshot_of_any_state_goes_on_as_that_state_does(before in log(), after in log()) {
        let mut original = State::default();
        let receive = |state: &mut State, (evidence, second): (&Evidence, u64)| {
            let at = Millis(1_795_000_000_000 + second * 1_000);
            state.apply(&Record { at, change: Change::Evidence(evidence.clone()) });
        };
        before.iter().zip(0..).for_each(|it| receive(&mut original, it));
        let bytes = snapshot::encode(&original);
        let mut restored = snapshot::decode(bytes.clone()).unwrap();
        prop_assert_eq!(restored.tracker().check(), Ok(()));
        prop_assert_eq!(&snapshot::encode(&restored), &bytes);
        // What the version before would have written of it leads to the same.
        let as_before = snapshot::decode_whole(&snapshot::encode_version_2(&original)).unwrap();
        prop_assert_eq!(&snapshot::encode(&as_before), &bytes);
        for it in after.iter().zip(100..) {
            receive(&mut original, it);
            receive(&mut restored, it);
        }
        prop_assert_eq!(snapshot::encode(&restored), snapshot::encode(&original));
    }

    #[test]
    fn a_record_is_read_back_as_it_was(at: u64, evidence in more_evidence(), before: u64) {
        for change in [
            Change::Evidence(evidence),
            Change::Forget { ended_before: Millis(before) },
            Change::EndSession(EndedSession { id: hash(at), until: Millis(before) }),
            Change::Told(Told { hook: "crm".into(), cursor: None }),
            Change::Told(Told {
                hook: "crm".into(),
                cursor: Some(Cursor {
                    news: Some(at),
                    live_users: Some(before),
                    is_reached: Some(true),
                    alerts: Some(at),
                }),
            }),
        ] {
            let record = Record { at: Millis(at), change };
            prop_assert_eq!(Record::decode(&record.encode()).unwrap(), record);
        }
    }

    #[test]
    fn a_snapshot_is_read_back_as_it_was(now: u64, calls in prop::collection::vec(calls(), 0..8)) {
        let tracker = Tracker::restore(Millis(now), calls, []);
        let healed = tracker.calls().into_iter().map(|call| Correction {
            at: call.since,
            agent: call.acting_agent().clone(),
            call: call.id,
            cause: Cause::MissedEnd,
            account: Some(Arc::from("acme")),
        });
        let drift = Corrections::restore([(Cause::MissedEnd, 7), (Cause::Evicted, 1)], healed)
            .with_accounts([(Arc::from("acme"), Cause::MissedEnd, 2)]);
        let mut ended_sessions = EndedSessions::default();
        ended_sessions.end(Millis(1), EndedSession { id: hash(now), until: Millis(2) });
        let original = State { tracker, drift, ended_sessions, ..State::default() };
        let restored = snapshot::decode(snapshot::encode(&original)).unwrap();
        prop_assert_eq!(restored.tracker().check(), Ok(()));
        prop_assert_eq!(restored.tracker().calls(), original.tracker().calls());
        prop_assert_eq!(restored.tracker().now(), original.tracker().now());
        prop_assert_eq!(restored.corrections(), original.corrections());
        prop_assert_eq!(restored.ended_sessions(), original.ended_sessions());
    }

    #[test]
    fn no_bytes_make_a_reader_panic(bytes: Vec<u8>) {
        let _may_be_an_error = Record::decode(&bytes);
        let _may_be_an_error = snapshot::decode_whole(&bytes);
    }
}

fn hash(n: u64) -> SessionHash {
    SessionHash::parse(&format!("{n:032x}")).unwrap()
}

#[test]
fn an_older_program_reads_the_end_of_a_session_as_one_that_forgets_nothing() {
    let change = Change::EndSession(EndedSession { id: hash(0xa0f), until: Millis(9) });
    let text = Record { at: Millis(5), change }.encode();
    assert_eq!(
        String::from_utf8(text).unwrap(),
        concat!(
            r#"{"v":2,"at":5,"forget":0,"#,
            r#""session":{"id":"00000000000000000000000000000a0f","until":9}}"#
        )
    );
}

#[test]
fn an_older_program_reads_how_far_a_hook_was_told_as_a_record_that_forgets_nothing() {
    let cursor =
        Some(Cursor { news: Some(7), live_users: Some(3), is_reached: None, alerts: None });
    let change = Change::Told(Told { hook: "crm".into(), cursor });
    let text = String::from_utf8(Record { at: Millis(5), change }.encode()).unwrap();
    let told = r#""told":{"hook":"crm","cursor":{"news":7,"liveUsers":3}}"#;
    assert_eq!(text, format!(r#"{{"v":2,"at":5,"forget":0,{told}}}"#));
    let text = text.replace(&format!(",{told}"), "");
    let before = Change::Forget { ended_before: Millis(0) };
    assert_eq!(Record::decode(text.as_bytes()).unwrap().change, before);
}

/// As version 1 writes it. These lines never change: there are journals with such records.
const V1_EVIDENCE: &str = concat!(
    r#"{"v":1,"at":1795000000000,"evidence":{"call":"CAfa4e0000000000000000000000000001","#,
    r#""source":"voice","said":"dialing","about":{"direction":"inbound","#,
    r#""caller":"0123456789abcdef","agent":"booking","country":"US","region":"CA"}}}"#
);
const V1_FORGET: &str = r#"{"v":1,"at":5,"forget":4}"#;
const V1_SNAPSHOT: &str = concat!(
    r#"{"v":1,"now":7,"calls":[{"call":"CA1","phase":"live","since":5,"heard":6,"#,
    r#""about":{"agent":"booking","agentByUrl":true}},{"call":"CA2","phase":"goodbye","#,
    r#""since":1,"heard":1,"about":{"address":"+15005550006"}}]}"#
);

#[test]
fn what_version_1_has_written_is_read_for_ever() {
    let record = Record::decode(V1_EVIDENCE.as_bytes()).unwrap();
    assert_eq!(record.encode(), V1_EVIDENCE.replace(r#""v":1"#, r#""v":2"#).as_bytes());
    let Change::Evidence(evidence) = record.change else { panic!("evidence") };
    assert_eq!(evidence.agent, Agent::Id("booking".into()));
    assert_eq!(evidence.place.country, Country::parse("US"));
    let forget = Record::decode(V1_FORGET.as_bytes()).unwrap();
    assert_eq!(forget.change, Change::Forget { ended_before: Millis(4) });
    let state = snapshot::decode_whole(V1_SNAPSHOT.as_bytes()).unwrap();
    let tracker = state.tracker();
    assert_eq!((tracker.known(), tracker.numbers().users), (2, 1));
    assert_eq!(tracker.calls()[0].agent_from, AgentFrom::Url);
}

/// As version 2 writes it. These lines never change either.
const V2_EVIDENCE: &str = concat!(
    r#"{"v":2,"at":1795000000000,"evidence":{"call":"CA1","source":"referee","#,
    r#""said":"in-progress","about":{}}}"#
);
const V2_WITH_DURATION: &str = concat!(
    r#"{"v":2,"at":1795000000000,"evidence":{"call":"CA1","source":"status-callback","#,
    r#""said":"completed","about":{},"durationS":61}}"#
);
const V2_WITH_CITY: &str = concat!(
    r#"{"v":2,"at":1795000000000,"evidence":{"call":"CA1","source":"voice","said":"dialing","#,
    r#""about":{"country":"US","region":"CA","city":"SAN FRANCISCO"}}}"#
);
const V2_EVICTED: &str = concat!(
    r#"{"v":2,"at":1795000000000,"evidence":{"call":"CA1","source":"operator","#,
    r#""said":"evicted","about":{}}}"#
);
const V2_SNAPSHOT: &str = concat!(
    r#"{"v":2,"now":9,"calls":[{"call":"CA1","phase":"evicted","first":2000,"since":5000,"#,
    r#""heard":6000,"about":{}}],"drift":[["missed-end",2],["evicted",1]],"#,
    r#""healed":[{"at":8,"call":"CA1","cause":"evicted"}]}"#
);

/// The same with a feed and sums, which came later.
const V2_SNAPSHOT_WITH_FEED: &str = concat!(
    r#"{"v":2,"now":9,"calls":[],"feed":{"told":7,"list":[{"at":8,"what":"healed","call":"CA1","#,
    r#""about":{"direction":"inbound","agent":"booking","country":"US"},"reason":"completed","#,
    r#""toldMs":61000,"cause":"missed-end"},{"at":9,"what":"ended","call":"CA2","about":{},"#,
    r#""reason":"goodbye","measuredMs":7250}]},"talks":{"all":{"hour":[[0,2,68250,61000]],"#,
    r#""day":[[0,2,68250,61000]]},"agents":[{"hour":[[0,1,7250,7250]],"day":[[0,1,7250,7250]]},"#,
    r#"{"agent":"booking","hour":[[0,1,61000,61000]],"day":[[0,1,61000,61000]]}]}}"#
);

#[test]
fn what_version_2_has_written_is_read_for_ever() {
    for text in [V2_EVIDENCE, V2_EVICTED, V2_WITH_DURATION, V2_WITH_CITY] {
        let record = Record::decode(text.as_bytes()).unwrap();
        assert_eq!(record.encode(), text.as_bytes());
    }
    let state = snapshot::decode_whole(V2_SNAPSHOT.as_bytes()).unwrap();
    assert_eq!(state.tracker().calls()[0].first, Millis(2000));
    assert_eq!(state.corrections().totals().map(|(_, n)| n).sum::<u64>(), 3);
    assert_eq!(String::from_utf8(snapshot::encode_version_2(&state)).unwrap(), V2_SNAPSHOT);
    let state = snapshot::decode_whole(V2_SNAPSHOT_WITH_FEED.as_bytes()).unwrap();
    assert_eq!(state.activity_log().after(None, 5).activities[1].0, 6);
    assert_eq!(state.durations().last_hour(None, Millis(9)).calls, 2);
    assert_eq!(
        String::from_utf8(snapshot::encode_version_2(&state)).unwrap(),
        V2_SNAPSHOT_WITH_FEED
    );
}

#[test]
fn what_a_newer_program_adds_is_ignored_and_what_it_changes_is_refused() {
    let added = V1_FORGET.replace("}", r#","mood":"good"}"#);
    assert!(Record::decode(added.as_bytes()).is_ok());
    let newer = V1_FORGET.replace(r#""v":1"#, r#""v":3"#);
    assert!(matches!(Record::decode(newer.as_bytes()), Err(DecodeError::Newer(3))));
    for wrong in [r#"{"v":1,"at":5}"#, "{}", "[]", "", &V1_EVIDENCE.replace("voice", "smoke")] {
        assert!(Record::decode(wrong.as_bytes()).is_err(), "{wrong}");
    }
}

#[test]
fn a_record_says_one_thing() {
    const EVIDENCE: &str = r#""evidence":{"call":"CA1","source":"voice","said":"dialing"}"#;
    const FORGET: &str = r#""forget":0"#;
    const OTHERS: [&str; 8] = [
        r#""session":{"id":"00000000000000000000000000000a0f","until":9}"#,
        r#""told":{"hook":"crm"}"#,
        r#""passOn":{"id":"0000000000000000000000000000000a","agent":"booking","receivers":[],"sealed":""}"#,
        r#""passedOn":{"id":"0000000000000000000000000000000a"}"#,
        r#""forward":{"shard":1,"evidence":{"call":"CA1","source":"voice","said":"dialing"}}"#,
        r#""forwarded":{"shards":[1],"through":2}"#,
        r#""alert":{"alert":"crowded","what":"firing"}"#,
        r#""link":{"revoke":"000000000000000a"}"#,
    ];
    let read = |parts: &[&str]| {
        Record::decode(format!(r#"{{"v":2,"at":5,{}}}"#, parts.join(",")).as_bytes())
    };
    assert!(matches!(read(&[EVIDENCE]).unwrap().change, Change::Evidence(_)));
    assert!(matches!(read(&[FORGET]).unwrap().change, Change::Forget { .. }));
    assert!(read(&[EVIDENCE, FORGET]).is_err());
    for (at, other) in OTHERS.iter().enumerate() {
        let alone = read(&[other]).unwrap().change;
        assert!(!matches!(alone, Change::Evidence(_) | Change::Forget { .. }), "{other}");
        assert_eq!(read(&[FORGET, other]).unwrap().change, alone);
        for second in [EVIDENCE].iter().chain(&OTHERS[at + 1..]) {
            assert!(read(&[FORGET, other, second]).is_err(), "{other} and {second}");
            assert!(read(&[other, second]).is_err(), "{other} and {second}");
        }
    }
}

#[test]
fn a_limit_stands_in_a_record_and_how_a_call_was_turned_away_in_a_snapshot() {
    let text = concat!(
        r#"{"v":2,"at":5,"evidence":{"call":"CA1","source":"voice","said":"dialing","about":{},"#,
        r#""admission":{"agent":{"places":0,"instead":"queue"},"all":{"places":9,"#,
        r#""instead":"refuse"}}}}"#
    );
    let record = Record::decode(text.as_bytes()).unwrap();
    assert_eq!(String::from_utf8(record.encode()).unwrap(), text);
    let mut state = State::default();
    state.apply(&record);
    let stored = String::from_utf8(snapshot::encode_version_2(&state)).unwrap();
    let how = r#""turnedAway":{"by":"agent","instead":"queue","ringing":true}"#;
    assert!(stored.contains(how), "{stored}");
}

#[test]
fn every_value_has_a_word_of_its_own() {
    fn unique<T: PartialEq>(table: &[(&str, T)]) -> bool {
        let alone = |at: usize| {
            let (name, value) = &table[at];
            table.iter().filter(|(n, v)| n == name || v == value).count() == 1
        };
        (0..table.len()).all(alone)
    }
    assert!(unique(SOURCES) && unique(DIRECTIONS) && unique(SAID) && unique(PHASES));
    assert!(unique(PARTIES) && unique(ANSWERED_BY) && unique(ENDPOINTS) && unique(CONNECTIONS));
    assert!(unique(ATTENDANCES) && unique(PRESENCES) && unique(INSTEADS) && unique(LIMITS_OF));
    assert!(unique(KINDS) && unique(CAUSES) && CAUSES.len() == Cause::ALL.len());
}
