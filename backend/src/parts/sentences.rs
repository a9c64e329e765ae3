//! The English sentences that answers have beside their codes and values: those of the page, which has them
//! in each language and puts them together in the same way.

use std::sync::LazyLock;

use live_users_wire::{Reason, SourceEnds};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::presentation::age;

/// Sentences by their keys; a name in braces stands for what is put in.
type Section = Map<String, Value>;

/// What answers say of all that the page says.
#[derive(Deserialize)]
struct Messages {
    /// Why a call is counted or not, and what happens next.
    why: Section,
    /// Among others, what ends the calls of a source, as the end of "a call ends ...".
    sources: Section,
}

static MESSAGES: LazyLock<Messages> = LazyLock::new(|| {
    // Tests read them as well, so a fault in them is known before.
    let english = include_str!("../../../proxy/web/messages/en.json");
    serde_json::from_str(english).expect("sections of sentences")
});

/// Why a call is counted or not.
pub(crate) fn of_reason(reason: &Reason) -> String {
    let join =
        |parts: &[Option<&str>]| parts.iter().flatten().copied().collect::<Vec<_>>().join("-");
    let longest = reason.longest_seconds.map(|it| (it / 60).to_string());
    let quiet = reason.quiet_seconds.map(|it| it.to_string());
    let (is_leg, of) = (reason.code == "leg", reason.parent.as_deref());
    let key = join(&[
        Some(&reason.code),
        reason.limit.as_deref(),
        reason.unconfirmed.then_some("unconfirmed"),
        quiet.as_ref().map(|_| "quiet"),
        longest.as_ref().map(|_| "longest"),
        (is_leg && of.is_none()).then_some("unknown"),
    ]);
    let what = why(
        &key,
        &[
            ("since", reason.since.as_deref().unwrap_or_default()),
            ("parent", of.unwrap_or_default()),
            ("sources", &reason.sources.join(", ")),
            ("quiet", quiet.as_deref().unwrap_or_default()),
            ("longest", longest.as_deref().unwrap_or_default()),
        ],
    );
    let what = with_evidence(reason, what);
    let certainty = reason.certainty.as_ref();
    let certainty = certainty.map(|it| why(&it.code, &[("age", &age(it.heard_ms))]));
    let counted = if reason.counted { "counted" } else { "not-counted" };
    let frame = join(&[Some(counted), reason.rule.as_deref(), reason.counts_when.as_deref()]);
    why(&frame, &[("what", &what), ("certainty", certainty.as_deref().unwrap_or_default())])
}

/// The same with who has told it, and when.
fn with_evidence(reason: &Reason, what: String) -> String {
    let Some(evidence) = &reason.evidence else { return what };
    let from = evidence.from.as_deref();
    let told = match (from, evidence.source.as_str(), evidence.said.as_str()) {
        (None, "speech", "in-progress") => why("caller-spoke", &[]),
        (from, source, said) => {
            let source = || why(&format!("source-{source}"), &[]);
            let source = from.map_or_else(source, str::to_owned);
            let said = why(&format!("said-{said}"), &[]);
            why("told", &[("source", &source), ("said", &said)])
        }
    };
    let leg = evidence.leg.as_deref();
    let key = if leg.is_some() { "by-of-leg" } else { "by" };
    let leg = leg.unwrap_or_default();
    let values = [("what", &*what), ("told", &told), ("leg", leg), ("at", &evidence.at)];
    why(key, &values)
}

/// What happens next, by its code.
pub(crate) fn of_next(code: &str) -> String {
    why(&format!("next-{code}"), &[])
}

/// What ends the calls of a source.
pub(crate) fn of_ends(ends: &SourceEnds) -> String {
    let say = |key: &str, values: &[(&str, &str)]| say(&MESSAGES.sources, key, values);
    let number = |key: &str, n: u32| say(key, &[("n", &n.to_string())]);
    let parts = [
        ends.by_word.then(|| say("byWord", &[])),
        ends.by_list.then(|| say("byList", &[])),
        ends.by_clock.then(|| say("byClock", &[])),
        ends.quiet_seconds.map(|it| number("afterQuiet", it)),
        ends.longest_seconds.map(|it| number("afterLongest", it.div_ceil(60))),
    ];
    let or = |first: String, next: String| say("endsOr", &[("first", &first), ("next", &next)]);
    let all = parts.into_iter().flatten().reduce(or).unwrap_or_default();
    // Only on the page a unit stays on the line of its number.
    all.replace('\u{a0}', " ")
}

fn why(key: &str, values: &[(&str, &str)]) -> String {
    say(&MESSAGES.why, key, values)
}

/// The sentence of a key with these values in it; the key itself if there is no such sentence.
fn say(section: &Section, key: &str, values: &[(&str, &str)]) -> String {
    let found = section.get(key).and_then(Value::as_str);
    debug_assert!(found.is_some(), "there is a sentence for {key}");
    let mut rest = found.unwrap_or(key);
    let mut text = String::with_capacity(rest.len());
    // What is put in is not looked at for braces of its own.
    while let Some((before, (name, after))) =
        rest.split_once('{').and_then(|(before, it)| Some((before, it.split_once('}')?)))
    {
        let value = values.iter().find(|(it, _)| *it == name);
        text.push_str(before);
        text.push_str(value.map_or("", |(_, value)| value));
        rest = after;
    }
    text + rest
}

#[cfg(test)]
mod tests;
