//! The provider: credentials, permissions, clock, the numbers' URLs, the debugger.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, SystemTime};

use live_users_backend::TwilioApiSettings;
use live_users_intake::agents::DEFAULT_FILE;
use live_users_twilio::rest::{Alert, PhoneNumber, Webhook};
use live_users_wire::Setup;

use super::report::{Report, ago};
use crate::Failure;
use crate::account::{Account, Numbers, is_same, remedy};
use crate::connect::ours::{Ours, shown};
use crate::connect::plan::platform_of;
use crate::connect::saved_settings;
use crate::welcome::how_to_run;

/// A clock that differs by so many seconds is worth a look.
const CLOCK_WARNING_S: u64 = 5;

/// With a clock that differs by so much, times and tokens go wrong.
const CLOCK_MAX_S: u64 = 60;

/// How far back the debugger is read.
const ALERTS_SINCE: Duration = Duration::from_secs(24 * 3600);

pub(super) async fn check(
    settings: TwilioApiSettings,
    ours: Option<&Ours>,
    setup: Option<&Setup>,
    saved: &Path,
    report: &mut Report,
) -> Result<(), Failure> {
    let account = Account::new(settings)?;
    let settings = account.settings();
    match account.may_read_calls().await {
        Ok(()) => {
            report.ok("provider", "Twilio says which calls are up: the credentials are right")
        }
        Err(failure) => {
            let text = format!("the calls cannot be read: {failure}");
            report.failed("provider", text, remedy(&failure, settings));
        }
    }
    match account.numbers().await {
        Ok(Numbers { numbers, ahead_s }) => {
            let n = numbers.len();
            report.ok("provider", format!("the phone numbers can be read: {n}"));
            check_clock(ahead_s, report);
            for number in numbers.iter().filter(|it| it.takes_calls) {
                check_number(number, ours, setup, saved, report);
            }
        }
        Err(failure) => {
            let text = format!("the phone numbers cannot be read: {failure}");
            report.failed("provider", text, remedy(&failure, settings));
        }
    }
    if let Some(ours) = ours {
        check_alerts(&account, ours, report).await;
    }
    Ok(())
}

fn check_clock(ahead_s: Option<i64>, report: &mut Report) {
    let Some(ahead_s) = ahead_s else { return };
    let (by, which) = (ahead_s.unsigned_abs(), if ahead_s < 0 { "behind" } else { "ahead of" });
    let text = format!("this machine's clock is {by} s {which} Twilio's");
    let remedy = "let the machine set its clock by NTP";
    match by {
        0..=CLOCK_WARNING_S => report.ok("clock", "this machine's clock agrees with Twilio's"),
        by if by <= CLOCK_MAX_S => report.warning("clock", text, remedy),
        _ => report.failed("clock", text, remedy),
    }
}

/// Who takes the calls of a number that has no URLs of its own, and what to do about it.
fn taken_by_others(number: &PhoneNumber) -> Option<(&'static str, &'static str)> {
    if number.trunk_sid.is_some() {
        return Some((
            "a SIP trunk takes its calls, which asks for no webhook",
            "let the platform behind the trunk tell of its calls, if they are to count: \
             docs/SOURCES.md says how",
        ));
    }
    number.application_sid.as_ref().map(|_| {
        (
            "a TwiML application takes its calls",
            "set the URLs of the application by hand, if its calls are to count",
        )
    })
}

/// Whether the number's URLs lead here, and when its last webhook came.
fn check_number(
    number: &PhoneNumber,
    ours: Option<&Ours>,
    setup: Option<&Setup>,
    saved: &Path,
    report: &mut Report,
) {
    let digits = &number.number;
    let now = &number.settings;
    let connect = format!("run {}", how_to_run(&format!("connect --number {digits}")));
    let Some(ours) = ours else { return };
    if let Some((takes, remedy)) = taken_by_others(number) {
        return report.warning("number", format!("{digits}: {takes}"), remedy);
    }
    if !ours.is_connected(now) {
        let connect = match platform_of(now) {
            Some(platform) => {
                format!("{platform} has set its URLs: if its calls are to count, {connect}")
            }
            None => connect,
        };
        let known = saved_settings(saved, &number.sid);
        return match known {
            Some(after) if !is_same(&after, now) => report.failed(
                "number",
                format!(
                    "{digits}: somebody has changed its URLs after `connect`: {}",
                    comes_in(&now.voice)
                ),
                connect,
            ),
            _ => report.warning(
                "number",
                format!("{digits} is not connected: {}", comes_in(&now.voice)),
                connect,
            ),
        };
    }
    if now.fallback.url.is_none() {
        report.warning(
            "number",
            format!("{digits}: its callers hear an error while this server is away"),
            "set \"Primary handler fails\" to the agent's own URL or a TwiML Bin",
        );
    }
    let seen = setup.and_then(|it| it.numbers.iter().find(|known| known.number == *digits));
    let ages = seen.map(|it| {
        [
            ("/voice", it.voice_ago_ms),
            ("/speech-result", it.speech_result_ago_ms),
            ("/call-status", it.call_status_ago_ms),
        ]
    });
    let ages = ages.into_iter().flatten().filter_map(|(path, ms)| Some((path, ms?)));
    let ages: Vec<_> = ages.map(|(path, ms)| format!("{path} {}", ago(ms))).collect();
    let text = match ages.is_empty() {
        true => format!("{digits} is connected; no webhook since the start"),
        false => format!("{digits} is connected; {}", ages.join(", ")),
    };
    report.ok("number", text);
    if let Some(setup) = setup
        && seen.is_none_or(|it| it.agent.is_none())
    {
        let file = setup.agents_file.as_deref().unwrap_or(DEFAULT_FILE);
        report.warning(
            "number",
            format!("{digits} belongs to no agent of the agents file"),
            format!("add it to the numbers of an agent in {file}, and reload it (SIGHUP)"),
        );
    }
}

/// Where a call to a number comes in.
fn comes_in(voice: &Webhook) -> String {
    match voice.url {
        Some(_) => format!("a call comes in at {}", shown(voice)),
        None => "no URL is set for when a call comes in".to_owned(),
    }
}

/// What the debugger says of requests to our URLs.
async fn check_alerts(account: &Account, ours: &Ours, report: &mut Report) {
    let since = SystemTime::now().checked_sub(ALERTS_SINCE).unwrap_or(SystemTime::UNIX_EPOCH);
    let since = iso_date(since);
    let alerts = match account.alerts(&since).await {
        Ok(alerts) => alerts,
        Err(failure) => {
            return report.warning(
                "debugger",
                format!("Twilio's debugger cannot be read: {failure}"),
                remedy(&failure, account.settings()),
            );
        }
    };
    let mut codes: BTreeMap<u32, usize> = BTreeMap::new();
    for Alert { code, request_url, .. } in &alerts {
        if request_url.as_ref().is_some_and(|url| url.starts_with(ours.base())) {
            *codes.entry(*code).or_default() += 1;
        }
    }
    if codes.is_empty() {
        return report.ok("debugger", "Twilio's debugger has no alert about this server of 24 h");
    }
    for (code, n) in codes {
        report.warning(
            "debugger",
            format!("alert {code}, {n} times within 24 h about this server: {}", meaning(code)),
            format!("https://www.twilio.com/docs/api/errors/{code} explains it"),
        );
    }
}

/// The alerts of voice webhooks, by Twilio's list of errors.
fn meaning(code: u32) -> &'static str {
    match code {
        11_200 => "a voice webhook could not be retrieved",
        11_205 => "no connection to the server",
        11_215 => "too many redirects",
        11_217 => "an answer with an error status",
        12_100 => "an answer that is no TwiML",
        12_300 => "an answer with a wrong content type",
        15_003 => "a status callback was not accepted",
        _ => "see Twilio's page about it",
    }
}

fn iso_date(at: SystemTime) -> String {
    let second = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
    let second = i64::try_from(second).unwrap_or_default();
    jiff::Timestamp::from_second(second).unwrap_or_default().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_without_a_url_is_told_as_one() {
        let told = |url: Option<&str>| {
            comes_in(&Webhook { url: url.map(str::to_owned), ..Webhook::default() })
        };
        assert_eq!(told(None), "no URL is set for when a call comes in");
        let url = "https://calls.example.com/voice";
        assert_eq!(told(Some(url)), format!("a call comes in at {url}"));
    }
}
