//! What is wrong with an agents file, in words that name the field and what was expected.

use std::collections::BTreeMap;

use live_users_twilio::Method;

use super::{Agent, ID_BYTES_MAX, NAME_BYTES_MAX, STATUS_CALLBACK_URLS_MAX, URL_BYTES_MAX};

/// The longest id that a platform has for an agent, in bytes.
const ASSISTANT_BYTES_MAX: usize = 128;

/// What is wrong with a file that cannot be read, and in which line. The line itself is left out: it
/// may hold a secret, such as a key in a URL.
pub(super) fn mistake_in(text: &str, error: &toml::de::Error) -> String {
    let what = error.message().trim().replace('\n', "; ");
    match error.span().and_then(|span| text.get(..span.start)) {
        Some(before) => format!("line {}: {what}", before.matches('\n').count() + 1),
        None => what,
    }
}

/// All that is wrong with numbers that many people call from. `field` is where they stand.
pub fn mistakes_in_shared(field: &str, numbers: &[String]) -> Vec<String> {
    let wrong = numbers.iter().filter(|number| !is_e164(number));
    wrong.map(|number| format!("{field}: {}", not_e164(number))).collect()
}

fn not_e164(number: &str) -> String {
    format!("{number:?} is not E.164; expected + and 8 to 15 digits")
}

pub(super) fn mistakes_in(agents: &[Agent]) -> Vec<String> {
    let mut mistakes = Vec::new();
    let mut ids = BTreeMap::new();
    let mut numbers = BTreeMap::new();
    let mut hosts = BTreeMap::new();
    let mut assistants = BTreeMap::new();
    for (agent, place) in agents.iter().zip(1..) {
        let mut wrong = |field: &str, what: String| {
            mistakes.push(format!("agent {place} ({:?}): {field}: {what}", agent.id));
        };
        if !is_id(&agent.id) {
            wrong("id", format!("expected 1 to {ID_BYTES_MAX} letters, digits, '-' or '_'"));
        }
        if let Some(first) = ids.insert(&agent.id, place) {
            wrong("id", format!("already the id of agent {first}; expected a different one"));
        }
        if agent.name.trim().is_empty() || agent.name.len() > NAME_BYTES_MAX {
            wrong("name", format!("expected 1 to {NAME_BYTES_MAX} bytes of text"));
        }
        for number in &agent.numbers {
            if !is_e164(number) {
                wrong("numbers", not_e164(number));
            }
            if let Some(first) = numbers.insert(number, place) {
                let what = format!("{number:?} is already a number of agent {first}");
                wrong("numbers", format!("{what}; expected each number once"));
            }
        }
        if let Some(number) = agent.fallback_number.as_ref().filter(|number| !is_e164(number)) {
            wrong("fallback_number", not_e164(number));
        }
        if agent.fallback_number.as_ref().is_some_and(|number| agent.numbers.contains(number)) {
            let what = "is a number of this agent; expected one that somebody else answers";
            wrong("fallback_number", what.to_owned());
        }
        for host in &agent.sip_hosts {
            if !is_host(host) {
                let what = "expected a host name such as sip.example.com, without port and scheme";
                wrong("sip_hosts", format!("{host:?} is no host; {what}"));
            }
            if let Some(first) = hosts.insert(host.to_lowercase(), place).filter(|it| *it != place)
            {
                let what = format!("{host:?} is already a host of agent {first}");
                wrong("sip_hosts", format!("{what}; expected each host once"));
            }
        }
        for (field, url, method) in agent.urls() {
            if url.is_some_and(|url| !is_url(url)) {
                wrong(field, "expected a URL that starts with https:// or http://".to_owned());
            }
            let Some((of_method, method)) = method else { continue };
            if Method::parse(method).is_none() {
                wrong(of_method, "expected \"GET\" or \"POST\"".to_owned());
            }
            if url.is_none() {
                wrong(of_method, format!("there is no {field}; expected both or neither"));
            }
        }
        for assistant in &agent.assistants {
            let first = assistants.insert(assistant, place);
            let wrongs = wrong_assistant(assistant, first, (place, agents));
            wrongs.into_iter().for_each(|it| wrong("assistants", it));
        }
        if agent.account.as_ref().is_some_and(|account| !is_id(account)) {
            wrong("account", format!("expected 1 to {ID_BYTES_MAX} letters, digits, '-' or '_'"));
        }
        if agent.status_callback_urls.len() > STATUS_CALLBACK_URLS_MAX {
            wrong("status_callback_urls", format!("expected at most {STATUS_CALLBACK_URLS_MAX}"));
        }
    }
    mistakes
}

/// What is wrong with an id that a platform has for the agent at this place, and that `first` has
/// already. It may not be the id of another one: a webhook that names it would be for two of them.
fn wrong_assistant(
    assistant: &str,
    first: Option<i32>,
    (place, agents): (i32, &[Agent]),
) -> Vec<String> {
    let mut others = agents.iter().zip(1..).filter(|(_, other)| *other != place);
    let of_id = others.find(|(other, _)| other.id == *assistant).map(|(_, other)| other);
    let is_wrong = assistant.is_empty() || assistant.len() > ASSISTANT_BYTES_MAX;
    let form = is_wrong.then(|| format!("expected ids of 1 to {ASSISTANT_BYTES_MAX} bytes"));
    let twice = first.map(|first| {
        format!("{assistant:?} is already an assistant of agent {first}; expected each id once")
    });
    let own = of_id.map(|other| {
        format!("{assistant:?} is the id of agent {other}; expected the id that a platform has")
    });
    form.into_iter().chain(twice).chain(own).collect()
}

/// Whether a text can be the id of an agent.
pub fn is_id(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    (1..=ID_BYTES_MAX).contains(&text.len()) && text.bytes().all(allowed)
}

fn is_e164(text: &str) -> bool {
    let digits = text.strip_prefix('+').unwrap_or_default();
    (8..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit())
}

/// Whether a text is a host name or an IP address. Those of version 6 stand in brackets.
fn is_host(text: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let is_v6 = || {
        let inner = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        inner.is_some_and(|inner| inner.parse::<std::net::Ipv6Addr>().is_ok())
    };
    text.len() <= 253 && text.split('.').all(is_label) || is_v6()
}

pub(crate) fn is_url(text: &str) -> bool {
    let Some((scheme, host)) = text.split_once("://") else { return false };
    // RFC 3986: schemes are the same in capital letters.
    let is_web = ["http", "https"].iter().any(|it| scheme.eq_ignore_ascii_case(it));
    is_web && text.len() <= URL_BYTES_MAX && !host.is_empty() && !host.starts_with('/')
}
