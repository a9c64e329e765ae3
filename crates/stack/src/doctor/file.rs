//! The sources and the accounts of the agents file: whether their webhooks get here, what was heard of
//! them, and whether their provider can be asked.

use jiff::Timestamp;
use live_users_backend::TwilioApiSettings;
use live_users_http_kit::{Env, SettingsReader};
use live_users_intake::AccountTable;
use live_users_intake::agents::{Agents, AgentsFile};
use live_users_intake::sources::SourceTable;
use live_users_wire::{SourceCount, Summary};

use super::report::{Report, ago};
use crate::Failure;
use crate::account::{Account, remedy_for_table};
use crate::own_server::{Look, OwnServer};

/// Looks at each `[[source]]` and each `[[account]]` of the agents file. `base` is the address that webhooks
/// are sent to. What is wrong with the file and its variables is told with the settings.
pub(super) async fn check(
    env: &Env,
    (server, base): (&OwnServer, &str),
    report: &mut Report,
) -> Result<(), Failure> {
    let file = AgentsFile::at(SettingsReader::new(env).text("AGENTS_FILE"));
    let (agents, _) = file.read();
    check_sources(&agents, (server, base), report).await;
    check_alerts(&agents, env, report);
    for table in agents.accounts() {
        check_account(env, table, report).await?;
    }
    Ok(())
}

/// Whether each alert can fire.
fn check_alerts(agents: &Agents, env: &Env, report: &mut Report) {
    let asks_twilio = env.get("TWILIO_ACCOUNT_SID").is_some();
    for alert in agents.alerts().iter().filter(|it| it.asks_nobody(agents, asks_twilio)) {
        let text = format!("{} never fires: nobody is asked which calls are up", alert.id);
        report.warning("alert", text, "set TWILIO_ACCOUNT_SID, or give a source its api_key_env");
    }
}

async fn check_sources(agents: &Agents, (server, base): (&OwnServer, &str), report: &mut Report) {
    if agents.sources().is_empty() {
        return;
    }
    let summary = server.summary().await;
    if let Err(why) = &summary {
        let text = format!("the backend does not tell what was heard of the sources: {why}");
        let remedy = match why.contains("missing") {
            true => "name one of the shards that are there: --backend with /shards/K at its end",
            false => "set API_TOKEN to the token of the backend",
        };
        report.failed("source", text, remedy);
    }
    let is_events = |table: &SourceTable| table.kind == "events";
    let events = agents.sources().iter().find(|table| is_events(table));
    let of_events = events.map(|table| (table, "/api/events".to_owned()));
    let own = agents.sources().iter().map(|table| (table, format!("/sources/{}", table.id)));
    for (table, path) in own.chain(of_events) {
        let look = server.look(base, &path).await;
        if let Some((what, remedy)) = trouble(&look, &path) {
            report.failed("source", format!("{}: {base}{path} {what}", table.id), remedy);
        } else if let Ok(summary) = &summary
            && path.starts_with("/sources/")
        {
            check_heard(table, summary, report);
        }
        if matches!(look, Look::Silent(_)) {
            // Nor are the others answered there.
            return;
        }
    }
}

/// Why no webhook gets to this path, and what to do about it.
fn trouble(look: &Look, path: &str) -> Option<(String, String)> {
    Some(match look {
        Look::There => return None,
        Look::NotFound => (
            "is not known there".to_owned(),
            "let the backend read the agents file again (SIGHUP), and the reverse proxy pass \
             /sources and /api/events on to it"
                .to_owned(),
        ),
        Look::Wrong(status) => (
            format!("is answered with {status}, and not by Live Users"),
            format!("let the reverse proxy pass {path} on to the backend, unchanged"),
        ),
        Look::Silent(why) => (
            format!("is not answered: {why}"),
            "start the backend and what stands before it".to_owned(),
        ),
    })
}

/// When something was last heard of a source, and last refused.
fn check_heard(table: &SourceTable, summary: &Summary, report: &mut Report) {
    let id = &table.id;
    let Some(source) = summary.sources.iter().find(|it| it.source == *id) else {
        // One that the backend has not read yet.
        let remedy = "let the backend read the agents file again (SIGHUP)";
        return report.failed("source", format!("{id} is not among the backend's sources"), remedy);
    };
    let age = |at: &Option<String>| age_ms(at.as_deref()?, &summary.as_of);
    let (heard, refused) = (age(&source.heard_at), age(&source.refused_at));
    if let Some(refused) = refused.filter(|refused| heard.is_none_or(|heard| *refused < heard)) {
        let text = format!("{id}: a webhook was refused for its signature {}", ago(refused));
        let remedy = format!("the backend's log says what {} has to be", table.secret_env);
        report.warning("source", text, remedy);
    }
    match heard {
        Some(heard) => {
            let text = format!("{id} ({}) was last heard of {}", source.title, ago(heard));
            report.ok("source", text);
        }
        None => report.warning(
            "source",
            format!("{id} ({}): no webhook since the start", source.title),
            format!("let {} send its webhooks to /sources/{id}, and make a call", source.title),
        ),
    }
    check_referee(source, table, report);
}

/// Whether its provider can be asked, if the file says so.
fn check_referee(source: &SourceCount, table: &SourceTable, report: &mut Report) {
    let Some(referee) = &source.referee else { return };
    let why = referee.failure.as_deref().unwrap_or("no reason");
    match referee.state.as_str() {
        "refused" => {
            let variable = table.api_key_env.as_ref().unwrap_or(&table.secret_env);
            let text = format!("{}: its provider refuses to be asked: {why}", source.source);
            report.failed("source", text, format!("check the key in {variable}"));
        }
        "failing" => {
            let text = format!("{}: its provider does not answer: {why}", source.source);
            report.warning("source", text, "check that the backend reaches it");
        }
        // Another backend may ask.
        _ => {}
    }
}

/// How long ago a moment was at another one, both in RFC 3339.
fn age_ms(at: &str, now: &str) -> Option<u64> {
    let [at, now]: [Option<Timestamp>; 2] = [at, now].map(|it| it.parse().ok());
    let ms = now?.as_millisecond().saturating_sub(at?.as_millisecond());
    Some(u64::try_from(ms).unwrap_or_default())
}

/// Whether Twilio can be asked about an account with its own token.
async fn check_account(
    env: &Env,
    table: &AccountTable,
    report: &mut Report,
) -> Result<(), Failure> {
    let (id, name) = (&table.id, &table.auth_token_env);
    let mut reader = SettingsReader::new(env);
    let token = reader.words(name).first().copied();
    let settings =
        token.and_then(|token| TwilioApiSettings::of_account(&mut reader, &table.sid, token));
    let Some(settings) = settings else { return Ok(()) };
    let account = Account::new(settings)?;
    match account.may_read_calls().await {
        Ok(()) => report.ok("account", format!("{id}: Twilio says which of its calls are up")),
        Err(failure) => {
            let remedy = remedy_for_table(&failure, account.settings(), name);
            report.failed("account", format!("{id}: its calls cannot be read: {failure}"), remedy);
        }
    }
    Ok(())
}
