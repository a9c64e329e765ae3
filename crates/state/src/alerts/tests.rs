//! How alerts stand by what was recorded of them.

use super::*;
use crate::record::{Change, Record};
use crate::snapshot;
use crate::state::State;

fn change(alert: &str, what: AlertStep, told: bool) -> AlertChange {
    AlertChange {
        alert: alert.into(),
        what,
        told,
        condition: "users".into(),
        value: Some(53),
        threshold: Some(50),
        below: false,
        agent: Some("booking".into()),
        source: None,
        rule_changed: false,
        hooks: None,
    }
}

fn apply(state: &mut State, at: u64, alert: &str, what: AlertStep, told: bool) {
    let change = Change::Alert(change(alert, what, told));
    let record = Record { at: Millis(at), change };
    let read = Record::decode(&record.encode()).unwrap();
    assert_eq!(read, record);
    state.apply(&read);
}

fn news(state: &State) -> Vec<(u64, u64, AlertStep, bool)> {
    let all = state.alerts().news();
    all.map(|(number, it)| (number, it.at.0, it.change.what, it.reminder)).collect()
}

#[test]
fn an_alert_fires_goes_on_and_is_over_and_a_snapshot_keeps_all_of_it() {
    use AlertStep::{Firing, Resolved, Test};
    let mut state = State::default();
    assert!(!snapshot::main_text(&snapshot::encode(&state)).contains("alerts"));
    apply(&mut state, 10, "busy", Resolved, true);
    apply(&mut state, 20, "busy", Firing, true);
    apply(&mut state, 30, "busy", Firing, false);
    let status = state.alerts().status("busy");
    assert_eq!(
        (status.since, status.told_at, status.told),
        (Some(Millis(20)), Some(Millis(20)), Some(1))
    );
    apply(&mut state, 40, "busy", Firing, true);
    apply(&mut state, 45, "quiet", Test, true);
    let firing = |state: &State| {
        let firing = state.alerts().firing();
        firing.map(|(n, it)| (n, it.at.0, it.since.map(|it| it.0))).collect::<Vec<_>>()
    };
    assert_eq!(firing(&state), [(2, 40, Some(20))], "the reminder is the last that tells of it");
    let mut restored = snapshot::decode(snapshot::encode(&state)).unwrap();
    assert_eq!(restored.alerts(), state.alerts());
    for state in [&mut state, &mut restored] {
        apply(state, 50, "busy", Resolved, true);
        apply(state, 60, "busy", Resolved, true);
        apply(state, 70, "busy", Firing, false);
        let told = [
            (1, 20, Firing, false),
            (2, 40, Firing, true),
            (3, 45, Test, false),
            (4, 50, Resolved, false),
            (5, 70, Firing, false),
        ];
        assert_eq!(news(state), told, "what cannot be is ignored");
        let status = state.alerts().status("busy");
        let quiet = (Some(Millis(70)), Some(Millis(40)), None);
        assert_eq!((status.since, status.told_at, status.told), quiet);
        assert_eq!(firing(state), [], "nobody was told that it fires");
        apply(state, 80, "busy", AlertStep::Removed, false);
        assert_eq!(state.alerts().ids().count(), 0);
        assert_eq!(state.alerts().status("busy"), AlertStatus::default());
    }
    assert_eq!(snapshot::encode(&restored), snapshot::encode(&state));
    let last = state.alerts().news().next_back().unwrap().1.clone();
    assert_eq!((last.since, &*last.change.condition), (Some(Millis(70)), "users"));
}

#[test]
fn a_snapshot_that_has_the_value_beside_the_rule_is_read() {
    let mut state = State::default();
    apply(&mut state, 20, "busy", AlertStep::Firing, true);
    let text = String::from_utf8(snapshot::encode_version_2(&state)).unwrap();
    let without = r#""busy":{"since":20,"#;
    assert_eq!(text.matches(without).count(), 1);
    let text = text.replace(without, &format!(r#"{without}"value":53,"#));
    let restored = snapshot::decode_whole(text.as_bytes()).unwrap();
    assert_eq!(restored.alerts(), state.alerts());
    assert_eq!(restored.alerts().status("busy").rule.unwrap().value, Some(53));
}

#[test]
fn a_hook_is_told_what_names_it_or_none_of_its_agent() {
    let all = change("a", AlertStep::Firing, true);
    assert!(all.is_for("ops", None) && all.is_for("ops", Some("booking")));
    assert!(!all.is_for("ops", Some("other")));
    let one = AlertChange { hooks: Some(vec!["crm".into()]), ..all.clone() };
    assert!(one.is_for("crm", None) && !one.is_for("ops", None));
    assert!(!AlertChange { told: false, ..all }.is_for("ops", None));
}

#[test]
fn what_fires_and_was_told_is_known_however_much_happens_to_others() {
    let mut state = State::default();
    apply(&mut state, 10, "busy", AlertStep::Firing, true);
    for n in 0..ALERT_NEWS_MAX as u64 {
        apply(&mut state, 20 + n, "other", AlertStep::Test, true);
    }
    assert_eq!(state.alerts().news().next().unwrap().0, 2, "its news are gone");
    let (number, news) = state.alerts().firing().next().unwrap();
    let expected = change("busy", AlertStep::Firing, true);
    assert_eq!(
        (number, news.at, news.since, news.change),
        (1, Millis(10), Some(Millis(10)), expected)
    );
}

#[test]
fn what_is_kept_is_bounded() {
    let mut state = State::default();
    for n in 0..ALERTS_MAX as u64 + 5 {
        apply(&mut state, n, &format!("a{n}"), AlertStep::Firing, true);
    }
    assert_eq!(state.alerts().ids().count(), ALERTS_MAX);
    for n in 0..9 {
        apply(&mut state, 1_000 + n, "a0", AlertStep::Test, true);
    }
    let numbers: Vec<_> = state.alerts().news().map(|(number, _)| number).collect();
    assert_eq!((numbers.len(), numbers[0], numbers[199]), (ALERT_NEWS_MAX, 10, 209));
    assert_eq!(state.alerts().count(), 209);
}

#[test]
fn times_of_a_clock_ahead_are_mended() {
    let mut state = State::default();
    apply(&mut state, 100, "busy", AlertStep::Firing, true);
    let alerts = state.alerts().clone().mended(|at| Millis(at.0.min(70)));
    let status = alerts.status("busy");
    assert_eq!((status.since, status.told_at), (Some(Millis(70)), Some(Millis(70))));
    assert_eq!(
        alerts.news().map(|(_, it)| (it.at, it.since)).next(),
        Some((Millis(70), Some(Millis(70))))
    );
}

#[test]
fn an_older_program_reads_what_happened_to_an_alert_as_a_record_that_forgets_nothing() {
    let change = Change::Alert(AlertChange { agent: None, ..change("a", AlertStep::Firing, true) });
    let text = String::from_utf8(Record { at: Millis(5), change }.encode()).unwrap();
    let alert = concat!(
        r#","alert":{"alert":"a","what":"firing","told":true,"condition":"users","#,
        r#""value":53,"threshold":50}"#
    );
    assert_eq!(text, format!(r#"{{"v":2,"at":5,"forget":0{alert}}}"#));
    let text = text.replace(alert, "");
    let before = Change::Forget { ended_before: Millis(0) };
    assert_eq!(Record::decode(text.as_bytes()).unwrap().change, before);
    let least = r#"{"v":2,"at":5,"forget":0,"alert":{"alert":"a","what":"resolved"}}"#;
    assert!(matches!(Record::decode(least.as_bytes()).unwrap().change, Change::Alert(_)));
}
