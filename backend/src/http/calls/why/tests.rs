//! Each state of a call has its code, and the sentence that is made of it.

use std::collections::BTreeSet;
use std::sync::Arc;

use live_users_core::{
    Agent, AgentFrom, CallId, Counting, Details, Instead, Leg, LimitOf, Place, Queue, Said, Source,
    Stretch, Told, TurnedAway,
};

use super::codes::{CountsWhen, Next, Rule, Sure, What};
use super::*;
use crate::parts::counting_rules::CountingRules;
use crate::parts::doubt::DoubtRules;

const SINCE: &str = "1970-01-01T00:00:01.000Z";

fn id(text: &str) -> CallId {
    CallId::parse(text).expect("an id")
}

/// A call that is in this phase since the first second.
fn call(phase: Phase, party: Option<Party>, details: Details) -> Call {
    Call {
        id: id("CA1"),
        phase,
        first: Millis(1_000),
        since: Millis(1_000),
        heard: Millis(2_000),
        direction: Some(Direction::Inbound),
        caller: None,
        agent: Agent::Unknown,
        agent_from: AgentFrom::Address,
        place: Place::default(),
        party,
        details,
    }
}

/// Who looks at this second, and counts callers who were handed over or not.
fn at(second: u64, handed_over: bool) -> Presenter {
    let doubt = DoubtRules { share_percent: 10, is_public: false, suspect_after_ms: 120_000 };
    let counting = Counting { handed_over, by_call: false };
    let rules =
        CountingRules { counting, max_call_ms: 4 * 3_600_000, doubt, sums_are_upper_bounds: false };
    Presenter { now: Millis(second * 1_000), rules }
}

/// What was said of a call: one piece, which has answered it.
fn said(source: Source, said: Said) -> Pieces {
    let outcome = Outcome::Answered;
    let (origin, leg, party) = (None, None, None);
    let piece = Piece { seq: 1, at: Millis(1_000), source, said, origin, leg, outcome, party };
    Pieces { list: vec![piece], incomplete: false }
}

fn turned_away(by: LimitOf, is_firm: bool) -> Details {
    let how = TurnedAway { by, instead: Instead::Refuse, was_ringing: true, is_in: false };
    Details { turned_away: Some(how), is_firm, ..Details::default() }
}

fn limited(quiet_s: Option<u32>, longest_s: Option<u32>) -> Details {
    let limits = Limits { quiet_s, longest_s, silent_s: None };
    let sources = vec![Arc::from("app"), Arc::from("pbx")];
    let told = Told { sources, limits, ..Told::default() };
    Details { told: Some(told), ..Details::default() }
}

/// A call of an agent, whatever is put in.
fn none() -> Details {
    Details::default()
}

/// Calls that are not over, with the code and the sentence that they have without any evidence.
fn up() -> Vec<(Call, &'static str, &'static str)> {
    use Party::{Machine, Person, Waiting};
    let live = |party, details| call(Phase::Live, Some(party), details);
    let waiting = |how| live(Waiting, how);
    let stretch = Stretch {
        party: Waiting,
        agent: Agent::Unknown,
        account: None,
        since: Millis(0),
        until: Millis(1_000),
    };
    let outbound = Call { direction: Some(Direction::Outbound), ..live(Party::Agent, none()) };
    let queue = Details { queue: Some(Queue::Waiting), ..none() };
    let again = Details { stretches: vec![stretch], ..none() };
    let fax = Details { answered_by: Some(AnsweredBy::Fax), ..none() };
    let sure = "no end was reported; confirmed 8\u{a0}s ago.";
    let counts = "when an agent talks with the caller, it counts.";
    let again_counts = "when that person hangs up and the call goes on, it counts again.";
    let leak = |text: String| -> &'static str { text.leak() };
    let since = |code, what: &str, rest: &str| {
        let how = if rest == sure { "Counted" } else { "Not counted" };
        let rest = if rest.is_empty() { ".".to_owned() } else { format!("; {rest}") };
        (code, leak(format!("{how}: {what} since {SINCE}{rest}")))
    };
    let agent = "its agent was at capacity,";
    let all = "all agents together were at the limit,";
    let cases = [
        (live(Party::Agent, none()), since("on-the-line", "on the line", sure)),
        (outbound, since("picked-up", "the person has picked up", sure)),
        (
            live(Party::Agent, again),
            since("with-agent", "the caller is connected with an agent", sure),
        ),
        (
            live(Person, none()),
            since("with-person", "the caller was handed over to a person", again_counts),
        ),
        (live(Machine, none()), since("voicemail", "a voicemail has answered", "")),
        (live(Machine, fax), since("fax", "a fax has answered", "")),
        (waiting(queue), since("in-queue", "the caller waits in a queue", counts)),
        (
            waiting(turned_away(LimitOf::Agent, false)),
            since("in-queue", &format!("the caller waits in a queue, since {agent}"), counts),
        ),
        (
            waiting(turned_away(LimitOf::Account, false)),
            since("in-queue", &format!("the caller waits in a queue, since {all}"), counts),
        ),
        (
            live(Person, turned_away(LimitOf::Agent, false)),
            since(
                "answered-elsewhere",
                &format!("somebody else answers, since {agent}"),
                again_counts,
            ),
        ),
        (
            live(Person, turned_away(LimitOf::Account, false)),
            since(
                "answered-elsewhere",
                &format!("somebody else answers, since {all}"),
                again_counts,
            ),
        ),
        (
            waiting(none()),
            since("on-hold", "the caller waits, on hold or alone in a conference", counts),
        ),
    ];
    cases.into_iter().map(|(call, (code, text))| (call, code, text)).collect()
}

/// The same of calls that are nobody's, or not answered.
fn of_nobody() -> Vec<(Call, &'static str, &'static str)> {
    let parent = Some(id("CA9"));
    let leg = |parent| Details { leg: Some(Leg { parent }), ..none() };
    let colleague = Details { is_colleague: true, ..none() };
    let cases = [
        (call(Phase::Live, None, leg(parent)), ("leg", "Not counted: a leg of CA9: never a user.")),
        (
            call(Phase::Live, None, leg(None)),
            ("leg", "Not counted: a leg of another call: never a user."),
        ),
        (
            call(Phase::Live, None, colleague),
            (
                "colleague",
                "Not counted: it is held for the call of a colleague, who is never a user: it never asked \
                 what to say, and its agent had a caller on the line.",
            ),
        ),
        (call(Phase::Dialing, None, none()), ("dialing", "Not counted: nobody has picked up yet.")),
    ];
    cases.into_iter().map(|(call, (code, text))| (call, code, text)).collect()
}

/// The same of calls that are over.
fn over() -> Vec<(Call, &'static str, &'static str)> {
    use EndReason::*;
    let firm = || Details { is_firm: true, ..none() };
    let cases = [
        (Completed, firm(), "completed", "it is over"),
        (Busy, firm(), "busy", "the line was busy"),
        (NoAnswer, firm(), "no-answer", "it was not answered"),
        (Canceled, firm(), "canceled", "it was cancelled before it was answered"),
        (Failed, firm(), "failed", "it could not be put through"),
        (Evicted, firm(), "evicted", "an operator took it out of the count"),
        (
            HandedOver,
            none(),
            "handed-over",
            "the caller was handed over, and nobody tells of the rest",
        ),
        (
            HandedOver,
            firm(),
            "handed-over",
            "the caller was handed over, and nobody tells of the rest",
        ),
        (Goodbye, firm(), "goodbye", "the caller said goodbye"),
        (Goodbye, none(), "goodbye", "ended by a goodbye; the provider has not said so yet"),
        (Unlisted, firm(), "unlisted", "the list of its source does not have it any more"),
        (
            Unlisted,
            none(),
            "unlisted",
            "ended, since the list of its source does not have it any more; the provider has not said so yet",
        ),
        (TimedOut, firm(), "timed-out", "it was older than a call can be, and silent"),
        (
            TimedOut,
            none(),
            "timed-out",
            "given up, since it was older than a call can be, and silent; the provider has not said so yet",
        ),
    ];
    cases.map(ended).into()
}

/// One that is over, with what is said of that.
fn ended(
    (reason, details, code, what): (EndReason, Details, &'static str, &'static str),
) -> (Call, &'static str, &'static str) {
    let text: &'static str = format!("Not counted: {what}.").leak();
    (call(Phase::Ended(reason), None, details), code, text)
}

/// The same of calls that have broken a limit.
fn over_by_limits() -> Vec<(Call, &'static str, &'static str)> {
    use EndReason::{Busy, TimedOut};
    let words = "given up, since no word of it came in time: app, pbx";
    let leak = |text: String| -> &'static str { text.leak() };
    let cases = [
        (
            TimedOut,
            limited(Some(3_600), None),
            "limits-broken",
            leak(format!("{words} is to be heard of it at least each 3600 s")),
        ),
        (
            TimedOut,
            limited(None, Some(119)),
            "limits-broken",
            leak(format!("{words} has no call longer than 1 min")),
        ),
        (
            TimedOut,
            limited(Some(2), Some(7_200)),
            "limits-broken",
            leak(format!(
                "{words} is to be heard of it at least each 2 s and has no call longer than 120 min"
            )),
        ),
        (
            Busy,
            turned_away(LimitOf::Agent, true),
            "turned-away",
            "turned away, since its agent was at capacity",
        ),
        (
            Busy,
            turned_away(LimitOf::Agent, false),
            "turned-away",
            "turned away, since its agent was at capacity; the provider has not said so yet",
        ),
        (
            Busy,
            turned_away(LimitOf::Account, true),
            "turned-away",
            "turned away, since all agents together were at the limit",
        ),
        (
            Busy,
            turned_away(LimitOf::Account, false),
            "turned-away",
            "turned away, since all agents together were at the limit; the provider has not said so yet",
        ),
    ];
    cases.map(ended).into()
}

#[test]
fn each_state_of_a_call_has_its_code_and_its_sentence() {
    let presenter = at(10, false);
    let mut seen = BTreeSet::new();
    let cases = [up(), of_nobody(), over(), over_by_limits()];
    for (call, code, text) in cases.into_iter().flatten() {
        let reason = reason(&call, &[], &Pieces::default(), &presenter);
        assert_eq!((&*reason.code, &*sentences::of_reason(&reason)), (code, text));
        assert_eq!(reason.counted, text.starts_with("Counted"), "{text}");
        assert_eq!(reason.since.is_some(), text.contains(SINCE), "{text}");
        seen.insert(code);
    }
    let dialled = Details { endpoint: Some(Endpoint::Person), ..none() };
    let leg = call(Phase::Dialing, None, dialled);
    let waits = call(Phase::Live, Some(Party::Waiting), none());
    let reason = reason(&waits, &[leg], &Pieces::default(), &presenter);
    let text = format!("Not counted: the caller waits while a person is dialled since {SINCE}; ");
    assert!(sentences::of_reason(&reason).starts_with(&text), "{reason:?}");
    seen.insert(What::DialingPerson.code());
    let missing: Vec<_> = What::ALL.iter().filter(|it| !seen.contains(it.code())).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn a_call_that_counts_says_how_sure_that_is_and_by_which_setting() {
    let no_evidence = Pieces::default();
    let sure_of = |presenter| {
        let call = call(Phase::Live, Some(Party::Agent), none());
        reason(&call, &[], &no_evidence, &presenter).certainty.expect("it counts")
    };
    let codes = Sure::ALL.iter().map(|it| it.code());
    let found = [sure_of(at(10, false)), sure_of(at(600, false))];
    assert!(found.iter().map(|it| &*it.code).eq(codes));
    assert_eq!(found.map(|it| it.heard_ms), [8_000, 598_000]);

    let handed_over = call(Phase::Live, Some(Party::Person), none());
    let counted = reason(&handed_over, &[], &no_evidence, &at(600, true));
    assert_eq!(counted.rule.as_deref(), Some(Rule::CountHandedOver.code()));
    assert_eq!(
        sentences::of_reason(&counted),
        format!(
            "Counted: the caller was handed over to a person since {SINCE}; no end was reported; \
             COUNT_HANDED_OVER counts such calls; suspect, since nothing was heard of it for 9\u{a0}min."
        )
    );
    let not = reason(&handed_over, &[], &no_evidence, &at(600, false));
    assert_eq!(not.counts_when.as_deref(), Some(CountsWhen::PersonHangsUp.code()));
    let waits = call(Phase::Live, Some(Party::Waiting), none());
    let waits = reason(&waits, &[], &no_evidence, &at(600, false));
    assert_eq!(waits.counts_when.as_deref(), Some(CountsWhen::AgentTalks.code()));
    assert_eq!((CountsWhen::ALL.len(), Rule::ALL.len()), (2, 1), "each was seen");
}

#[test]
fn the_evidence_that_turned_it_is_in_the_code_and_in_the_sentence() {
    let over = call(Phase::Ended(EndReason::Completed), None, Details { is_firm: true, ..none() });
    let completed = Said::Over(EndReason::Completed);
    let mut of_leg = said(Source::StatusCallback, Said::InProgress);
    of_leg.list[0].leg = Some(id("CA7"));
    of_leg.list[0].party = Some(Party::Person);
    let mut from_app = said(Source::Event, completed);
    from_app.list[0].origin = Some(Arc::from("app"));
    for (pieces, told) in [
        (said(Source::Voice, Said::Dialing), "call webhook: ringing at"),
        (said(Source::Speech, Said::InProgress), "caller spoke at"),
        (said(Source::StatusCallback, completed), "status callback: completed at"),
        (of_leg, "status callback: in progress of CA7 at"),
        (from_app, "app: completed at"),
    ] {
        let reason = reason(&over, &[], &pieces, &at(10, false));
        let expected = format!("Not counted: it is over ({told} {SINCE}).");
        assert_eq!(sentences::of_reason(&reason), expected);
        assert_eq!(reason.evidence, Some(evidence(&pieces.list[0])));
    }
}

#[test]
fn what_happens_next_has_a_code_for_each_sentence() {
    let asked = Status::default();
    let live = |details| call(Phase::Live, Some(Party::Agent), details);
    let ended = |reason| call(Phase::Ended(reason), None, none());
    let (soon, late) = (at(10, false), at(600, false));
    let cases = [
        (live(none()), soon, None),
        (live(limited(Some(30), None)), soon, None),
        (call(Phase::Dialing, None, none()), soon, None),
        (ended(EndReason::Goodbye), soon, None),
        (ended(EndReason::Completed), soon, None),
        (live(none()), late, Some(&asked)),
        (live(limited(None, None)), late, None),
        (live(none()), late, None),
    ];
    let found = cases.map(|(call, presenter, status)| next(&call, &presenter, status));
    let codes = found.iter().map(|it| it.why.as_deref().expect("a code"));
    assert!(
        codes.clone().eq(Next::ALL.iter().map(|it| it.code())),
        "{:?}",
        codes.collect::<Vec<_>>()
    );
    let texts: BTreeSet<_> = found.iter().map(|it| &it.text).collect();
    assert_eq!(texts.len(), Next::ALL.len());
    assert_eq!(found[0].text, "suspect if nothing is heard until then, and still counted");
}
