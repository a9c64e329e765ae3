//! `live-users doctor`: looks at everything between a caller and the number, and says what to do
//! about what is wrong. It changes nothing, and counts no call.

mod address;
mod file;
mod machine;
mod provider;
mod report;

use std::process::ExitCode;
use std::time::Duration;

use clap::Args as Group;
use live_users_backend::{Config, TwilioApiSettings};
use live_users_http_kit::{ConfigErrors, Env, SettingsReader, misspelt};
use live_users_wire::Setup;

use self::report::Report;
use crate::args::Ports;
use crate::connect::ours::Ours;
use crate::credential::Credential;
use crate::local::is_demo;
use crate::own_server::{NotReady, OwnServer, auth_token};
use crate::welcome::how_to_run;
use crate::{Failure, tell, tokens};

/// After this long without a webhook, calls that were found by asking are a sign that none arrive.
const SILENCE: Duration = Duration::from_secs(2 * 60);

/// The arguments of `doctor`.
#[derive(Clone, Debug, Group)]
pub(crate) struct Doctor {
    /// The API of the backend. Not set: the one at --backend-port of this machine.
    #[arg(long, value_name = "URL")]
    backend: Option<String>,
    /// Tell the report as JSON.
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(ports: &Ports, args: &Doctor) -> Result<ExitCode, Failure> {
    let env = Env::process();
    let mut report = Report::default();
    check_settings(&env, &mut report);
    let url = args.backend.clone();
    let url = url.unwrap_or_else(|| format!("http://127.0.0.1:{}", ports.backend_port));
    let credential = Credential::of_api(&env).or_else(|failure| {
        report.failed(
            "settings",
            failure.message,
            format!("delete the file, and start {} again", how_to_run("")),
        );
        Credential::find(&env, &["API_TOKEN"], None)
    })?;
    let server = OwnServer::new(&url, credential)?;
    let setup = check_server(&server, &mut report).await;
    machine::check_disk(&env, &mut report);
    let mut reader = SettingsReader::new(&env);
    let settings = TwilioApiSettings::read(&mut reader);
    let public_url =
        reader.text("PUBLIC_URL").filter(|url| live_users_backend::check_public_url(url).is_ok());
    let is_stand_in = settings.as_ref().is_some_and(TwilioApiSettings::is_on_loopback);
    let ours = public_url.map(Ours::new);
    match &ours {
        Some(ours) => {
            let token = auth_token(&env);
            let is_shared = env.get("JOURNAL_URL").is_some_and(|url| url.starts_with("nats"));
            let place = address::Place { ours, token: &token, is_stand_in, is_shared };
            address::check(&server, &place, setup.as_ref(), &mut report).await?;
        }
        // One that cannot be used is told above.
        None if env.get("PUBLIC_URL").is_some() => {}
        // It takes webhooks of the simulator, and asks nobody.
        None if is_demo(&env) => {}
        None => report.warning(
            "public-url",
            match settings {
                Some(_) => "PUBLIC_URL is not set: calls are found by asking alone",
                None => "PUBLIC_URL is not set: Twilio sends no webhooks",
            },
            format!(
                "set PUBLIC_URL to the https:// address that leads to the backend, and run {}",
                how_to_run("connect")
            ),
        ),
    }
    check_webhooks(setup.as_ref(), ours.is_some(), &mut report);
    let base = ours.as_ref().map_or_else(|| server.url(), Ours::base);
    file::check(&env, (&server, base), &mut report).await?;
    match settings {
        Some(settings) => {
            let saved = tokens::directory(&env).unwrap_or_default().join("connect.json");
            provider::check(settings, ours.as_ref(), setup.as_ref(), &saved, &mut report).await?;
        }
        None if is_demo(&env) => {}
        None => report.warning(
            "provider",
            "Twilio cannot be asked: calls whose end no webhook reports stay until they time out",
            "set TWILIO_ACCOUNT_SID, beside TWILIO_AUTH_TOKEN or an API key",
        ),
    }
    match args.json {
        true => tell(report.json()),
        false => report.show(),
    }
    Ok(if report.has_failed() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn check_settings(env: &Env, report: &mut Report) {
    // Nobody need be reachable from elsewhere for a look at the settings.
    let mut here = env.clone().with("HOST", "127.0.0.1").with("PORT", "0");
    if env.get("TWILIO_AUTH_TOKEN").is_none() {
        // `live-users` runs without it: as a demonstration, or with an API key to ask by.
        here = here.with("TWILIO_AUTH_TOKEN", "none-is-set");
        match is_demo(env) {
            true => report.ok(
                "settings",
                "nothing of Twilio is set: `live-users` is a demonstration, whose calls are simulated",
            ),
            false => report.warning(
                "settings",
                "TWILIO_AUTH_TOKEN is not set: no webhook can be verified",
                "copy the Auth Token from the first page of the Twilio Console",
            ),
        }
    }
    for line in misspelt(env) {
        report.warning("settings", line, "correct the name; docs/SETTINGS.md has every setting");
    }
    match Config::read(&here) {
        Ok(_) => report.ok("settings", "what is set can be used"),
        Err(ConfigErrors(mistakes)) => {
            for mistake in mistakes {
                report.failed(
                    "settings",
                    mistake,
                    "correct it; docs/SETTINGS.md has every setting",
                );
            }
        }
    }
}

/// Whether the backend runs, and can record.
async fn check_server(server: &OwnServer, report: &mut Report) -> Option<Setup> {
    let url = server.url();
    match server.ready().await {
        Ok(warnings) => {
            report.ok("journal", "the journal can be written");
            for warning in warnings {
                report.warning("server", warning, "its log and docs/OPERATIONS.md say what to do");
            }
        }
        Err(NotReady::Answered(why)) => report.failed(
            "journal",
            format!("the backend at {url} is not ready: {why}"),
            "its log and docs/OPERATIONS.md say what to do",
        ),
        Err(NotReady::Silent(why)) => report.failed(
            "journal",
            format!("the backend at {url} does not answer: {why}"),
            format!("start {}, or name the backend by --backend", how_to_run("")),
        ),
    }
    match server.setup().await {
        Ok(setup) => {
            report.ok("server", format!("the backend at {url} answers"));
            Some(setup)
        }
        Err(why) => {
            report.failed(
                "server",
                format!("the backend at {url} does not tell its setup: {why}"),
                format!(
                    "start {}, or name another backend by --backend, with its API_TOKEN",
                    how_to_run("")
                ),
            );
            None
        }
    }
}

/// Which webhooks have come to the backend.
fn check_webhooks(setup: Option<&Setup>, is_expected: bool, report: &mut Report) {
    let Some(Setup { webhooks, found_by_asking, .. }) = setup else { return };
    let ages = [&webhooks.voice, &webhooks.speech_result, &webhooks.call_status];
    let newest = ages.iter().filter_map(|it| it.last_ago_ms).min();
    if let Some(ago) = webhooks.refused.last_ago_ms {
        let text = format!(
            "{} webhooks were refused for their signature, the last one {}",
            webhooks.refused.count,
            report::ago(ago)
        );
        report.warning(
            "webhooks",
            text,
            "the backend's log has the URL that each was checked against",
        );
    }
    let is_silent = newest.is_none_or(|ago| u128::from(ago) > SILENCE.as_millis());
    match (found_by_asking.last_ago_ms, newest) {
        (Some(found), _) if is_silent && newest.is_none_or(|ago| found < ago) => {
            let silence = newest.unwrap_or(webhooks.since_ms);
            report.warning(
                "webhooks",
                format!(
                    "no webhook for {}: calls were found only by asking, the last one {}",
                    report::span(silence),
                    report::ago(found)
                ),
                "connect the numbers that are not connected, see below, or call one that is; the \
                 number is right within some seconds meanwhile",
            );
        }
        (_, Some(ago)) => {
            report.ok("webhooks", format!("the last webhook came {}", report::ago(ago)));
        }
        // Nobody expects one yet, and that is told.
        (_, None) if !is_expected => {}
        (_, None) => report.warning(
            "webhooks",
            format!("no webhook since the start {}", report::ago(webhooks.since_ms)),
            "call one of your numbers",
        ),
    }
}
