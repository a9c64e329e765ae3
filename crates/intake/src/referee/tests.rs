//! The referee of a source against a provider that is written down, moment by moment.

mod naming;
mod property;

use std::collections::BTreeSet;

use live_users_core::{Claim, EndReason, Phase, Said, Source};
use live_users_sources::{CallEvent, Listed, What};
use live_users_state::State;
use live_users_state::record::{Change, Record};

use super::*;
use crate::source_event::{name, of_source_event};
use crate::sources::SourceTable;

const FILE: &str = r#"
[[agent]]
id = "booking"
name = "Bookings"
numbers = ["+15005550006"]
assistants = ["agent_1"]

[[source]]
id = "telnyx"
kind = "telnyx"
secret_env = "A"
account = "acme"
api_key_env = "KEY"
connection_ids = ["17"]

[[source]]
id = "other"
kind = "telnyx"
secret_env = "A"

[[source]]
id = "vapi"
kind = "vapi"
secret_env = "A"
"#;

const SECOND: u64 = 1_000;

struct Scene {
    now: Millis,
    state: State,
    referee: SourceReferee,
    agents: Agents,
    /// What the provider's list has.
    listed: BTreeSet<String>,
    fails: Option<Failure>,
    asked: usize,
}

impl Scene {
    fn new() -> Self {
        Self::of(FILE, "telnyx")
    }

    fn of(file: &str, source: &str) -> Self {
        let (agents, mistakes) = Agents::parse(file);
        assert_eq!(mistakes, [""; 0]);
        let key = CallerKey::derived_from("a token");
        let rules = RefereeRules { suspect_after_ms: 120_000, key, below: |bound| bound - 1 };
        let table = agents.sources().iter().find(|it| it.id == source).expect("a source");
        let referee = SourceReferee::new(table.referee().expect("it asks"), &agents, &rules);
        Self {
            now: Millis(1_000_000),
            state: State::default(),
            referee,
            agents,
            listed: BTreeSet::new(),
            fails: None,
            asked: 0,
        }
    }

    fn apply(&mut self, evidence: Evidence) {
        self.state.apply(&Record { at: self.now, change: Change::Evidence(evidence) });
    }

    /// A webhook of a source.
    fn told(&mut self, source: &str, event: &CallEvent) {
        let tables = self.agents.sources().iter();
        let source = tables.map(SourceTable::settings).find(|it| *it.id == *source);
        let key = CallerKey::derived_from("a token");
        let source = source.expect("a source");
        let evidence = of_source_event(&source, event, (&self.agents, &key), None).pop();
        self.apply(evidence.expect("an id"));
    }

    fn starts(&mut self, call: &str) {
        let room = Some("connection/17".to_owned());
        self.told("telnyx", &CallEvent { room, ..CallEvent::new(call, What::Answered) });
    }

    /// The referee does all that it does in this time, and its evidence counts.
    fn passes(&mut self, ms: u64) -> Vec<Evidence> {
        let (end, mut all) = (Millis(self.now.0 + ms), Vec::new());
        loop {
            let found = match self.referee.next(self.now) {
                Action::Wait(until) if until > end => break,
                Action::Wait(until) => {
                    self.now = until.max(self.now);
                    continue;
                }
                Action::Ask(_) => {
                    self.asked += 1;
                    let answer = self.answer();
                    self.referee.receive(self.now, answer)
                }
                Action::Compare => self.referee.compare(self.now, self.state.tracker()),
            };
            for evidence in found {
                all.push(evidence.clone());
                self.apply(evidence);
            }
        }
        self.now = end;
        all
    }

    fn answer(&self) -> Result<Answer, Unanswered> {
        match self.fails.clone() {
            Some(why) => Err(Unanswered { why, again_after_ms: None }),
            None => Ok(Answer {
                calls: self.listed.iter().map(|it| listed(it)).collect(),
                ..Answer::default()
            }),
        }
    }

    fn phase(&self, call: &str) -> Option<Phase> {
        let tables = self.agents.sources().iter();
        let source = tables.map(SourceTable::settings).find(|it| *it.id == **self.referee.source());
        let id = name(&source.expect("a source"), call).expect("an id");
        self.state.tracker().call(&id).map(|call| call.phase)
    }
}

fn listed(call: &str) -> Listed {
    let room = Some("connection/17".to_owned());
    let event = CallEvent { room, ..CallEvent::new(call, What::Up) };
    Listed { event, session: None, up_s: 0 }
}

const OVER: Option<Phase> = Some(Phase::Ended(EndReason::Unlisted));

#[test]
fn a_call_that_two_lists_lack_is_over_and_a_later_word_takes_that_back() {
    let mut scene = Scene::new();
    scene.starts("a");
    scene.starts("b");
    scene.listed.insert("b".to_owned());
    // It is too young to be missing, and then the first list without it says nothing.
    scene.passes(20 * SECOND);
    assert_eq!((scene.phase("a"), scene.asked), (Some(Phase::Live), 2));
    scene.passes(5 * SECOND);
    assert_eq!(scene.phase("a"), OVER);
    assert_eq!(scene.phase("b"), Some(Phase::Live));
    scene.told("telnyx", &CallEvent::new("a", What::Up));
    assert_eq!(scene.phase("a"), Some(Phase::Live));
    // The provider's own end is the last word.
    scene.passes(60 * SECOND);
    assert_eq!(scene.phase("a"), OVER);
    scene.told("telnyx", &CallEvent::new("a", What::Ended(EndReason::Completed)));
    scene.listed.insert("a".to_owned());
    scene.passes(120 * SECOND);
    assert_eq!(scene.phase("a"), Some(Phase::Ended(EndReason::Completed)));
}

#[test]
fn what_two_lists_have_goes_on_after_our_own_guess() {
    let mut scene = Scene::new();
    scene.starts("a");
    scene.passes(60 * SECOND);
    assert_eq!(scene.phase("a"), OVER);
    scene.listed.insert("a".to_owned());
    scene.passes(30 * SECOND);
    assert_eq!(scene.phase("a"), Some(Phase::Live));
}

#[test]
fn a_call_that_two_lists_have_and_nobody_told_of_begins() {
    let mut scene = Scene::new();
    scene.listed.insert("v3:a".to_owned());
    let first = scene.passes(SECOND);
    assert!(first.is_empty() && scene.phase("v3:a").is_none());
    let found = scene.passes(10 * SECOND);
    assert_eq!(scene.phase("v3:a"), Some(Phase::Live));
    assert!(found.len() == 1 && found[0].source == Source::Referee, "{found:?}");
    assert_eq!(found[0].account.as_deref(), Some("acme"));
    assert_eq!(found[0].origin.as_ref().map(|it| &*it.source), Some("telnyx"));
    assert_eq!(scene.state.tracker().numbers().calls, 1);
    // One that is in one list alone, and gone in the next.
    scene.listed.insert("v3:b".to_owned());
    scene.passes(15 * SECOND);
    scene.listed.remove("v3:b");
    scene.passes(60 * SECOND);
    assert!(scene.phase("v3:b").is_none());
}

#[test]
fn what_is_still_there_is_confirmed_before_it_is_suspect() {
    let mut scene = Scene::new();
    scene.starts("a");
    scene.listed.insert("a".to_owned());
    assert!(scene.passes(60 * SECOND).is_empty());
    let found = scene.passes(40 * SECOND);
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].claim(), found[0].connection), (Claim::Live, None));
}

#[test]
fn failures_end_nothing_and_make_it_ask_less_often() {
    let mut scene = Scene::new();
    scene.starts("a");
    scene.fails = Some(Failure::Server(500));
    scene.passes(600 * SECOND);
    assert_eq!(scene.phase("a"), Some(Phase::Live));
    assert!(scene.asked < 20, "{}", scene.asked);
    let status = scene.referee.status();
    assert_eq!((status.failure, status.found), (Some(Failure::Server(500)), None));
    scene.fails = None;
    scene.listed.insert("a".to_owned());
    scene.passes(600 * SECOND);
    let status = scene.referee.status();
    assert_eq!((status.failure, status.found.map(|it| it.difference)), (None, Some(0)));
}

#[test]
fn it_leaves_a_provider_alone_as_long_as_that_wants_it() {
    let mut scene = Scene::new();
    let Action::Ask(_) = scene.referee.next(scene.now) else { panic!("it asks at once") };
    let busy = Unanswered { why: Failure::TooMany, again_after_ms: Some(90_000) };
    scene.referee.receive(scene.now, Err(busy));
    scene.passes(89 * SECOND);
    assert_eq!(scene.asked, 0);
    scene.passes(2 * SECOND);
    assert_eq!(scene.asked, 1);
    // A key that is refused does not get right by asking again soon.
    scene.fails = Some(Failure::Refused(401));
    scene.passes(30 * SECOND);
    let asked = scene.asked;
    scene.passes(240 * SECOND);
    assert_eq!(scene.asked, asked);
}

#[test]
fn pages_that_lead_back_and_half_a_list_end_nothing() {
    let mut scene = Scene::new();
    scene.starts("a");
    scene.now = Millis(scene.now.0 + 60 * SECOND);
    for _ in 0..5 {
        let Action::Ask(ask) = scene.referee.next(scene.now) else { panic!("a question") };
        let more = |path: &str| Ask { path: path.to_owned(), ..Ask::default() };
        let next = Answer { more: vec![more("/next")], ..Answer::default() };
        assert!(scene.referee.receive(scene.now, Ok(next)).is_empty());
        assert_eq!(scene.referee.next(scene.now), Action::Ask(more("/next")));
        let back = Answer { more: vec![ask], ..Answer::default() };
        assert!(scene.referee.receive(scene.now, Ok(back)).is_empty());
        assert!(matches!(scene.referee.failure(), Some(Failure::Endless(_))));
        scene.now = Millis(scene.now.0 + 600 * SECOND);
    }
    assert_eq!(scene.phase("a"), Some(Phase::Live));
}

#[test]
fn a_list_is_the_word_of_one_source_and_connection() {
    let mut scene = Scene::new();
    let on = |connection: &str, call: &str| CallEvent {
        room: Some(format!("connection/{connection}")),
        ..CallEvent::new(call, What::Answered)
    };
    // A call of Twilio's, of another source of the same kind, of another connection, of one that is
    // not known, and of a call that Twilio tells of, too.
    scene.apply(Evidence::about(CallId::parse("CA1").unwrap(), Source::Voice, Said::Dialing));
    scene.told("other", &on("17", "of-other"));
    scene.told("telnyx", &on("18", "elsewhere"));
    scene.told("telnyx", &CallEvent::new("somewhere", What::Answered));
    let both = format!("CA{:032x}", 7);
    let sid = CallId::parse(&both).unwrap();
    scene.apply(Evidence::about(sid, Source::Voice, Said::Dialing));
    scene.told("telnyx", &CallEvent { also: vec![both], ..on("17", "of-both") });
    let shared = "a-name-that-is-known-everywhere";
    scene.told("other", &on("17", shared));
    scene.told("telnyx", &on("17", shared));
    // Another platform's word does not keep a carrier from ending its call.
    let own = "another-name-that-is-known-everywhere";
    scene.told("vapi", &CallEvent::new(own, What::Answered));
    scene.told("telnyx", &on("17", own));
    let before = scene.state.tracker().numbers().calls;
    scene.passes(600 * SECOND);
    assert_eq!(scene.phase(own), OVER);
    assert_eq!(scene.state.tracker().numbers().calls, before - 1);
    // What a list had once is of its connection.
    scene.listed.insert("somewhere".to_owned());
    scene.passes(60 * SECOND);
    scene.listed.clear();
    scene.passes(60 * SECOND);
    assert_eq!(scene.phase("somewhere"), OVER);
}

#[test]
fn of_one_conversation_the_legs_do_not_begin() {
    let mut scene = Scene::new();
    scene.starts("a");
    let of = |call: &str, session: &str, up_s| Listed {
        session: Some(session.to_owned()),
        up_s,
        ..listed(call)
    };
    for _ in 0..2 {
        let Action::Ask(_) = scene.referee.next(scene.now) else { panic!("a question") };
        let calls =
            vec![of("a", "1", 9), of("leg", "1", 5), of("late", "2", 5), of("head", "2", 8)];
        scene.referee.receive(scene.now, Ok(Answer { calls, ..Answer::default() }));
        for evidence in scene.referee.compare(scene.now, scene.state.tracker()) {
            scene.apply(evidence);
        }
        scene.now = Millis(scene.now.0 + 5 * SECOND);
    }
    assert_eq!(scene.phase("head"), Some(Phase::Live));
    assert!(scene.phase("leg").is_none() && scene.phase("late").is_none());
}

#[test]
fn a_call_that_was_too_long_is_not_brought_back_by_a_list() {
    let file = FILE.replace("account = \"acme\"", "longest_call_minutes = 1");
    let mut scene = Scene::of(&file, "telnyx");
    scene.starts("a");
    scene.listed.insert("a".to_owned());
    scene.passes(90 * SECOND);
    let id = name(&scene.referee.settings.source.clone(), "a").unwrap();
    scene.apply(Evidence::about(id, Source::Clock, Said::Over(EndReason::TimedOut)));
    assert!(scene.passes(600 * SECOND).is_empty());
    assert_eq!(scene.phase("a"), Some(Phase::Ended(EndReason::TimedOut)));
}

#[test]
fn a_reload_keeps_what_is_known_of_a_source_that_stays_as_it_was() {
    let scene = Scene::new();
    let key = CallerKey::derived_from("a token");
    let rules = RefereeRules { suspect_after_ms: 120_000, key, below: |bound| bound - 1 };
    let mut referees = Referees::new(&scene.agents, rules);
    assert_eq!(referees.all().len(), 1, "only those with a key");
    referees.all_mut()[0].requests = 7;
    let (more, _) = Agents::parse(&FILE.replace("Bookings", "Tables"));
    referees.learn(&more);
    assert_eq!(referees.all()[0].status().requests, 7);
    let (other, _) = Agents::parse(&FILE.replace("\"17\"", "\"18\""));
    referees.learn(&other);
    assert_eq!(referees.all()[0].status().requests, 0);
    referees.learn(&Agents::default());
    assert!(referees.all().is_empty());
}
