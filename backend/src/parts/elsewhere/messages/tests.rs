//! What backends say to each other comes as it was sent, and what nobody sends is refused.

use std::num::NonZeroU64;

use live_users_core::{Admission, Agent, Attendance, Bound, Caller, ConferenceEvent, Said, Source};
use live_users_intake::shards::ShardBy;

use super::*;

fn call(text: &str) -> CallId {
    CallId::parse(text).unwrap()
}

fn sender(shards: usize, by: ShardBy, here: &[usize]) -> Sender {
    Sender::of(Layout::new(shards, by).unwrap(), here.iter().copied().collect())
}

#[test]
fn a_question_and_its_answer_come_as_they_were_sent() {
    let from = sender(6, ShardBy::Account, &[0, 2]);
    let names = Names { calls: vec![call("CA1"), call("CA2")], meetings: vec![call("CF1")] };
    for calls in [
        None,
        Some(AskedOfCalls::InRoom(call("room/1"))),
        Some(AskedOfCalls::FirstInSession { session: call("s"), call: call("CA1") }),
    ] {
        let question = Question { names: names.clone(), calls };
        assert_eq!(Question::decode(&question.encode(&from)), Ok((from.clone(), question)));
    }
    let meeting = KnownMeeting { meeting: call("CF1"), first: 5, all: ShardSet::one(5).with(1) };
    let answer = Answer {
        known: Known { calls: vec![(call("CA2"), 5)], meetings: vec![meeting] },
        relatives: Relatives { in_room: vec![call("CA3")], first_in_session: Some(call("CA4")) },
        waiting: 3,
    };
    let encoded = answer.encode(6);
    assert_eq!(Answer::decode(&encoded, 6), Ok(answer.clone()));
    assert!(Answer::decode(&encoded, 5).is_err(), "it counts in other shards");
    assert_eq!(Answer::decode(&answer.encode(5), 5), Err("shard 5 of 5".to_owned()));
    assert_eq!(Answer::decode(br#"{"of":5}"#, 5), Ok(Answer::default()));
    // Something else may answer at the address of a backend.
    for wrong in ["7", "", "{}", "[]", r#"{"status":"ok"}"#, r#"{"of":6,"status":"ok"}"#] {
        assert!(Answer::decode(wrong.as_bytes(), 6).is_err(), "{wrong}");
    }
    assert!(Answer::decode(br#"{"of":6,"calls":[["two words",1]]}"#, 6).is_err());
}

#[test]
fn evidence_comes_as_it_was_sent() {
    let from = sender(6, ShardBy::Agent, &[0]);
    let whole = Evidence {
        agent: Agent::Id("booking".into()),
        caller: NonZeroU64::new(7).map(Caller),
        parent: Some(call("CA0")),
        also: vec![call("other/1")],
        conference: Some(ConferenceEvent {
            conference: call("CF1"),
            what: Attendance::Joined,
            order: Some(3),
        }),
        admission: Some(Admission {
            agent: Some(Bound { places: 2, instead: Instead::Queue }),
            all: None,
        }),
        ..Evidence::about(call("CA1"), Source::Voice, Said::Dialing)
    };
    let bare = Evidence::about(call("CA2"), Source::StatusCallback, Said::StillUp);
    let one =
        |shard, sent_at_ms: Option<u64>, first_in_conference, evidence: &Evidence| Forwarded {
            silent_ms: sent_at_ms.map(|it| it + 1),
            shard,
            sent_at_ms,
            first_in_conference,
            evidence: evidence.clone(),
        };
    let each = vec![one(5, Some(1_795_000_000_000), Some(4), &whole), one(1, None, None, &bare)];
    let encoded = ForwardedBatch::encode(&from, &each);
    let decoded = ForwardedBatch::decode(&encoded).unwrap();
    assert_eq!((decoded.from, decoded.each), (from, each));

    let text = String::from_utf8(encoded).unwrap();
    let one_less = text.rsplit_once('\n').unwrap().0;
    for wrong in [one_less, &format!("{text}\n{{}}"), &text.replace(":5,", ":6,"), "", "{}"] {
        assert!(ForwardedBatch::decode(wrong.as_bytes()).is_err(), "{wrong}");
    }
}

#[test]
fn what_has_become_of_each_piece_comes_as_it_was_decided() {
    let decided = [LimitOf::Agent, LimitOf::Account].into_iter().flat_map(|by| {
        [Instead::Refuse, Instead::Queue, Instead::Elsewhere].map(|instead| {
            let was_ringing = instead == Instead::Queue;
            Some(TurnedAway { by, instead, was_ringing, is_in: !was_ringing })
        })
    });
    let mut each: Vec<RecordedOne> = decided.map(Ok).collect();
    each.extend([Ok(None), Err("the journal cannot be written".to_owned()), Ok(None)]);
    let answer = json(&RecordedAnswer::of(each.clone()));
    assert_eq!(RecordedAnswer::decode(&answer, each.len()), Ok(each));

    let usual = json(&RecordedAnswer::of(vec![Ok(None); 256]));
    assert_eq!(usual, br#"{"pieces":256}"#, "what is usual is short");
    assert_eq!(RecordedAnswer::decode(br#"{"pieces":2}"#, 2), Ok(vec![Ok(None); 2]));
    // What something else answers at that address acknowledges nothing.
    for wrong in [
        r#"{"pieces":2,"notRecorded":[[2,"why"]]}"#,
        r#"{"pieces":2,"turnedAway":[[0,{}]]}"#,
        r#"{"pieces":1}"#,
        r#"{"pieces":2,"status":"ok"}"#,
        r#"{"status":"ok"}"#,
        "{}",
        "[]",
        "7",
        "",
    ] {
        assert!(RecordedAnswer::decode(wrong.as_bytes(), 2).is_err(), "{wrong}");
    }
}

#[test]
fn another_idea_of_the_shards_is_named() {
    let here = sender(6, ShardBy::Agent, &[0, 1]);
    let differs = |other: &Sender| here.differs_from(other, false).unwrap_or_default();
    assert_eq!(differs(&sender(6, ShardBy::Agent, &[2, 3])), "");
    assert!(differs(&sender(5, ShardBy::Agent, &[2])).contains("SHARDS=5 and SHARD_BY=agent"));
    assert!(differs(&sender(6, ShardBy::Caller, &[2])).contains("SHARD_BY=caller"));
    let both = sender(6, ShardBy::Agent, &[1, 2]);
    assert!(differs(&both).contains("shard 1 is in SHARDS_HERE of both"));
    assert_eq!(here.differs_from(&both, true), None, "they share its journal");
}
