//! Limits: who has a place is decided by the order of the journal, and stays decided.

use crate::model::{COMPLETED, agent, call, inbound, status};
use live_users_core::{
    Admission, AgentFrom, Attendance, Bound, CallId, ConferenceEvent, Connection, Direction,
    EndReason, Endpoint, Evidence, Instead, LimitOf, Millis, Outcome, Party, Phase, RETRY_MS_MAX,
    Said, Source, Tracker,
};
use proptest::prelude::*;

fn bound(places: u32, instead: Instead) -> Option<Bound> {
    Some(Bound { places, instead })
}

/// The first request of a call to an agent with so many places.
fn to(n: u8, name: &str, places: u32, instead: Instead) -> Evidence {
    let admission = Some(Admission { agent: bound(places, instead), all: None });
    Evidence { agent: agent(name), agent_from: AgentFrom::Url, admission, ..inbound(n) }
}

fn first(n: u8, instead: Instead) -> Evidence {
    to(n, "booking", 1, instead)
}

/// A later voice request of a call that was answered.
fn later(n: u8, instead: Instead) -> Evidence {
    let (said, connection) = (Said::InProgress, Some(Connection::Agent));
    Evidence { said, connection, ..first(n, instead) }
}

fn end(n: u8) -> Evidence {
    status(n, COMPLETED, Direction::Inbound)
}

#[derive(Default)]
struct Journal {
    tracker: Tracker,
    at_ms: u64,
}

impl Journal {
    /// Applies this a second after the last one, and says whether its call is turned away then.
    fn is_refused(&mut self, evidence: &Evidence) -> bool {
        self.after(1_000, evidence)
    }

    fn after(&mut self, ms: u64, evidence: &Evidence) -> bool {
        self.at_ms += ms;
        self.tracker.apply(Millis(self.at_ms), evidence);
        self.tracker.check().expect("the invariants hold");
        self.tracker.turned_away(&evidence.call).is_some()
    }

    fn party(&self, n: u8) -> Option<Party> {
        self.tracker.call(&call(n)).and_then(|call| call.party)
    }

    fn phase(&self, n: u8) -> Phase {
        self.tracker.call(&call(n)).expect("it is known").phase
    }

    fn calls(&self) -> usize {
        self.tracker.numbers().calls
    }
}

const REFUSED: Phase = Phase::Ended(EndReason::Busy);

#[test]
fn the_first_in_the_journal_has_the_last_place_and_an_end_frees_it() {
    let mut journal = Journal::default();
    assert!(!journal.is_refused(&first(1, Instead::Refuse)));
    assert!(journal.is_refused(&first(2, Instead::Refuse)));
    assert_eq!((journal.phase(2), journal.calls()), (REFUSED, 1));
    assert!(!journal.is_refused(&to(3, "support", 1, Instead::Refuse)), "another agent's place");
    journal.is_refused(&end(1));
    assert!(!journal.is_refused(&first(4, Instead::Refuse)), "the place is free again");
    assert!(journal.is_refused(&first(5, Instead::Refuse)));
    let how = journal.tracker.turned_away(&call(5)).expect("it is turned away");
    assert_eq!((how.by, how.instead, how.was_ringing), (LimitOf::Agent, Instead::Refuse, true));
}

#[test]
fn a_call_that_is_in_is_never_turned_away_and_one_that_is_refused_stays_so() {
    let mut journal = Journal::default();
    journal.is_refused(&first(1, Instead::Refuse));
    for again in [first(1, Instead::Refuse), later(1, Instead::Refuse)] {
        assert!(!journal.is_refused(&again));
    }
    assert!(journal.is_refused(&first(2, Instead::Refuse)));
    journal.is_refused(&end(1));
    for ms in [1_000, RETRY_MS_MAX, 60_000] {
        assert!(journal.after(ms, &first(2, Instead::Refuse)), "although a place is free now");
        assert_eq!((journal.phase(2), journal.calls()), (REFUSED, 0));
    }
    // The provider's word makes the end firm.
    let busy = status(2, Said::Over(EndReason::Busy), Direction::Inbound);
    journal.is_refused(&busy);
    assert!(journal.tracker.call(&call(2)).is_some_and(|it| it.details.is_firm));
    assert!(journal.is_refused(&first(2, Instead::Refuse)));
}

#[test]
fn a_limit_that_comes_while_calls_go_on_is_for_those_that_begin() {
    let mut journal = Journal::default();
    for n in 1..=3 {
        journal.is_refused(&Evidence { admission: None, ..first(n, Instead::Refuse) });
    }
    for n in 1..=3 {
        assert!(!journal.is_refused(&later(n, Instead::Refuse)));
    }
    assert!(journal.is_refused(&first(4, Instead::Refuse)));
    assert_eq!(journal.calls(), 3);
}

#[test]
fn who_waits_in_the_queue_takes_no_place_and_is_in_when_taken_out_of_it() {
    let mut journal = Journal::default();
    journal.is_refused(&first(1, Instead::Queue));
    assert!(journal.is_refused(&first(2, Instead::Queue)));
    assert_eq!((journal.party(2), journal.calls()), (Some(Party::Waiting), 1));
    assert!(journal.is_refused(&first(2, Instead::Queue)), "a retry");
    assert_eq!(journal.party(2), Some(Party::Waiting));
    journal.is_refused(&end(1));
    assert!(!journal.is_refused(&first(3, Instead::Queue)), "who waits takes no place");
    // Beyond the limit: whoever takes somebody out of the queue has decided that.
    assert!(!journal.is_refused(&later(2, Instead::Queue)));
    assert_eq!((journal.party(2), journal.calls()), (Some(Party::Agent), 2));
    let how = journal.tracker.call(&call(2)).and_then(|call| call.details.turned_away);
    assert!(how.is_some_and(|how| how.is_in), "it stays known that it had to wait");
}

#[test]
fn a_retry_of_an_answered_call_is_known_by_its_time() {
    let mut journal = Journal::default();
    journal.is_refused(&first(1, Instead::Queue));
    let answered = |n| Evidence { said: Said::InProgress, ..first(n, Instead::Queue) };
    assert!(journal.is_refused(&answered(2)));
    assert!(journal.after(RETRY_MS_MAX, &later(2, Instead::Queue)));
    assert_eq!(journal.party(2), Some(Party::Waiting));
    assert!(!journal.after(1, &later(2, Instead::Queue)));
    assert_eq!(journal.party(2), Some(Party::Agent));
}

#[test]
fn who_is_sent_elsewhere_is_on_the_line_with_somebody_else() {
    let mut journal = Journal::default();
    journal.is_refused(&first(1, Instead::Elsewhere));
    assert!(journal.is_refused(&first(2, Instead::Elsewhere)));
    assert_eq!((journal.party(2), journal.calls()), (Some(Party::Person), 1));
    journal.is_refused(&end(1));
    assert!(!journal.is_refused(&first(3, Instead::Elsewhere)));
    journal.is_refused(&end(2));
    assert_eq!(journal.phase(2), Phase::Ended(EndReason::Completed));
}

#[test]
fn the_limit_of_the_account_is_over_all_agents_and_that_of_the_agent_comes_first() {
    let mut journal = Journal::default();
    let with = |n, name, agent, all| {
        let admission = Some(Admission { agent, all });
        Evidence { admission, ..to(n, name, 0, Instead::Refuse) }
    };
    let all = bound(2, Instead::Queue);
    assert!(!journal.is_refused(&with(1, "booking", bound(1, Instead::Refuse), all)));
    assert!(!journal.is_refused(&with(2, "support", None, all)));
    assert!(journal.is_refused(&with(3, "sales", None, all)));
    assert!(journal.is_refused(&with(4, "booking", bound(1, Instead::Refuse), all)));
    let by = |n| journal.tracker.turned_away(&call(n)).map(|how| (how.by, how.instead));
    assert_eq!(by(3), Some((LimitOf::Account, Instead::Queue)));
    assert_eq!(by(4), Some((LimitOf::Agent, Instead::Refuse)));
}

#[test]
fn those_with_a_person_on_hold_or_only_dialled_take_no_place_and_machines_do() {
    let fits = |others: &[Evidence]| {
        let mut journal = Journal::default();
        for other in others {
            journal.is_refused(other);
        }
        !journal.is_refused(&first(9, Instead::Refuse))
    };
    let caller = to(1, "booking", 1, Instead::Refuse);
    let to_person = Evidence {
        parent: Some(call(1)),
        endpoint: Some(Endpoint::Person),
        ..status(2, Said::InProgress, Direction::Dial)
    };
    let conference = CallId::parse("CF1").expect("an id");
    let held = ConferenceEvent { conference, what: Attendance::Held, order: None };
    let about = Evidence::about(call(1), Source::StatusCallback, Said::Nothing);
    let held = Evidence { conference: Some(held), ..about };
    let ringing = Evidence { source: Source::StatusCallback, admission: None, ..caller.clone() };
    let answered_by = Some(live_users_core::AnsweredBy::Machine);
    let machine = Evidence { answered_by, ..status(1, Said::InProgress, Direction::Inbound) };
    assert!(!fits(std::slice::from_ref(&caller)));
    assert!(!fits(&[caller.clone(), machine]));
    assert!(fits(&[caller.clone(), to_person]) && fits(&[caller, held]) && fits(&[ringing]));
}

#[test]
fn a_call_that_we_make_is_decided_about_when_it_asks_although_it_was_told_as_answered() {
    let mut journal = Journal::default();
    let outbound = |n, places| {
        let direction = Some(Direction::Outbound);
        Evidence { direction, said: Said::InProgress, ..to(n, "booking", places, Instead::Refuse) }
    };
    let answered = |n| Evidence { source: Source::StatusCallback, ..outbound(n, 1) };
    journal.is_refused(&answered(1));
    assert!(!journal.is_refused(&outbound(1, 1)), "it takes no place from itself");
    journal.is_refused(&answered(2));
    assert!(journal.is_refused(&outbound(2, 1)));
    assert_eq!((journal.phase(2), journal.calls()), (REFUSED, 1));
    assert!(journal.is_refused(&outbound(2, 1)), "a retry");
    assert!(!journal.is_refused(&outbound(3, 2)));
}

#[test]
fn a_refused_call_that_goes_on_after_all_is_counted() {
    let stories = [
        // Our answer did not come in time, and another one let the caller in.
        (Source::Voice, true, None, 1_000),
        // It asks when no retry can come any more.
        (Source::Voice, false, Some(Admission::default()), RETRY_MS_MAX + 1),
        // The provider lists it, twice.
        (Source::Referee, false, None, 1_000),
    ];
    for (source, is_after_lost_answer, admission, ms) in stories {
        let mut journal = Journal::default();
        journal.is_refused(&first(1, Instead::Refuse));
        journal.is_refused(&first(2, Instead::Refuse));
        let goes_on =
            Evidence { source, is_after_lost_answer, admission, ..later(2, Instead::Refuse) };
        assert!(!journal.after(ms, &goes_on), "{source:?}");
        assert_eq!((journal.phase(2), journal.calls()), (Phase::Live, 2), "{source:?}");
        assert!(!journal.is_refused(&later(2, Instead::Refuse)), "{source:?}");
    }
}

#[test]
fn a_refused_call_was_never_a_live_one() {
    let mut tracker = Tracker::default();
    tracker.apply(Millis(1), &first(1, Instead::Refuse));
    let refused = tracker.apply(Millis(2), &first(2, Instead::Refuse));
    assert_eq!(refused.outcome, Outcome::EndedUnseen(EndReason::Busy));
    assert!(refused.talk.is_none() && refused.deltas.iter().next().is_none());
}

/// Voice requests and ends of a few calls at two agents.
fn steps() -> impl Strategy<Value = Vec<Evidence>> {
    let step = (0..8u8, any::<bool>(), any::<bool>());
    let step = step.prop_map(|(n, is_end, is_queue)| {
        let name = if n % 2 == 0 { "booking" } else { "support" };
        let instead = if is_queue { Instead::Queue } else { Instead::Refuse };
        let voice = to(n, name, 2, instead);
        let all = bound(3, Instead::Refuse);
        let admission = voice.admission.map(|it| Admission { all, ..it });
        if is_end { end(n) } else { Evidence { admission, ..voice } }
    });
    prop::collection::vec(step, 0..60)
}

proptest! {
    /// Whatever comes in which order: never more than the limits, and nobody is turned away while
    /// there are places.
    #[test]
    fn no_more_than_the_places_are_taken_and_none_is_left_empty(steps in steps()) {
        let mut journal = Journal::default();
        for step in &steps {
            let is_known = journal.tracker.call(&step.call).is_some();
            let before = |it: &Tracker| {
                let agents = it.by_agent();
                let own = agents.iter().find(|(name, _)| *name == step.agent);
                (own.map_or(0, |(_, numbers)| numbers.calls), it.numbers().calls)
            };
            let (own, all) = before(&journal.tracker);
            let is_refused = journal.is_refused(step);
            if !is_known && step.source == Source::Voice {
                prop_assert_eq!(is_refused, own >= 2 || all >= 3);
            }
            let most = journal.tracker.by_agent().iter().map(|(_, it)| it.calls).max();
            prop_assert!(most.unwrap_or(0) <= 2 && journal.calls() <= 3);
        }
    }
}
