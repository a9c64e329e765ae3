//! The page has the same sentences in English, and one for each word that evidence has.

use std::collections::BTreeMap;
use std::path::Path;

use live_users_state::words;
use serde_json::Value;

use super::*;

/// What the page says in English, by section and key.
fn messages() -> BTreeMap<String, BTreeMap<String, Value>> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../proxy/web/messages/en.json");
    let text = std::fs::read_to_string(file).expect("the English messages");
    serde_json::from_str(&text).expect("sections of keys")
}

#[test]
fn the_page_has_each_sentence_in_english_and_no_other_ones() {
    let messages = messages();
    let own: BTreeMap<String, Value> =
        WHY.iter().map(|(key, text)| ((*key).to_owned(), Value::from(*text))).collect();
    assert_eq!(own.len(), WHY.len(), "no key is there twice");
    assert_eq!(messages["why"], own);
    for (key, text) in SOURCES {
        // On the page a unit stays on the line of its number.
        let on_page = messages["sources"][*key].as_str().map(|it| it.replace('\u{a0}', " "));
        assert_eq!(on_page.as_deref(), Some(*text), "{key}");
    }
}

#[test]
fn each_word_of_evidence_has_a_sentence() {
    let keys: Vec<_> = WHY.iter().map(|(key, _)| *key).collect();
    let (sources, said) = words::of_evidence();
    let sources = sources.map(|word| format!("source-{word}"));
    for key in sources.chain(said.map(|word| format!("said-{word}"))) {
        assert!(keys.contains(&&*key), "{key}");
    }
}

#[test]
fn what_is_put_in_is_not_looked_at_again() {
    let values = [("source", "{said} {"), ("said", "}")];
    assert_eq!(say(WHY, "told", &values), "{said} {: }");
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
