//! There is a sentence for each word of evidence, and each is put together as it is meant.

use live_users_state::words;

use super::*;

#[test]
fn each_word_of_evidence_has_a_sentence() {
    let (sources, said) = words::of_evidence();
    let sources = sources.map(|word| format!("source-{word}"));
    for key in sources.chain(said.map(|word| format!("said-{word}"))) {
        assert!(MESSAGES.why.contains_key(&key), "{key}");
    }
}

#[test]
fn what_is_put_in_is_not_looked_at_again() {
    let values = [("source", "{said} {"), ("said", "}")];
    assert_eq!(why("told", &values), "{said} {: }");
}

#[test]
fn what_ends_the_calls_of_a_source_is_said_in_one_phrase() {
    let word = SourceEnds { by_word: true, ..SourceEnds::default() };
    for (ends, expected) in [
        (SourceEnds::default(), ""),
        (word, "by its own word"),
        (SourceEnds { by_clock: true, ..word }, "by its own word, or by the clock"),
        (
            SourceEnds { quiet_seconds: Some(3_600), longest_seconds: Some(61), ..word },
            "by its own word, or after 3600 s without a heartbeat, or after 2 min",
        ),
        (
            SourceEnds { by_list: true, longest_seconds: Some(3_600), ..SourceEnds::default() },
            "by its list of calls, or after 60 min",
        ),
    ] {
        assert_eq!(of_ends(&ends), expected);
    }
}
