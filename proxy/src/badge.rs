//! The picture `/badge.svg`: a label, if there is one, and a message.

use askama::Template;
use live_users_http_kit::acts_on_text;
use unicode_width::UnicodeWidthChar;

/// The most characters of a label.
const LABEL_CHARS_MAX: usize = 40;

/// The same in bytes.
pub(crate) const LABEL_BYTES_MAX: usize = LABEL_CHARS_MAX * 4;

/// What a label has to be.
pub(crate) const LABEL_EXPECTED: &str =
    "at most 40 characters, none of them a control character, also of the direction of text";

/// Left and right of each text, in tenths of a pixel.
const MARGIN: usize = 60;

/// What the message stands on. White has a contrast of more than 4.5 to each of them, and they cover what
/// is behind: so it does not matter whether the page is light or dark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ground {
    Live,
    Unsure,
    Unknown,
}

#[derive(Template)]
#[template(path = "badge.svg", escape = "html")]
struct Badge<'a> {
    label: &'a str,
    message: &'a str,
    color: &'static str,
    /// In tenths of a pixel, of both parts with their margins. Without a label its part has none.
    label_width: usize,
    message_width: usize,
}

impl Ground {
    /// By whether the number is unsure, if it is known.
    pub(crate) fn of(is_unsure: Option<bool>) -> Self {
        match is_unsure {
            Some(false) => Self::Live,
            Some(true) => Self::Unsure,
            None => Self::Unknown,
        }
    }

    fn color(self) -> &'static str {
        match self {
            Self::Live => "#15803d",
            Self::Unsure => "#b45309",
            Self::Unknown => "#62626b",
        }
    }
}

impl Badge<'_> {
    fn name(&self) -> String {
        match self.label {
            "" => self.message.to_owned(),
            label => format!("{label}: {}", self.message),
        }
    }

    fn width(&self) -> usize {
        self.label_width + self.message_width
    }

    fn label_middle(&self) -> usize {
        self.label_width / 2
    }

    fn message_middle(&self) -> usize {
        self.label_width + self.message_width / 2
    }
}

/// The label, if this text can be one. XML has neither control characters nor the last two of the first
/// plane, also not escaped; and a control of the direction of text would show the number as another one.
pub(crate) fn label(text: &str) -> Option<String> {
    let is_shown = |c: char| !acts_on_text(c) && !matches!(c, '\u{fffe}' | '\u{ffff}');
    let fits = text.chars().count() <= LABEL_CHARS_MAX && text.chars().all(is_shown);
    fits.then(|| text.to_owned())
}

/// Draws it, as SVG.
pub(crate) fn draw(label: &str, message: &str, ground: Ground) -> String {
    let label_width = if label.is_empty() { 0 } else { width(label) + 2 * MARGIN };
    let message_width = width(message) + 2 * MARGIN;
    let badge = Badge { label, message, color: ground.color(), label_width, message_width };
    badge.render().expect("a string takes everything")
}

/// How wide a text is in Verdana of 11 px, in tenths of a pixel. The picture says the width with the text,
/// so a browser without that font fits its own into it.
fn width(text: &str) -> usize {
    text.chars().map(char_width).sum()
}

fn char_width(c: char) -> usize {
    match c {
        'i' | 'j' | 'l' | '\'' => 32,
        ' ' | '!' | '(' | ')' | ',' | '-' | '.' | '/' | ':' | ';' | 'I' | 'J' | '[' | '\\'
        | ']' | 'f' | 'r' | 't' | '|' => 45,
        'c' | 'k' | 's' | 'v' | 'x' | 'y' | 'z' | 'L' => 62,
        'M' | 'W' | 'm' | 'w' | '%' | '@' => 103,
        '0'..='9' | 'a'..='z' => 69,
        'A'..='Z' => 80,
        ' '..='~' => 80,
        // Of a column of a terminal, of which letters of many scripts take two, and accents none.
        c => c.width().unwrap_or_default() * 60,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_badge_has_the_texts_escaped_and_room_for_them() {
        let svg = draw("<script>&\"'", "3 users live", Ground::Live);
        assert!(svg.contains(">3 users live<") && svg.contains("#15803d"), "{svg}");
        assert!(!svg.contains("<script>") && !svg.contains("&\""), "{svg}");
        assert!(svg.contains("&#60;script&#62;&#38;&#34;&#39;"), "{svg}");
        let without = draw("", "3 users live", Ground::Live);
        assert_eq!((without.matches("<text").count(), svg.matches("<text").count()), (1, 2));
        for (wide, narrow) in [("mmm", "iii"), ("日本", "ab"), ("abc", "ab"), ("1", ""), ("é", "")]
        {
            assert!(width(wide) > width(narrow), "{wide} {narrow}");
        }
        assert_eq!(width("e\u{301}"), width("e"));
    }

    #[test]
    fn a_label_is_short_and_what_xml_can_hold() {
        for good in ["a", "Agenten für Köln", "日本", "<b>&", &"x".repeat(LABEL_CHARS_MAX)] {
            assert_eq!(label(good).as_deref(), Some(good));
        }
        for bad in [
            "a\nb",
            "\0",
            "\u{85}",
            "a\u{202e}b",
            "\u{2066}",
            "\u{fffe}",
            "\u{ffff}",
            &"x".repeat(41),
        ] {
            assert_eq!(label(bad), None, "{bad:?}");
        }
        assert!(LABEL_EXPECTED.contains(&format!("most {LABEL_CHARS_MAX} ")));
    }
}
