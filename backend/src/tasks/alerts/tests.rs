//! What is read of the state for alerts.

use live_users_core::{CallId, DAY_MS, EndReason, Evidence, Said, Source};
use live_users_intake::{RefereeStatus, Status};
use live_users_state::record::{Change, Record};
use live_users_twilio::rest::Failure;

use super::*;

const FILE: &str = "limit = 60\nat_limit = \"busy\"\n\
    [[agent]]\nid = \"booking\"\nname = \"Bookings\"\ncapacity = 20\n\
    [[agent]]\nid = \"support\"\nname = \"Support\"\n\
    [[alert]]\nid = \"a\"\nwhen = \"suspect_share\"\nat_least = 20\nagent = \"booking\"\n\
    [[alert]]\nid = \"b\"\nwhen = \"suspect_share\"\nat_least = 20\n\
    [[alert]]\nid = \"c\"\nwhen = \"users\"\nat_least = 20\nagent = \"support\"\n\
    [[alert]]\nid = \"d\"\nwhen = \"no_webhooks\"\nfor_seconds = 900\n\
    [[alert]]\nid = \"e\"\nwhen = \"source_silent\"\nsource = \"twilio\"\nfor_seconds = 60\n";

const BEGIN: Millis = Millis(1_800_000_000_000);

fn agents(file: &str) -> Agents {
    let (agents, mistakes) = Agents::parse(file);
    assert_eq!(mistakes, [""; 0]);
    agents
}

fn say(state: &mut State, at: u64, (call, agent): (&str, &str), said: Said) {
    let call = CallId::parse(call).unwrap();
    let about = Evidence::about(call, Source::StatusCallback, said);
    let evidence = Evidence { agent: Agent::Id(agent.into()), ..about };
    let change = Change::Evidence(evidence);
    state.apply(&Record { at: Millis(BEGIN.0 + at), change });
}

#[test]
fn the_figures_are_those_of_all_calls_and_of_each_agent_that_an_alert_names() {
    let mut state = State::default();
    say(&mut state, 0, ("CA1", "booking"), Said::InProgress);
    say(&mut state, 100_000, ("CA2", "booking"), Said::InProgress);
    say(&mut state, 110_000, ("CA3", "support"), Said::InProgress);
    let now = Millis(BEGIN.0 + 121_000);
    let facts = facts(&state, &agents(FILE), now, 120_000);
    assert_eq!(facts.all, figures((3, 3), 1, Some(60)));
    assert_eq!(facts.by_agent["booking"], figures((2, 2), 1, Some(20)));
    assert_eq!(facts.by_agent["support"], figures((1, 1), 0, None), "nobody asks who is suspect");
    let heard = Some(Millis(BEGIN.0 + 110_000));
    assert_eq!((facts.heard, facts.heard_of.get(TWILIO).copied()), (heard, heard));
}

#[test]
fn calls_are_expected_when_somebody_was_live_at_the_same_time_a_week_ago() {
    let (agents, mut state) = (agents(FILE), State::default());
    say(&mut state, HOUR_MS, ("CA1", "booking"), Said::InProgress);
    say(&mut state, 2 * HOUR_MS, ("CA1", "booking"), Said::Over(EndReason::Completed));
    // The history goes on with what is recorded.
    for day in 1..=7 {
        say(&mut state, day * DAY_MS, ("CA2", "booking"), Said::Dialing);
        say(&mut state, day * DAY_MS + 1, ("CA2", "booking"), Said::Over(EndReason::Busy));
    }
    let at = |after_ms: u64| Millis(BEGIN.0 + WEEK_MS + after_ms);
    let was_live = |now, known| super::was_live(&state, &agents, now, known).map(|(_, it)| it);
    assert_eq!(was_live(at(90 * MINUTE_MS), None), Some(true));
    assert_eq!(was_live(at(130 * MINUTE_MS), None), Some(true), "within the window before");
    assert_eq!(was_live(at(3 * HOUR_MS), None), Some(false));
    assert_eq!(was_live(at(30 * MINUTE_MS), None), Some(false));
    // It is looked up once a minute.
    let now = at(3 * HOUR_MS);
    assert_eq!(was_live(now, Some((now.0 / MINUTE_MS, true))), Some(true));
    assert_eq!(was_live(Millis(now.0 + MINUTE_MS), Some((now.0 / MINUTE_MS, true))), Some(false));
    let without = agents_without_silence();
    assert_eq!(super::was_live(&state, &without, at(0), None), None);
}

fn agents_without_silence() -> Agents {
    agents("[[alert]]\nid = \"a\"\nwhen = \"users\"\nat_least = 1\n")
}

#[test]
fn whether_somebody_answers_is_known_once_this_backend_leads_and_has_asked() {
    let asked = |polled: Option<u64>, failure| Status {
        polled: polled.map(Millis),
        failure,
        ..Status::default()
    };
    let status = |leads, reconciler| ReplicaStatus {
        leads,
        reconciler: Some(reconciler),
        referees: vec![RefereeStatus {
            source: "app".into(),
            found: None,
            failure: None,
            requests: 0,
            failures: 0,
        }],
        ..ReplicaStatus::default()
    };
    let twilio = |status: &ReplicaStatus, leads_since: Option<u64>| {
        let failing = failing(status, leads_since.map(Millis));
        assert_eq!(failing["app"], None, "it was never asked");
        failing[TWILIO]
    };
    let fails = || Some(Failure::Refused(401));
    assert_eq!(twilio(&status(true, asked(None, None)), Some(5)), None);
    assert_eq!(twilio(&status(true, asked(Some(4), None)), Some(5)), None, "before it led");
    assert_eq!(twilio(&status(true, asked(Some(5), None)), Some(5)), Some(false));
    assert_eq!(twilio(&status(true, asked(Some(5), fails())), Some(5)), Some(true));
    assert_eq!(twilio(&status(false, asked(Some(5), fails())), None), None);
}

#[test]
fn a_webhook_that_says_nothing_of_a_call_is_heard_all_the_same() {
    let file = "[[source]]\nid = \"app\"\nkind = \"events\"\nsecret_env = \"APP\"\n\
        [[source]]\nid = \"pbx\"\nkind = \"events\"\nsecret_env = \"PBX\"\n\
        [[alert]]\nid = \"none\"\nwhen = \"no_webhooks\"\nfor_seconds = 60\n\
        [[alert]]\nid = \"silent\"\nwhen = \"source_silent\"\nsource = \"pbx\"\nfor_seconds = 60\n";
    let (agents, mut state) = (agents(file), State::default());
    say(&mut state, 0, ("CA1", "booking"), Said::InProgress);
    let at = |after_ms: u64| Millis(BEGIN.0 + after_ms);
    let look = |heard: &[(String, Millis)]| {
        let mut facts = facts(&state, &agents, at(70_000), 120_000);
        (facts.listening_since, facts.is_known) = (BEGIN, true);
        (facts.expects_calls, facts.failing) = (true, BTreeMap::new());
        note_heard(&mut facts, &agents, heard);
        let changes = Evaluator::default().look(at(70_000), &agents, &facts, &Alerts::default());
        changes.iter().map(|it| it.alert.to_string()).collect::<Vec<_>>().join(" ")
    };
    let heard = |id: &str, after_ms| (id.to_owned(), at(after_ms));
    assert_eq!(look(&[]), "none silent");
    // No alert names this source.
    assert_eq!(look(&[heard("app", 50_000)]), "silent");
    assert_eq!(look(&[heard(OWN_ID, 50_000), heard("pbx", 5_000)]), "silent");
    assert_eq!(look(&[heard("app", 5_000)]), "none silent", "too long ago");
    assert_eq!(look(&[heard("pbx", 50_000)]), "");
}
