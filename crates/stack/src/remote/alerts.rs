//! `live-users alerts`: which alerts fire, and whether their hooks can be told.

use std::process::ExitCode;

use clap::Subcommand;
use live_users_wire::{AlertEventView, AlertRuleView, AlertTested, AlertView, AlertsView};
use reqwest::Method;

use super::Target;
use super::server::Server;
use super::table::table;
use crate::terminal::shown;
use crate::{Failure, tell};

/// What is to be done about alerts.
#[derive(Debug, Subcommand)]
pub(crate) enum Order {
    /// Have the hooks of an alert told that it is tested.
    Test {
        /// The id of the alert in the agents file.
        #[arg(value_name = "ID")]
        id: String,
        #[command(flatten)]
        target: Target,
    },
}

/// Does it, at the server that the arguments name.
pub(super) async fn run(
    order: Option<Order>,
    target: Target,
    server: impl Fn(&Target) -> Result<Server, Failure>,
) -> Result<ExitCode, Failure> {
    match order {
        None => list(&server(&target)?, target.json).await,
        Some(Order::Test { id, target }) => test(&server(&target)?, &id, target.json).await,
    }
}

async fn list(server: &Server, json: bool) -> Result<ExitCode, Failure> {
    let answer = server.ask(Method::GET, "/alerts").await.map_err(|it| server.failure(&it))?;
    let view: AlertsView = server.read(&answer)?;
    match json {
        true => tell(answer),
        false => lines(&view).iter().for_each(tell),
    }
    Ok(ExitCode::SUCCESS)
}

async fn test(server: &Server, id: &str, json: bool) -> Result<ExitCode, Failure> {
    let is_plain = |it: char| it.is_ascii_alphanumeric() || matches!(it, '-' | '_');
    if id.is_empty() || !id.chars().all(is_plain) {
        return Err(Failure::usage("ID: expected letters, digits, '-' or '_'"));
    }
    let asked = server.ask(Method::POST, &format!("/alerts/{id}/test")).await;
    let answer = asked.map_err(|it| server.failure(&it))?;
    let tested: AlertTested = server.read(&answer)?;
    if json {
        tell(answer);
    } else if tested.hooks.is_empty() {
        tell(format!("no hook takes alert {}: nobody is told", shown(&tested.alert)));
    } else {
        let hooks = tested.hooks.iter().map(|it| shown(it)).collect::<Vec<_>>().join(", ");
        tell(format!("a test of alert {} is sent to {hooks}", shown(&tested.alert)));
    }
    Ok(ExitCode::SUCCESS)
}

fn lines(AlertsView { alerts, recent }: &AlertsView) -> Vec<String> {
    if alerts.is_empty() && recent.is_empty() {
        return vec!["no alerts".to_owned()];
    }
    let rows: Vec<_> = alerts.iter().map(row).collect();
    let mut lines = table(&["ALERT", "STATE", "SINCE", "VALUE", "LOOKS AT"], &rows);
    if !recent.is_empty() {
        let rows: Vec<_> = recent.iter().map(row_of_event).collect();
        lines.push(String::new());
        lines.extend(table(&["AT", "ALERT", "STATE", "VALUE"], &rows));
    }
    lines
}

/// A line for each alert that fires.
pub(super) fn firing(view: &AlertsView) -> Vec<String> {
    let firing = view.alerts.iter().filter(|it| it.firing);
    let line = |it: &AlertView| {
        let since = it.since.as_deref().unwrap_or_default();
        let value = it.value.map_or_else(String::new, |value| format!(" at {value}"));
        shown(&format!("alert {} fires{value} since {since} ({})", it.alert, looks_at(&it.rule)))
    };
    firing.map(line).collect()
}

fn row(alert: &AlertView) -> [String; 5] {
    let AlertView { alert, firing, since, value, rule, .. } = alert;
    let state = if *firing { "firing" } else { "-" };
    let since = since.clone().unwrap_or_else(|| "-".to_owned());
    [alert.clone(), state.to_owned(), since, figure(*value), looks_at(rule)]
}

fn row_of_event(event: &AlertEventView) -> [String; 4] {
    let AlertEventView { at, alert, state, value, rule_changed, .. } = event;
    let why = if *rule_changed { ", its rule was changed" } else { "" };
    [at.clone(), alert.clone(), format!("{state}{why}"), figure(*value)]
}

fn figure(value: Option<u64>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}

/// What it looks at: `users of booking from 50 on`.
fn looks_at(AlertRuleView { when, threshold, below, agent, source }: &AlertRuleView) -> String {
    let whose = agent.as_ref().or(source.as_ref()).map(|id| format!(" of {id}"));
    let threshold = threshold.map(|threshold| match below {
        true => format!(" below {threshold}"),
        false => format!(" from {threshold} on"),
    });
    [Some(when.clone()), whose, threshold].into_iter().flatten().collect()
}
