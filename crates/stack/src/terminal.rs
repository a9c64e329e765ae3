//! Text of others on a terminal.

use live_users_http_kit::acts_on_text;

/// The text on one line, as it is: what would move the cursor, change colours or turn the direction of the
/// text around it is seen as U+FFFD.
pub(crate) fn shown(text: &str) -> String {
    text.chars().map(|it| if acts_on_text(it) { char::REPLACEMENT_CHARACTER } else { it }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_others_moves_and_turns_nothing() {
        for (text, seen) in [
            (
                "Wand über \u{65e5}\u{672c} \u{5e9}\u{5dc}",
                "Wand über \u{65e5}\u{672c} \u{5e9}\u{5dc}",
            ),
            ("\u{1b}[2Ja\r\nb\t\u{9b}1m", "\u{fffd}[2Ja\u{fffd}\u{fffd}b\u{fffd}\u{fffd}1m"),
            (
                "a\u{202e}b\u{2066}c\u{2069}\u{200f}\u{61c}",
                "a\u{fffd}b\u{fffd}c\u{fffd}\u{fffd}\u{fffd}",
            ),
            ("a\u{2028}b\u{2029}\u{85}", "a\u{fffd}b\u{fffd}\u{fffd}"),
        ] {
            assert_eq!(shown(text), seen);
        }
    }
}
