//! Alerts as answers and messages show them.

use live_users_intake::agents::Agents;
use live_users_intake::alerts::{AlertTable, Condition};
use live_users_state::{AlertChange, AlertNews, AlertStep, Alerts};
use live_users_wire::{AlertEventView, AlertRuleView, AlertView, AlertsView};

use super::alerting::change;
use super::clock::moment;
use super::scope::{Detail, Scope};

/// The most of what happened lately that is shown.
const RECENT_MAX: usize = 20;

/// The alerts in scope. `None` if the file has none, and nothing is known of any before.
pub(crate) fn alerts_view(agents: &Agents, alerts: &Alerts, scope: &Scope) -> Option<AlertsView> {
    // They name agents and sources, and tell of single calls that are long.
    let sees_calls = scope.detail() >= Detail::Calls;
    if agents.alerts().is_empty() && alerts.count() == 0 || !sees_calls {
        return None;
    }
    let tables = agents.alerts().iter().filter(|table| {
        is_in_scope(agents, scope, (table.agent.as_deref(), table.source.as_deref()))
    });
    let happened = alerts.news().rev().map(|(_, news)| news).filter(|news| {
        let AlertChange { agent, source, .. } = &news.change;
        // It is told again, or for the first time after the quiet time: nothing has happened to it.
        let goes_on = news.change.what == AlertStep::Firing && news.since != Some(news.at);
        !goes_on && is_in_scope(agents, scope, (agent.as_deref(), source.as_deref()))
    });
    Some(AlertsView {
        alerts: tables.map(|table| alert_view(table, alerts)).collect(),
        recent: happened.take(RECENT_MAX).map(event_view).collect(),
    })
}

/// Whether somebody may see an alert. What is about no agent and no source is about all calls.
fn is_in_scope(
    agents: &Agents,
    scope: &Scope,
    (agent, source): (Option<&str>, Option<&str>),
) -> bool {
    if !scope.is_limited() {
        return true;
    }
    if let Some(own) = scope.agent() {
        return agent == Some(&**own);
    }
    let of_agent = agent.and_then(|id| agents.by_id(id)).and_then(|it| it.account.as_deref());
    let of_source = source.and_then(|id| agents.sources().iter().find(|it| it.id == id));
    scope.has(of_agent.or(of_source.and_then(|it| it.account.as_deref())))
}

fn alert_view(table: &AlertTable, alerts: &Alerts) -> AlertView {
    let status = alerts.status(&table.id);
    AlertView {
        alert: table.id.clone(),
        firing: status.since.is_some(),
        since: status.since.map(moment),
        value: status.since.and(status.rule).and_then(|rule| rule.value),
        rule: rule_view(&change(table, AlertStep::Firing, false, None)),
        for_seconds: table.for_seconds(),
    }
}

fn rule_view(change: &AlertChange) -> AlertRuleView {
    AlertRuleView {
        when: change.condition.to_string(),
        threshold: change.threshold,
        below: change.below,
        agent: change.agent.as_deref().map(str::to_owned),
        source: change.source.as_deref().map(str::to_owned),
    }
}

/// Something that has happened to an alert.
pub(crate) fn event_view(news: &AlertNews) -> AlertEventView {
    let state = match news.change.what {
        AlertStep::Firing => "firing",
        AlertStep::Resolved => "resolved",
        AlertStep::Test => "test",
        AlertStep::Removed => "removed",
    };
    AlertEventView {
        alert: news.change.alert.to_string(),
        state: state.to_owned(),
        at: moment(news.at),
        since: news.since.map(moment),
        value: news.change.value,
        rule: rule_view(&news.change),
        reminder: news.reminder,
        rule_changed: news.change.rule_changed,
    }
}

/// In a few words, what has happened to which alert.
pub(crate) fn title(event: &AlertEventView) -> String {
    format!("[{}] {}", event.state.to_uppercase(), event.alert)
}

/// What has happened, in a sentence. There is nothing in it but ids of the agents file, numbers and
/// moments.
pub(crate) fn text(event: &AlertEventView) -> String {
    let AlertEventView { rule, value, .. } = event;
    let n = value.map_or_else(|| "?".to_owned(), |value| value.to_string());
    let threshold = rule.threshold.unwrap_or_default();
    let of = |what: &str| match &rule.agent {
        Some(agent) => format!(" {what} agent {agent}"),
        None => String::new(),
    };
    let source = rule.source.as_deref().unwrap_or_default();
    let fires = |unit: &str| match rule.below {
        true => format!("it fires below {threshold}{unit}"),
        false => format!("it fires from {threshold}{unit} on"),
    };
    let what = match Condition::parse(&rule.when) {
        Some(Condition::Users) => format!("{n} live users{}; {}", of("of"), fires("")),
        Some(Condition::CapacityShare) => {
            format!("{n} % of the capacity{} is taken; {}", of("of"), fires(" %"))
        }
        Some(Condition::SuspectShare) => {
            format!("{n} % of the live users{} are suspect; {}", of("of"), fires(" %"))
        }
        Some(Condition::NoWebhooks) => {
            format!("no webhook for {n} s; it fires after {threshold} s while calls are expected")
        }
        Some(Condition::SourceSilent) => format!(
            "nothing from source {source} for {n} s; it fires after {threshold} s while calls are \
             expected"
        ),
        Some(Condition::RefereeFailing) if source.is_empty() => {
            "whoever is asked which calls are up does not answer".to_owned()
        }
        Some(Condition::RefereeFailing) => {
            format!("the provider of {source} does not answer which calls are up")
        }
        None => format!("{} at {n}", rule.when),
    };
    let since = event.since.as_ref().map(|at| format!(" since {at}")).unwrap_or_default();
    match (&*event.state, event.reminder) {
        ("firing", false) => format!("Alert {} fires: {what}.", event.alert),
        ("firing", true) => format!("Alert {} still fires{since}: {what}.", event.alert),
        ("resolved", _) if event.rule_changed => {
            format!("Alert {} is over, since its rule was changed. It fired{since}.", event.alert)
        }
        ("resolved", _) => format!("Alert {} is over. It fired{since}. Now: {what}.", event.alert),
        _ => format!("This is a test of alert {}. It would say, for example: {what}.", event.alert),
    }
}

#[cfg(test)]
mod tests {
    use live_users_core::Millis;
    use live_users_state::record::{Change, Record};
    use live_users_state::{LinkScope, LinkView, State};

    use super::*;

    const FILE: &str = "[[agent]]\nid = \"a\"\nname = \"A\"\naccount = \"acme\"\n\
        [[agent]]\nid = \"b\"\nname = \"B\"\n\
        [[source]]\nid = \"app\"\nkind = \"events\"\nsecret_env = \"APP\"\naccount = \"acme\"\n\
        [[alert]]\nid = \"all\"\nwhen = \"users\"\nat_least = 50\n\
        [[alert]]\nid = \"of-a\"\nwhen = \"users\"\nbelow = 1\nagent = \"a\"\n\
        [[alert]]\nid = \"of-b\"\nwhen = \"users\"\nat_least = 5\nagent = \"b\"\n\
        [[alert]]\nid = \"app\"\nwhen = \"source_silent\"\nsource = \"app\"\nfor_seconds = 60\n";

    fn state_of(agents: &Agents) -> State {
        let mut state = State::default();
        for (table, n) in agents.alerts().iter().zip(1..) {
            let change = change(table, AlertStep::Firing, true, Some(n));
            let at = Millis(1_800_000_000_000 + n * 1_000);
            state.apply(&Record { at, change: Change::Alert(change) });
        }
        state
    }

    #[test]
    fn a_scoped_reader_sees_only_what_is_about_agents_and_sources_of_its_accounts() {
        let (agents, mistakes) = Agents::parse(FILE);
        assert_eq!(mistakes, [""; 0]);
        let state = state_of(&agents);
        let seen = |scope: &Scope| {
            let view = alerts_view(&agents, state.alerts(), scope).unwrap();
            let alerts: Vec<_> = view.alerts.iter().map(|it| it.alert.clone()).collect();
            let recent: Vec<_> = view.recent.iter().map(|it| it.alert.clone()).collect();
            (alerts.join(" "), recent.join(" "))
        };
        let all = ("all of-a of-b app".to_owned(), "app of-b of-a all".to_owned());
        assert_eq!(seen(&Scope::default()), all);
        let acme = ("of-a app".to_owned(), "app of-a".to_owned());
        assert_eq!(seen(&Scope::of(["acme".into()])), acme);
        assert_eq!(seen(&Scope::of(["zeta".into()])), (String::new(), String::new()));
        assert_eq!(alerts_view(&Agents::default(), &Alerts::default(), &Scope::default()), None);
        for (scope, view) in [
            (LinkScope::Total, LinkView::Page),
            (LinkScope::All, LinkView::Wallboard),
            (LinkScope::Agent("a".into()), LinkView::Wallboard),
        ] {
            let scope = Scope::of_scope(&scope, view);
            assert_eq!(alerts_view(&agents, state.alerts(), &scope), None);
        }
        let agent = Scope::of_scope(&LinkScope::Agent("b".into()), LinkView::Page);
        assert_eq!(seen(&agent), ("of-b".to_owned(), "of-b".to_owned()));
        let view = alerts_view(&agents, state.alerts(), &Scope::default()).unwrap();
        assert!(view.alerts[0].firing && view.alerts[0].value == Some(1));
        assert_eq!((view.alerts[1].rule.threshold, view.alerts[1].rule.below), (Some(1), true));
    }

    #[test]
    fn an_alert_that_is_told_later_than_it_begins_is_shown_once() {
        let (agents, _) = Agents::parse(FILE);
        let mut state = State::default();
        for (at, told) in [(10, false), (20, true), (30, true)] {
            let change = change(&agents.alerts()[0], AlertStep::Firing, told, Some(at));
            state.apply(&Record { at: Millis(at), change: Change::Alert(change) });
        }
        let view = alerts_view(&agents, state.alerts(), &Scope::default()).unwrap();
        let recent: Vec<_> = view.recent.iter().map(|it| (it.value, it.at.as_str())).collect();
        assert_eq!(recent, [(Some(10), "1970-01-01T00:00:00.010Z")]);
    }

    #[test]
    fn each_message_says_what_has_happened() {
        let (agents, _) = Agents::parse(FILE);
        let state = state_of(&agents);
        let said: Vec<_> = state.alerts().news().map(|(_, it)| text(&event_view(it))).collect();
        assert_eq!(
            said,
            [
                "Alert all fires: 1 live users; it fires from 50 on.",
                "Alert of-a fires: 2 live users of agent a; it fires below 1.",
                "Alert of-b fires: 3 live users of agent b; it fires from 5 on.",
                "Alert app fires: nothing from source app for 4 s; it fires after 60 s while calls \
                 are expected.",
            ]
        );
        let event = |state: &str, when: &str| AlertEventView {
            alert: "x".to_owned(),
            state: state.to_owned(),
            at: "2026-11-29T22:00:00.000Z".to_owned(),
            since: Some("2026-11-29T21:00:00.000Z".to_owned()),
            value: Some(85),
            rule: AlertRuleView {
                when: when.to_owned(),
                threshold: Some(80),
                ..AlertRuleView::default()
            },
            reminder: state == "firing",
            rule_changed: false,
        };
        for (state, when, says) in [
            (
                "firing",
                "capacity_share",
                "Alert x still fires since 2026-11-29T21:00:00.000Z: 85 % of the capacity is \
                 taken; it fires from 80 % on.",
            ),
            (
                "resolved",
                "suspect_share",
                "Alert x is over. It fired since 2026-11-29T21:00:00.000Z. Now: 85 % of the live \
                 users are suspect; it fires from 80 % on.",
            ),
            (
                "test",
                "no_webhooks",
                "This is a test of alert x. It would say, for example: no webhook for 85 s; it \
                 fires after 80 s while calls are expected.",
            ),
        ] {
            assert_eq!(text(&event(state, when)), says);
        }
        assert_eq!(title(&event("resolved", "users")), "[RESOLVED] x");
    }
}
