//! Snapshots as they are written now, and as they were.

use std::fs;
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};

use live_users_core::{
    Admission, Agent, AgentFrom, AnsweredBy, Attendance, Bound, Caller, ConferenceEvent,
    Connection, Country, Direction, EndReason, Endpoint, Evidence, Instead, Limits, Origin, Place,
    Said, Source,
};
use proptest::prelude::*;

use super::*;
use crate::record::{Change, Record};

fn id(text: &str) -> CallId {
    CallId::parse(text).unwrap()
}

fn about(call: &str, source: Source, said: Said) -> Evidence {
    Evidence::about(id(call), source, said)
}

/// One of each thing that is known of few calls, and what most calls have.
fn evidence() -> Vec<Evidence> {
    let place = Place {
        country: Country::parse("US"),
        region: Some("CA".into()),
        city: Some("SAN FRANCISCO".into()),
    };
    let inbound = |call: &str, n: u64| Evidence {
        direction: Some(Direction::Inbound),
        agent: Agent::Id("booking".into()),
        agent_from: AgentFrom::Url,
        caller: NonZeroU64::new(n).map(Caller),
        place: place.clone(),
        ..about(call, Source::Voice, Said::Dialing)
    };
    let sid = |n: u32| format!("CA{n:032x}");
    let event = |call: &str, conference: &str, what| Evidence {
        conference: Some(ConferenceEvent { conference: id(conference), what, order: Some(3) }),
        ..about(call, Source::StatusCallback, Said::Nothing)
    };
    let bound = |places| Some(Bound { places, instead: Instead::Queue });
    let turned_away = Evidence {
        admission: Some(Admission { agent: bound(0), all: bound(9) }),
        ..inbound(&sid(9), 6)
    };
    let outbound = Evidence {
        direction: Some(Direction::Outbound),
        agent: Agent::Address("sip:b@example.com".into()),
        answered_by: Some(AnsweredBy::Human),
        endpoint: Some(Endpoint::Person),
        ..about("v3:out", Source::StatusCallback, Said::InProgress)
    };
    let leg = Evidence {
        parent: Some(id(&sid(1))),
        direction: Some(Direction::Dial),
        endpoint: Some(Endpoint::Agent),
        agent: Agent::Id("support".into()),
        ..about(&sid(2), Source::StatusCallback, Said::InProgress)
    };
    let other_agent = Evidence {
        agent: Agent::Id("support".into()),
        agent_account: Some("acme".into()),
        ..Evidence { said: Said::InProgress, ..inbound(&sid(3), 3) }
    };
    vec![
        inbound(&sid(1), 1),
        leg,
        inbound(&sid(3), 3),
        other_agent,
        inbound(&sid(4), 1),
        about(&sid(4), Source::StatusCallback, Said::Over(EndReason::Completed)),
        about(&sid(1), Source::Speech, Said::Nothing),
        event(&sid(3), "CF1", Attendance::Joined),
        event("stranger", "CF1", Attendance::Held),
        event("stranger", "CF2", Attendance::Left),
        outbound,
        told(inbound("x-6", 5)),
        turned_away,
        about("evicted", Source::Operator, Said::Over(EndReason::Evicted)),
    ]
}

/// The same as another source tells it.
fn told(evidence: Evidence) -> Evidence {
    Evidence {
        origin: Some(Origin { source: "vapi".into(), is_carrier: false }),
        account: Some("acme".into()),
        agent_account: Some("zeta".into()),
        twilio_account: NonZeroU64::new(77),
        also: vec![id("x-7"), id("x-8")],
        room: Some(id("room")),
        session: Some(id("session")),
        limits: Limits { quiet_s: Some(60), longest_s: Some(7200), silent_s: None },
        said_at: Some(Millis(1_795_000_000_500)),
        event_id: NonZeroU64::new(9),
        connection: Some(Connection::Waiting),
        ..evidence
    }
}

fn state() -> State {
    let mut state = State::default();
    for (n, evidence) in (0..).zip(evidence()) {
        let at = Millis(1_795_000_000_000 + n * 1_000);
        state.apply(&Record { at, change: Change::Evidence(evidence) });
    }
    state
}

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

fn stored(version: &str) -> Vec<Part> {
    let mut files: Vec<_> = fs::read_dir(fixture(version)).unwrap().map(Result::unwrap).collect();
    files.sort_by_key(std::fs::DirEntry::file_name);
    let part = |file: fs::DirEntry| {
        let name = file.file_name().into_string().unwrap().replace('-', "/");
        Part { name, bytes: fs::read(file.path()).unwrap() }
    };
    files.into_iter().map(part).collect()
}

/// To write the fixture of a new version: `WRITE_FIXTURE=1 cargo test -p live-users-state fixture`.
#[test]
fn what_each_version_has_written_is_read_for_ever_as_its_fixture_holds() {
    let state = state();
    if std::env::var_os("WRITE_FIXTURE").is_some() {
        fs::create_dir_all(fixture("snapshot-3")).unwrap();
        for Part { name, bytes } in encode(&state) {
            fs::write(fixture("snapshot-3").join(name.replace('/', "-")), bytes).unwrap();
        }
        fs::write(fixture("snapshot-2.json"), encode_version_2(&state)).unwrap();
    }
    let mut parts = encode(&state);
    parts.sort_by(|a, b| a.name.cmp(&b.name));
    assert_eq!(stored("snapshot-3"), parts, "what is written has changed: it is a new version");
    let of_3 = decode(stored("snapshot-3")).unwrap();
    let of_2 = decode_whole(&fs::read(fixture("snapshot-2.json")).unwrap()).unwrap();
    for read in [of_3, of_2] {
        assert_eq!(read.tracker().check(), Ok(()));
        assert_eq!(read.tracker().calls(), state.tracker().calls());
        assert_eq!(read.tracker().conferences(), state.tracker().conferences());
        assert_eq!(encode(&read), encode(&state));
    }
    let details: Vec<_> = state.tracker().calls().into_iter().map(|call| call.details).collect();
    assert!(details.iter().any(|it| it.queue.is_some()));
    assert!(details.iter().any(|it| it.leg.as_ref().is_some_and(|leg| leg.parent.is_some())));
    assert!(details.iter().any(|it| it.acting_agent.is_some()));
    assert!(details.iter().any(|it| !it.stretches.is_empty()));
    assert!(details.iter().any(|it| it.told.as_ref().is_some_and(|told| told.names.len() == 2)));
    assert!(details.iter().any(|it| it.turned_away.is_some()));
}

#[test]
fn what_a_later_program_has_written_is_refused_and_said_so() {
    let mut parts = encode(&state());
    parts.push(Part { name: "dreams".to_owned(), bytes: Vec::new() });
    assert!(matches!(decode(parts), Err(DecodeError::UnknownPart(name)) if name == "dreams"));
    for name in [CONFERENCES, "calls/0"] {
        let mut parts = encode(&state());
        parts.iter_mut().find(|part| part.name == name).unwrap().bytes[0] = 2;
        assert!(matches!(decode(parts), Err(DecodeError::NewerPart(2))), "{name}");
    }
    let main = Part { name: MAIN.to_owned(), bytes: br#"{"v":4,"now":1}"#.to_vec() };
    assert!(matches!(decode([main]), Err(DecodeError::NewerSnapshot(4))));
    assert!(decode([]).is_err(), "nothing is no snapshot");
}

#[test]
fn many_calls_lie_in_several_parts() {
    let count = calls::CALLS_MAX + 3;
    let known = (1..=count as u64).map(|n| Call {
        id: id(&format!("CA{n:032x}")),
        caller: NonZeroU64::new(n).map(Caller),
        ..call()
    });
    let tracker = Tracker::restore(Millis(9), known, []);
    let state = State { tracker, ..State::default() };
    let parts = encode(&state);
    let names: Vec<_> = parts.iter().map(|part| &*part.name).collect();
    assert_eq!(names, ["calls/0", "calls/1", "state"]);
    let mut without = parts.clone();
    without.reverse();
    let restored = decode(without).unwrap();
    assert_eq!(restored.tracker().numbers().users, count);
    assert_eq!(encode(&restored), parts, "the order in which they are read does not matter");
    let bytes: usize = parts.iter().map(|part| part.bytes.len()).sum();
    assert!(bytes < 36 * count, "{bytes} bytes of {count} calls");
}

/// A call that is up.
fn call() -> Call {
    let mut state = State::default();
    let evidence = Evidence {
        agent: Agent::Id("booking".into()),
        ..about("CA1", Source::Voice, Said::InProgress)
    };
    state.apply(&Record { at: Millis(7), change: Change::Evidence(evidence) });
    state.tracker().calls().remove(0)
}

#[test]
fn calls_that_are_cut_or_go_on_are_refused() {
    let parts = encode(&state());
    let conferences = state().tracker().conferences();
    // Nobody can tell that a list of conferences was cut between two of them, or before the first.
    for (name, whole) in [(CONFERENCES, conferences.len()), ("calls/0", 0)] {
        let at = parts.iter().position(|part| part.name == name).unwrap();
        let cut = |length| {
            let mut cut = parts.clone();
            cut[at].bytes.truncate(length);
            decode(cut)
        };
        let read: Vec<_> = (0..parts[at].bytes.len()).filter_map(|it| cut(it).ok()).collect();
        assert_eq!(read.len(), whole, "{name}");
        for (n, read) in read.iter().enumerate() {
            assert_eq!(read.tracker().conferences(), conferences[..n]);
        }
        let mut longer = parts.clone();
        longer[at].bytes.push(0);
        assert!(decode(longer).is_err(), "{name}");
    }
}

proptest! {
    #[test]
    fn no_bytes_of_a_part_make_a_reader_panic(
        name in prop::sample::select(vec![CONFERENCES, "calls/0", MAIN]),
        bytes: Vec<u8>,
        version in 0..3_u8,
    ) {
        let mut parts = encode(&State::default());
        parts.retain(|part| part.name != name);
        parts.push(Part { name: name.to_owned(), bytes: [vec![version], bytes].concat() });
        let _may_be_an_error = decode(parts);
    }

    #[test]
    fn no_changed_byte_makes_a_reader_panic(at: prop::sample::Index, bits in 1_u8..) {
        let mut parts = encode(&state());
        let bytes = &mut parts[1].bytes;
        let at = at.index(bytes.len());
        bytes[at] ^= bits;
        let _may_be_an_error = decode(parts);
    }
}
