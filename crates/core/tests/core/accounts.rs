//! Whose call it is, the numbers of accounts, and what is left where only some of them count.

use std::num::NonZeroU64;
use std::sync::Arc;

use live_users_core::{
    Agent, AgentFrom, Attendance, CallId, Caller, ConferenceEvent, Connection, Direction,
    EndReason, Evidence, Millis, Numbers, Origin, Outcome, Said, Source, Told, Tracker,
};
use proptest::prelude::*;

use crate::properties::{many, numbers_of, plainly, tracker_of};

fn id(text: &str) -> CallId {
    CallId::parse(text).expect("an id")
}

fn of_account(account: &str, evidence: Evidence) -> Evidence {
    Evidence { account: Some(Arc::from(account)), ..evidence }
}

fn of_agent(agent: &str, account: Option<&str>, from: AgentFrom, evidence: Evidence) -> Evidence {
    Evidence {
        agent: Agent::Id(Arc::from(agent)),
        agent_from: from,
        agent_account: account.map(Arc::from),
        ..evidence
    }
}

fn voice(call: &str, said: Said) -> Evidence {
    let direction = Some(Direction::Inbound);
    Evidence { direction, ..Evidence::about(id(call), Source::Voice, said) }
}

fn played(log: &[Evidence]) -> Tracker {
    let mut tracker = Tracker::default();
    for (evidence, at) in log.iter().zip(1..) {
        tracker.apply(Millis(at * 1_000), evidence);
        assert_eq!(tracker.check(), Ok(()), "{evidence:?}");
    }
    tracker
}

fn owner<'a>(tracker: &'a Tracker, call: &str) -> Option<&'a str> {
    tracker.owner(&id(call)).map(|owner| &**owner)
}

#[test]
fn a_call_belongs_to_the_account_of_its_agent_or_else_of_who_has_told_of_it() {
    let up = Said::Dialing;
    let told = of_account("zeta", voice("CA1", up));
    let named = of_agent("booking", Some("acme"), AgentFrom::Address, voice("CA1", up));
    assert_eq!(owner(&played(std::slice::from_ref(&told)), "CA1"), Some("zeta"));
    for log in [[told.clone(), named.clone()], [named, told.clone()]] {
        let tracker = played(&log);
        assert_eq!(owner(&tracker, "CA1"), Some("acme"), "an agent's account beats a label");
        let of_zeta = tracker.told_of(&id("CA1")).and_then(Told::teller).map(|it| &**it);
        assert_eq!(of_zeta, Some("zeta"), "the provider is asked as that account");
    }
    let of_none = of_agent("booking", None, AgentFrom::Address, voice("CA1", up));
    assert_eq!(owner(&played(&[told, of_none]), "CA1"), Some("zeta"));
}

#[test]
fn a_call_that_moves_to_another_agent_moves_to_its_account() {
    let named = |agent, account, said| {
        of_account("told", of_agent(agent, account, AgentFrom::Url, voice("CA1", said)))
    };
    let mut log = vec![named("booking", Some("acme"), Said::Dialing)];
    assert_eq!(owner(&played(&log), "CA1"), Some("acme"));
    log.push(named("support", Some("zeta"), Said::InProgress));
    assert_eq!(owner(&played(&log), "CA1"), Some("zeta"));
    log.push(named("sales", None, Said::InProgress));
    let tracker = played(&log);
    assert_eq!(owner(&tracker, "CA1"), Some("told"));
    let names: Vec<_> = tracker.breakdown_by_account();
    assert_eq!(names.iter().map(|(name, _)| &**name).collect::<Vec<_>>(), ["told"]);
}

#[test]
fn of_one_word_about_one_agent_the_greatest_account_counts() {
    let named = |account| of_agent("a", account, AgentFrom::Address, voice("CA1", Said::Dialing));
    let log = [named(Some("acme")), named(Some("zeta")), named(None)];
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        assert_eq!(owner(&played(&order.map(|at| log[at].clone())), "CA1"), Some("zeta"));
    }
}

#[test]
fn two_calls_that_become_one_have_one_account() {
    let platform = |said| Evidence {
        origin: Some(Origin { source: Arc::from("vapi"), is_carrier: false }),
        ..of_account("zeta", Evidence::about(id("vapi/1"), Source::Event, said))
    };
    let carrier = of_agent("a", Some("acme"), AgentFrom::Address, voice("CA1", Said::Dialing));
    let joined = Evidence { also: vec![id("CA1")], ..platform(Said::InProgress) };
    for log in [
        [platform(Said::Dialing), carrier.clone(), joined.clone()],
        [carrier.clone(), platform(Said::Dialing), joined.clone()],
        [joined.clone(), platform(Said::Dialing), carrier.clone()],
    ] {
        let tracker = played(&log);
        assert_eq!((tracker.known(), owner(&tracker, "vapi/1")), (1, Some("acme")));
        let by_account = tracker.breakdown_by_account();
        assert_eq!(by_account.len(), 1, "{by_account:?}");
    }
}

#[test]
fn a_leg_belongs_to_whom_its_call_belongs() {
    let leg = Evidence {
        parent: Some(id("CA1")),
        ..of_account("zeta", Evidence::about(id("CA2"), Source::StatusCallback, Said::Dialing))
    };
    let call = of_account("acme", voice("CA1", Said::Dialing));
    assert_eq!(owner(&played(&[leg.clone(), call]), "CA2"), Some("acme"));
    assert_eq!(owner(&played(&[leg]), "CA2"), Some("zeta"), "its call is not known");
}

/// The same as the Twilio account with this digest says it.
fn by(digest: u64, evidence: Evidence) -> Evidence {
    Evidence { twilio_account: NonZeroU64::new(digest), ..evidence }
}

#[test]
fn who_speaks_for_one_account_of_twilio_changes_no_call_of_another() {
    let over = Said::Over(EndReason::Completed);
    let join = |conference| {
        let what = Attendance::Joined;
        Some(ConferenceEvent { conference: id(conference), what, order: None })
    };
    let callback = |call, said| Evidence::about(id(call), Source::StatusCallback, said);
    let attends = Evidence { conference: join("CF1"), ..callback("CA1", Said::Nothing) };
    let named = |it| by(1, of_account("acme", it));
    let log = [named(voice("CA1", Said::Dialing)), named(attends)];
    let platform = Evidence {
        origin: Some(Origin { source: Arc::from("vapi"), is_carrier: false }),
        also: vec![id("CA1")],
        ..Evidence::about(id("vapi/1"), Source::Event, over)
    };
    let person = Some(Connection::Person);
    let taken = Evidence { connection: person, ..callback("CA1", Said::InProgress) };
    let leg = Evidence { parent: Some(id("CA1")), ..callback("CA2", Said::InProgress) };
    let guest = Evidence { conference: join("CF1"), ..callback("CA2", Said::InProgress) };
    let agent = of_agent("b", Some("zeta"), AgentFrom::Url, voice("CA1", Said::InProgress));
    for said in [callback("CA1", over), platform, taken, leg, guest, agent] {
        let mut tracker = played(&log);
        let before = tracker.calls();
        let outcome = tracker.apply(Millis(9_000), &by(2, said.clone())).outcome;
        assert_eq!((outcome, tracker.calls()), (Outcome::Refused, before.clone()), "{said:?}");
        // Without an account, or as its own, it counts.
        for known in [said.clone(), by(1, said)] {
            let mut tracker = played(&log);
            assert_ne!(tracker.apply(Millis(9_000), &known).outcome, Outcome::Refused);
            assert_ne!(tracker.calls(), before);
        }
    }
}

#[test]
fn a_platform_of_an_account_tells_of_calls_of_its_agents_wherever_they_are() {
    let call = of_agent("a", Some("acme"), AgentFrom::Address, voice("CA1", Said::Dialing));
    let ended = |account| Evidence {
        origin: Some(Origin { source: Arc::from("vapi"), is_carrier: false }),
        also: vec![id("CA1")],
        ..of_account(
            account,
            Evidence::about(id("vapi/1"), Source::Event, Said::Over(EndReason::Completed)),
        )
    };
    let outcome = |account| {
        let mut tracker = played(&[by(1, call.clone())]);
        tracker.apply(Millis(9_000), &by(2, ended(account))).outcome
    };
    assert_eq!(outcome("acme"), Outcome::Ended(EndReason::Completed));
    assert_eq!(outcome("zeta"), Outcome::Refused);
}

#[test]
fn a_platform_of_an_account_tells_of_a_call_of_nobody_in_particular_and_goes_on_with_its_own() {
    let told = |account, digest, said| {
        let evidence = Evidence {
            origin: Some(Origin { source: Arc::from("vapi"), is_carrier: false }),
            also: vec![id("CA1")],
            ..of_account(account, Evidence::about(id("vapi/1"), Source::Event, said))
        };
        by(digest, evidence)
    };
    let over = Said::Over(EndReason::Completed);
    let ended = Outcome::Ended(EndReason::Completed);
    // On a number of ours, by an agent without an account.
    let mut tracker = played(&[by(1, voice("CA1", Said::Dialing))]);
    assert_eq!(tracker.apply(Millis(5_000), &told("acme", 2, over)).outcome, ended);
    // Its label was corrected while the call was up.
    let mut tracker = played(&[told("zeta", 3, Said::InProgress)]);
    assert_eq!(tracker.apply(Millis(5_000), &told("acme", 2, over)).outcome, ended);
}

#[test]
fn an_account_that_got_another_name_is_called_by_the_new_one() {
    let named = |name| by(1, of_account(name, voice("CA1", Said::InProgress)));
    for names in [["acme", "zeta"], ["zeta", "acme"]] {
        assert_eq!(owner(&played(&names.map(named)), "CA1"), Some(names[1]));
    }
}

#[test]
fn twilios_word_on_whose_call_it_is_beats_that_of_a_platform() {
    let platform = Evidence {
        origin: Some(Origin { source: Arc::from("vapi"), is_carrier: false }),
        also: vec![id("CA1")],
        ..of_account("zeta", Evidence::about(id("vapi/1"), Source::Event, Said::InProgress))
    };
    let twilio = by(1, of_account("acme", voice("CA1", Said::Dialing)));
    let unnamed = by(1, voice("CA1", Said::Dialing));
    for (log, owned_by) in [
        ([platform.clone(), twilio.clone()], "acme"),
        ([twilio, platform.clone()], "acme"),
        ([platform.clone(), unnamed.clone()], "zeta"),
        ([unnamed, platform.clone()], "zeta"),
    ] {
        assert_eq!(owner(&played(&log), "CA1"), Some(owned_by));
    }
    // What a platform claims keeps our own account out of nothing, and another named one out of it.
    let over = Evidence::about(id("CA1"), Source::StatusCallback, Said::Over(EndReason::Completed));
    let outcome = |said: Evidence| {
        let mut tracker = played(&[by(2, platform.clone())]);
        tracker.apply(Millis(5_000), &by(1, said)).outcome
    };
    let ended = Outcome::Ended(EndReason::Completed);
    assert_eq!(outcome(over.clone()), ended);
    assert_eq!(outcome(of_account("acme", over.clone())), Outcome::Refused);
    assert_eq!(outcome(of_account("zeta", over)), ended, "it is of that one");
}

#[test]
fn a_person_with_calls_of_two_accounts_is_one_user_of_both_together() {
    let caller = NonZeroU64::new(7).map(Caller);
    let of = |account, call| Evidence { caller, ..of_account(account, voice(call, Said::Dialing)) };
    let withheld = of_account("acme", voice("CA3", Said::Dialing));
    let tracker = played(&[of("acme", "CA1"), of("zeta", "CA2"), withheld]);
    let live = |accounts: &[&str]| tracker.breakdown_of_accounts(accounts.iter().copied()).live;
    assert_eq!(live(&["acme"]), Numbers { users: 2, calls: 2 });
    assert_eq!(live(&["zeta"]), Numbers { users: 1, calls: 1 });
    assert_eq!(live(&["acme", "zeta"]), Numbers { users: 2, calls: 3 });
    assert_eq!(live(&["acme", "nobody"]), Numbers { users: 2, calls: 2 });
    assert_eq!(live(&["nobody"]), Numbers::default());
}

/// Each call of one account: those with an even number by who tells of it, the others by the agent.
fn with_account(evidence: Evidence) -> Evidence {
    let is_even = evidence.call.to_string().bytes().last().is_some_and(|byte| byte % 2 == 0);
    let (account, agent_account) = match is_even {
        true => ("acme", None),
        false => ("told", Some(Arc::from("zeta"))),
    };
    // Whose colleague a call is depends on the other calls of its agent.
    let direction = evidence.direction.filter(|it| *it != Direction::Outbound);
    let account = Some(Arc::from(account));
    let is_ours = matches!(evidence.source, Source::Clock | Source::Operator);
    // Of our own words none says whose call it is.
    let source = if is_ours { Source::StatusCallback } else { evidence.source };
    Evidence { account, agent_account, direction, source, ..evidence }
}

/// The numbers of the sources beside Twilio.
fn sourced(tracker: &Tracker) -> Vec<(Option<Arc<str>>, Numbers)> {
    tracker.by_source().into_iter().filter(|(source, _)| source.is_some()).collect()
}

proptest! {
    #[test]
    fn no_call_is_touched_by_who_speaks_for_another_account(log in many(), others in many()) {
        // Twilio alone gives a call an account for good.
        let twilios = |it: Evidence| {
            let source = match it.source {
                Source::Voice | Source::Speech => it.source,
                _ => Source::StatusCallback,
            };
            // A call of nobody in particular is free to be told of.
            let account = Some(Arc::from("first"));
            by(1, Evidence { source, origin: None, account, ..it })
        };
        let log: Vec<_> = log.into_iter().map(twilios).collect();
        let mut tracker = tracker_of(&log);
        for (evidence, at) in others.iter().zip(1_000..) {
            let is_firsts = |call: &live_users_core::Call| {
                let account = call.details.told.as_ref().and_then(|it| it.twilio_account.as_ref());
                account.is_some_and(|it| it.digest.get() == 1)
            };
            let of_first = |tracker: &Tracker| -> Vec<_> {
                tracker.calls().into_iter().filter(is_firsts).collect()
            };
            let before = of_first(&tracker);
            // What a platform says of its own agents' calls is no business of the other account's.
            let evidence = Evidence { account: None, ..evidence.clone() };
            tracker.apply(Millis(at), &by(2, evidence.clone()));
            prop_assert_eq!(of_first(&tracker), before, "{:?}", evidence);
        }
    }

    #[test]
    fn some_accounts_are_as_if_there_were_no_others(
        (log, shuffled) in plainly().prop_flat_map(|log| {
            let log: Vec<_> = log.into_iter().map(with_account).collect();
            let again: Vec<_> = log.iter().chain(&log).cloned().collect();
            (Just(log), Just(again).prop_shuffle())
        }),
    ) {
        for log in [log, shuffled] {
            let mut whole = Tracker::default();
            let mut alone = [Tracker::default(), Tracker::default()];
            for (evidence, at) in log.iter().zip(1..) {
                whole.apply(Millis(at), evidence);
                let is_zetas = evidence.agent_account.is_some();
                alone[usize::from(is_zetas)].apply(Millis(at), evidence);
            }
            for (account, alone) in ["acme", "zeta"].into_iter().zip(&alone) {
                let scoped = whole.of_accounts(|it| it == account);
                prop_assert_eq!(numbers_of(&scoped), numbers_of(alone));
                prop_assert_eq!(scoped.breakdown(), whole.breakdown_of_accounts([account]));
                prop_assert_eq!(sourced(&scoped), sourced(alone));
                let now = Millis(1_000);
                prop_assert_eq!(scoped.ages(now), alone.ages(now));
            }
            let both = whole.of_accounts(|it| it == "acme" || it == "zeta");
            prop_assert_eq!(both.breakdown(), whole.breakdown_of_accounts(["acme", "zeta"]));
            prop_assert_eq!(numbers_of(&both), numbers_of(&whole));
        }
    }
}

/// Whatever the order, an end among it or not: nobody's calls are in a view of nobody.
#[test]
fn calls_of_no_account_are_in_no_view() {
    let over = Said::Over(EndReason::Completed);
    let tracker = played(&[voice("CA1", Said::Dialing), of_account("a", voice("CA2", over))]);
    assert_eq!(tracker.numbers().calls, 1);
    assert_eq!(tracker.of_accounts(|_| true).numbers().calls, 0);
}
