//! The English sentences that answers have beside their codes and values. The page has the same ones in
//! each language, in `proxy/web/messages`, and puts them together in the same way.

use live_users_wire::{Reason, SourceEnds};

use super::presentation::age;

/// A sentence by its key; a name in braces stands for what is put in.
type Sentence = (&'static str, &'static str);

/// Why a call is counted or not, and what happens next.
const WHY: &[Sentence] = &[
    ("counted", "Counted: {what}; no end was reported; {certainty}."),
    (
        "counted-count-handed-over",
        "Counted: {what}; no end was reported; COUNT_HANDED_OVER counts such calls; {certainty}.",
    ),
    ("not-counted", "Not counted: {what}."),
    (
        "not-counted-agent-talks",
        "Not counted: {what}; when an agent talks with the caller, it counts.",
    ),
    (
        "not-counted-person-hangs-up",
        "Not counted: {what}; when that person hangs up and the call goes on, it counts again.",
    ),
    ("confirmed", "confirmed {age} ago"),
    ("suspect", "suspect, since nothing was heard of it for {age}"),
    // With whom the caller is connected.
    ("on-the-line", "on the line since {since}"),
    ("picked-up", "the person has picked up since {since}"),
    ("with-agent", "the caller is connected with an agent since {since}"),
    ("with-person", "the caller was handed over to a person since {since}"),
    ("voicemail", "a voicemail has answered since {since}"),
    ("fax", "a fax has answered since {since}"),
    ("in-queue", "the caller waits in a queue since {since}"),
    (
        "in-queue-agent",
        "the caller waits in a queue, since its agent was at capacity, since {since}",
    ),
    (
        "in-queue-account",
        "the caller waits in a queue, since all agents together were at the limit, since {since}",
    ),
    (
        "answered-elsewhere-agent",
        "somebody else answers, since its agent was at capacity, since {since}",
    ),
    (
        "answered-elsewhere-account",
        "somebody else answers, since all agents together were at the limit, since {since}",
    ),
    ("dialing-person", "the caller waits while a person is dialled since {since}"),
    ("on-hold", "the caller waits, on hold or alone in a conference since {since}"),
    // Why nobody is.
    ("leg", "a leg of {parent}: never a user"),
    ("leg-unknown", "a leg of another call: never a user"),
    (
        "colleague",
        "it is held for the call of a colleague, who is never a user: it never asked what to say, and its \
         agent had a caller on the line",
    ),
    ("dialing", "nobody has picked up yet"),
    // Why it is over.
    ("turned-away-agent", "turned away, since its agent was at capacity"),
    (
        "turned-away-agent-unconfirmed",
        "turned away, since its agent was at capacity; the provider has not said so yet",
    ),
    ("turned-away-account", "turned away, since all agents together were at the limit"),
    (
        "turned-away-account-unconfirmed",
        "turned away, since all agents together were at the limit; the provider has not said so yet",
    ),
    (
        "limits-broken-quiet",
        "given up, since no word of it came in time: {sources} is to be heard of it at least each {quiet} s",
    ),
    (
        "limits-broken-longest",
        "given up, since no word of it came in time: {sources} has no call longer than {longest} min",
    ),
    (
        "limits-broken-quiet-longest",
        "given up, since no word of it came in time: {sources} is to be heard of it at least each {quiet} s \
         and has no call longer than {longest} min",
    ),
    ("timed-out", "it was older than a call can be, and silent"),
    (
        "timed-out-unconfirmed",
        "given up, since it was older than a call can be, and silent; the provider has not said so yet",
    ),
    ("unlisted", "the list of its source does not have it any more"),
    (
        "unlisted-unconfirmed",
        "ended, since the list of its source does not have it any more; the provider has not said so yet",
    ),
    ("handed-over", "the caller was handed over, and nobody tells of the rest"),
    ("canceled", "it was cancelled before it was answered"),
    ("no-answer", "it was not answered"),
    ("busy", "the line was busy"),
    ("failed", "it could not be put through"),
    ("completed", "it is over"),
    ("goodbye", "the caller said goodbye"),
    ("goodbye-unconfirmed", "ended by a goodbye; the provider has not said so yet"),
    ("evicted", "an operator took it out of the count"),
    // Who has told what.
    ("by", "{what} ({told} at {at})"),
    ("by-of-leg", "{what} ({told} of {leg} at {at})"),
    ("told", "{source}: {said}"),
    ("caller-spoke", "caller spoke"),
    ("source-voice", "call webhook"),
    ("source-speech", "speech"),
    ("source-status-callback", "status callback"),
    ("source-clock", "clock"),
    ("source-referee", "referee"),
    ("source-operator", "operator"),
    ("source-event", "event"),
    ("said-nothing", "nothing"),
    ("said-dialing", "ringing"),
    ("said-in-progress", "in progress"),
    ("said-still-up", "still up"),
    ("said-timed-out", "timed out"),
    ("said-unlisted", "unlisted"),
    ("said-handed-over", "handed over"),
    ("said-canceled", "canceled"),
    ("said-no-answer", "no answer"),
    ("said-busy", "busy"),
    ("said-failed", "failed"),
    ("said-completed", "completed"),
    ("said-goodbye", "goodbye"),
    ("said-evicted", "evicted"),
    // What happens next.
    ("next-becomes-suspect", "suspect if nothing is heard until then, and still counted"),
    ("next-source-silent", "given up if its source says nothing of it until then"),
    ("next-not-answered", "given up if nobody picks up until then"),
    (
        "next-end-guessed",
        "forgotten; until then only what can have been said after the end makes it live again",
    ),
    ("next-end-final", "forgotten; until then a late webhook cannot revive it"),
    (
        "next-provider-asked",
        "the provider is asked; only its word ends the call before MAX_CALL_HOURS",
    ),
    ("next-too-old", "given up as older than a call can be; its source tells the end before"),
    (
        "next-too-old-nobody-asked",
        "given up as older than a call can be; nobody is asked before, since there are no credentials for \
         the provider's API",
    ),
];

/// What ends the calls of a source, as the end of "a call ends ...".
const SOURCES: &[Sentence] = &[
    ("byWord", "by its own word"),
    ("byList", "by its list of calls"),
    ("byClock", "by the clock"),
    ("afterQuiet", "after {n} s without a heartbeat"),
    ("afterLongest", "after {n} min"),
    ("endsOr", "{first}, or {next}"),
];

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
    let what = say(
        WHY,
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
    let certainty = certainty.map(|it| say(WHY, &it.code, &[("age", &age(it.heard_ms))]));
    let counted = if reason.counted { "counted" } else { "not-counted" };
    let frame = join(&[Some(counted), reason.rule.as_deref(), reason.counts_when.as_deref()]);
    say(WHY, &frame, &[("what", &what), ("certainty", certainty.as_deref().unwrap_or_default())])
}

/// The same with who has told it, and when.
fn with_evidence(reason: &Reason, what: String) -> String {
    let Some(evidence) = &reason.evidence else { return what };
    let from = evidence.from.as_deref();
    let told = match (from, evidence.source.as_str(), evidence.said.as_str()) {
        (None, "speech", "in-progress") => say(WHY, "caller-spoke", &[]),
        (from, source, said) => {
            let source = || say(WHY, &format!("source-{source}"), &[]);
            let source = from.map_or_else(source, str::to_owned);
            let said = say(WHY, &format!("said-{said}"), &[]);
            say(WHY, "told", &[("source", &source), ("said", &said)])
        }
    };
    let leg = evidence.leg.as_deref();
    let key = if leg.is_some() { "by-of-leg" } else { "by" };
    let leg = leg.unwrap_or_default();
    let values = [("what", &*what), ("told", &told), ("leg", leg), ("at", &evidence.at)];
    say(WHY, key, &values)
}

/// What happens next, by its code.
pub(crate) fn of_next(why: &str) -> String {
    say(WHY, &format!("next-{why}"), &[])
}

/// What ends the calls of a source.
pub(crate) fn of_ends(ends: &SourceEnds) -> String {
    let number = |key, n: u32| say(SOURCES, key, &[("n", &n.to_string())]);
    let parts = [
        ends.by_word.then(|| say(SOURCES, "byWord", &[])),
        ends.by_list.then(|| say(SOURCES, "byList", &[])),
        ends.by_clock.then(|| say(SOURCES, "byClock", &[])),
        ends.quiet_seconds.map(|it| number("afterQuiet", it)),
        ends.longest_seconds.map(|it| number("afterLongest", it.div_ceil(60))),
    ];
    let or =
        |first: String, next: String| say(SOURCES, "endsOr", &[("first", &first), ("next", &next)]);
    parts.into_iter().flatten().reduce(or).unwrap_or_default()
}

/// The sentence of a key with these values in it; the key itself if there is no such sentence.
fn say(table: &[Sentence], key: &str, values: &[(&str, &str)]) -> String {
    let found = table.iter().find(|(name, _)| *name == key);
    debug_assert!(found.is_some(), "there is a sentence for {key}");
    let mut rest = found.map_or(key, |(_, text)| text);
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
