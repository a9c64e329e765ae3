//! Languages that fit together, and those that do not.

use super::{Messages, html};
use crate::files::Files;

const ENGLISH: &str = r#"{"a": {"calls": {"one": "{n} call", "other": "{n} calls"},
    "of": "{name} of <code>x.toml</code>", "plain": "Save & go"}}"#;
const GERMAN: &str = r#"{"a": {"calls": {"one": "ein Anruf", "other": "{n} Anrufe"},
    "of": "<code>x.toml</code> von {name}", "plain": "Sichern"}}"#;

fn read(languages: &[(&str, &str)]) -> Result<Messages, String> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("messages")).unwrap();
    for (tag, text) in languages {
        std::fs::write(folder.path().join(format!("messages/{tag}.json")), text).unwrap();
    }
    std::fs::write(folder.path().join("a.js"), "import { byLanguage } from \"./messages/a.js\";\n")
        .unwrap();
    let files = Files::read(folder.path()).map_err(|error| error.to_string())?;
    Messages::read(&files, true).map_err(|error| error.to_string())
}

#[test]
fn a_language_has_all_that_english_has_and_no_more() {
    let edited = |from: &str, to: &str| {
        assert!(GERMAN.contains(from), "{from}");
        let error = read(&[("en", ENGLISH), ("de", &GERMAN.replacen(from, to, 1))]).unwrap_err();
        assert!(error.starts_with("messages/de.json: "), "{error}");
        error["messages/de.json: ".len()..].to_owned()
    };
    assert!(read(&[("en", ENGLISH), ("de", GERMAN)]).is_ok());
    for (from, to, expected) in [
        (r#", "plain": "Sichern""#, "", "a.plain: this key is missing"),
        (r#""plain""#, r#""plane""#, "a.plain: this key is missing"),
        ("{\"a\": {", "{\"a\": {\"b\": \"c\", ", "a.b: en.json has no such key"),
        ("{\"a\"", "{\"c\": {\"b\": \"c\"}, \"a\"", "c.b: en.json has no such key"),
        ("{name}", "{Name}", "a.of: expected in braces: name"),
        (" von {name}", "", "a.of: expected in braces: name"),
        ("Sichern", "Sichern {n}", "a.plain: expected in braces: "),
        ("Sichern", "<b>Sichern</b>", "a.plain: expected of HTML only <code>...</code>"),
        ("Sichern", "<code>Sichern", "a.plain: expected of HTML only <code>...</code>"),
        ("<code>x.toml</code>", "x.toml", "a.of: it has other <code> than the English text"),
        (r#""one": "ein Anruf", "#, "", "a.calls: the form `one` is missing"),
        (r#", "other": "{n} Anrufe""#, "", "a.calls: the form `other` is missing"),
        (
            r#""one": "ein"#,
            r#""few": "x", "one": "ein"#,
            "a.calls: this language has no form `few`, only one, other",
        ),
        (r#""Sichern""#, "7", ": a.plain: expected a text, or forms of one"),
    ] {
        assert_eq!(edited(from, to), expected, "{to}");
    }
    assert!(read(&[("de", GERMAN)]).unwrap_err().starts_with("messages/en.json: "));
    assert!(read(&[("en", "{")]).unwrap_err().contains("expected sections of keys"));
}

#[test]
fn each_language_has_the_plurals_that_it_has() {
    let with = |tag, forms: &str| {
        let text = GERMAN.replace(r#"{"one": "ein Anruf", "other": "{n} Anrufe"}"#, forms);
        read(&[("en", ENGLISH), (tag, &text)]).map(drop)
    };
    // One text for all numbers is for each language.
    for tag in ["de", "ja", "fr"] {
        assert_eq!(with(tag, r#""x {n}""#), Ok(()));
    }
    assert_eq!(with("ja", r#"{"other": "x {n}"}"#), Ok(()));
    let wrong = with("ja", r#"{"one": "x", "other": "x {n}"}"#).unwrap_err();
    assert!(wrong.contains("no form `one`, only other"), "{wrong}");
    // Of millions, which French says otherwise, nothing need be said.
    for forms in [r#"{"one": "x", "other": "y"}"#, r#"{"one": "x", "many": "z", "other": "y"}"#] {
        assert_eq!(with("fr", forms), Ok(()));
    }
    let wrong = with("pl", r#"{"one": "x", "few": "y", "other": "z"}"#).unwrap_err();
    assert!(wrong.contains("the form `many` is missing"), "{wrong}");
    assert!(with("not_a_language_at_all", r#""x""#).unwrap_err().contains("this is no language"));
}

#[test]
fn english_comes_first_and_the_pseudo_language_is_english_in_brackets() {
    let messages = read(&[("en", ENGLISH), ("de", GERMAN)]).unwrap();
    assert_eq!(messages.tags(), ["en", "de", "en-XA"]);
    let module = |tags: &[&str]| messages.modules(tags).remove(0);
    let (name, text) = module(&["en-XA"]);
    assert_eq!(name, "messages/a.js");
    let expected = "export const byLanguage = {\"en-XA\":{\
        \"calls\":{\"one\":\"⟦{n} call⟧\",\"other\":\"⟦{n} calls⟧\"},\
        \"of\":\"⟦{name} of <code>x.toml</code>⟧\",\"plain\":\"⟦Save & go⟧\"}};\n";
    assert_eq!(text, expected);
    assert!(!text.contains("Sichern") && module(&["en", "de"]).1.contains("Sichern"));
    let rust = messages.rust(&["a"]).unwrap();
    assert!(rust.contains("static TAGS: &[&str] = &[\"en\", \"de\", \"en-XA\"];"), "{rust}");
    let row = "(\"a.plain\", &[&[(\"other\", \"Save & go\")], &[(\"other\", \"Sichern\")], ";
    assert!(rust.contains(row), "{rust}");
    assert!(messages.rust(&["b"]).unwrap_err().to_string().contains("no such section"));
}

#[test]
fn a_number_and_its_unit_and_a_french_mark_and_its_word_stay_on_one_line() {
    let with = |tag, text: &str| {
        let language = GERMAN.replace("Sichern", text);
        let english = ENGLISH.replace("Save & go", "{n}");
        read(&[("en", &english), (tag, &language)]).map(drop)
    };
    for (tag, text) in [
        ("de", "{n} s"),
        ("de", "seit {n} min."),
        ("de", "24 h exportieren"),
        ("pt", "{n} d"),
        ("de", "{n} %"),
        ("de", "{n}%"),
        ("pt", "{n}\u{a0}%"),
        ("fr", "Retirer {n} ?"),
        ("fr", "Noms : {n}"),
        ("fr", "« {n}\u{a0}»"),
        ("fr", "«\u{a0}{n} »"),
    ] {
        let wrong = with(tag, text).expect_err(text);
        assert!(wrong.starts_with(&format!("messages/{tag}.json: a.plain: ")), "{wrong}");
        assert!(wrong.contains("space is expected"), "{wrong}");
    }
    for (tag, text) in [
        ("de", "{n}\u{a0}s"),
        ("de", "{n}\u{a0}%"),
        ("de", "Namen: {n}"),
        ("pt", "{n}%"),
        ("pt", "{n} de chamadas"),
        ("fr", "{n} d’appels"),
        ("fr", "Retirer {n}\u{202f}?"),
        ("fr", "Noms\u{a0}: «\u{a0}{n}\u{a0}»"),
    ] {
        assert_eq!(with(tag, text), Ok(()), "{text}");
    }
    let english = ENGLISH.replace("Save & go", "{n} %");
    assert!(read(&[("en", &english)]).unwrap_err().contains("before “%”"));
}

#[test]
fn of_a_message_only_code_is_html() {
    let text = "a & <code>b</code> \"<c>\"";
    assert_eq!(html(text), "a &amp; <code>b</code> &quot;&lt;c&gt;&quot;");
}
