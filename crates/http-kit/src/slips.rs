//! Slips of whoever has pasted a value into the settings: quotes, invisible characters, white space.
//!
//! Such a value looks right wherever it is shown, and is another one. No message repeats it.

use std::fmt::{self, Display};

/// Marks that stand around a quotation, straight or typographic.
const QUOTES: [char; 10] = ['"', '\'', '`', '“', '”', '„', '‘', '’', '«', '»'];

/// What a value is allowed to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// Any text, such as a phrase or a path. White space around it does not count.
    Text,
    /// No white space in it: a secret, a SID, an address.
    Word,
    /// Several of these, with commas between them and any white space beside the commas.
    Words,
}

/// What is wrong. It reads on after the name of the setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Slip {
    what: &'static str,
    character: Option<char>,
    place: &'static str,
    /// Which of several values, from 1 on.
    nth: Option<usize>,
}

impl Display for Slip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, character, place, nth } = self;
        if let Some(nth) = nth {
            write!(f, "(value {nth}) ")?;
        }
        write!(f, "has {what}")?;
        if let Some(character) = character {
            write!(f, " (U+{:04X})", u32::from(*character))?;
        }
        write!(f, " {place}: expected the value alone")
    }
}

/// The first slip in a value, which is as it stands in the environment and not blank.
pub(crate) fn find(raw: &str, form: Form) -> Option<Slip> {
    match form {
        Form::Text => in_text(raw.trim()),
        Form::Word => around(raw).or_else(|| in_word(raw)),
        // Nothing but commas counts as not set.
        Form::Words if raw.split(',').all(|word| word.trim().is_empty()) => None,
        Form::Words => around(raw).or_else(|| {
            let words: Vec<_> = raw.split(',').map(str::trim).collect();
            let is_list = words.len() > 1;
            let mut slips = words.into_iter().zip(1..).map(|(word, nth)| {
                in_word(word).map(|slip| Slip { nth: is_list.then_some(nth), ..slip })
            });
            slips.find_map(|slip| slip)
        }),
    }
}

/// White space around a whole value.
fn around(raw: &str) -> Option<Slip> {
    let first = raw.chars().next().filter(|c| c.is_whitespace());
    let last = raw.chars().next_back().filter(|c| c.is_whitespace());
    let space = |character, place| slip("white space", Some(character), place);
    first
        .map(|character| space(character, "at its beginning"))
        .or(last.map(|character| space(character, "at its end")))
}

fn in_text(text: &str) -> Option<Slip> {
    let is_odd = |c: &char| *c == '\u{feff}' || (c.is_control() && !c.is_whitespace());
    let odd = text.chars().find(is_odd).map(|c| slip(name_of(c), Some(c), "in it"));
    odd.or_else(|| is_quoted(text).then(|| slip("quotation marks", None, "around it")))
}

/// Whether a text stands between quotes as a whole, or each of several with commas between them.
fn is_quoted(text: &str) -> bool {
    is_between_quotes(text) || text.split(',').all(|part| is_between_quotes(part.trim()))
}

fn is_between_quotes(text: &str) -> bool {
    let inside = text.strip_prefix(QUOTES).and_then(|text| text.strip_suffix(QUOTES));
    inside.is_some_and(|inside| !inside.contains(QUOTES))
}

fn in_word(word: &str) -> Option<Slip> {
    let is_odd = |c: &char| is_invisible(*c) || c.is_control() || c.is_whitespace();
    if let Some(c) = word.chars().find(is_odd) {
        return Some(slip(name_of(c), Some(c), "in it"));
    }
    let quotes = match (word.starts_with(QUOTES), word.ends_with(QUOTES)) {
        (true, true) => ("quotation marks", "around it"),
        (true, false) => ("a quotation mark", "at its beginning"),
        (false, true) => ("a quotation mark", "at its end"),
        (false, false) => return None,
    };
    Some(slip(quotes.0, None, quotes.1))
}

fn slip(what: &'static str, character: Option<char>, place: &'static str) -> Slip {
    Slip { what, character, place, nth: None }
}

fn name_of(c: char) -> &'static str {
    match c {
        '\u{feff}' => "a byte order mark",
        '\n' | '\r' => "a line break",
        c if c.is_whitespace() => "white space",
        c if c.is_control() => "a control character",
        _ => "an invisible character",
    }
}

/// Characters of no width, which come along from web pages and chats.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(raw: &str, form: Form) -> String {
        find(raw, form).map(|slip| slip.to_string()).unwrap_or_default()
    }

    #[test]
    fn a_word_has_no_quotes_and_nothing_that_cannot_be_seen() {
        for (raw, says) in [
            ("\"abc\"", "has quotation marks around it: expected the value alone"),
            ("'abc'", "has quotation marks around it"),
            ("“abc”", "has quotation marks around it"),
            ("\"abc", "has a quotation mark at its beginning"),
            ("abc’", "has a quotation mark at its end"),
            ("\u{feff}abc", "has a byte order mark (U+FEFF) in it"),
            ("ab\u{200b}c", "has an invisible character (U+200B) in it"),
            (" abc", "has white space (U+0020) at its beginning"),
            ("abc\t", "has white space (U+0009) at its end"),
            ("abc\r", "has white space (U+000D) at its end"),
            ("abc\u{a0}", "has white space (U+00A0) at its end"),
            ("a bc", "has white space (U+0020) in it"),
            ("a\nbc", "has a line break (U+000A) in it"),
            ("a\u{7}bc", "has a control character (U+0007) in it"),
        ] {
            for form in [Form::Word, Form::Words] {
                let told = told(raw, form);
                assert!(told.starts_with(says) && !told.contains("abc"), "{raw:?}: {told}");
            }
        }
        for fine in ["abc", "a\"b", "https://a.example/x", "AC00", "it's"] {
            assert_eq!(told(fine, Form::Word), "", "{fine}");
        }
    }

    #[test]
    fn beside_commas_there_may_be_white_space_and_it_is_said_which_value_is_wrong() {
        for fine in ["a, b", "a ,b", "a,\n  b", "a,,b,", " , "] {
            assert_eq!(told(fine, Form::Words), "", "{fine:?}");
        }
        assert!(told("a, 'b'", Form::Words).starts_with("(value 2) has quotation marks"));
        assert!(told("a b, c", Form::Words).starts_with("(value 1) has white space"));
        assert!(told("a, b", Form::Word).starts_with("has white space"));
    }

    #[test]
    fn a_text_may_have_white_space_and_quotes_in_it_but_none_around_it() {
        for fine in
            [" see you, bye ", "see\nyou", "he said \"bye\"", "'til later, bye", "\"a\" or \"b\""]
        {
            assert_eq!(told(fine, Form::Text), "", "{fine:?}");
        }
        for (raw, says) in [
            ("\"8080\"", "has quotation marks around it"),
            ("\"\"", "has quotation marks around it"),
            (" 'see you, bye' ", "has quotation marks around it"),
            ("\"see you\", \"bye\"", "has quotation marks around it"),
            ("\u{feff}8080", "has a byte order mark (U+FEFF) in it"),
            ("80\u{0}80", "has a control character (U+0000) in it"),
        ] {
            assert!(told(raw, Form::Text).starts_with(says), "{raw:?}: {}", told(raw, Form::Text));
        }
    }
}
