//! Characters that do something else than to be seen.

/// Whether a character acts on the text around it: control characters, the separators of lines, and the
/// controls of the bidirectional algorithm (Unicode `Bidi_Control`), which show one text as another.
pub fn acts_on_text(c: char) -> bool {
    let turns = matches!(c, '\u{61c}' | '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}')
        || matches!(c, '\u{2066}'..='\u{2069}');
    c.is_control() || turns || matches!(c, '\u{2028}' | '\u{2029}')
}
