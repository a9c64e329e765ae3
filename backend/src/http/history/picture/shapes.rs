//! The shapes of a picture.

use std::fmt::Write as _;

/// How wide a letter is on average, by the size of its font.
pub(super) const LETTER: f64 = 0.56;

/// The corners of a line, as a path has them.
pub(super) fn line(places: impl Iterator<Item = (f64, f64)>) -> String {
    let mut line = String::new();
    for (x, y) in places {
        let between = if line.is_empty() { "" } else { "L" };
        let _ = write!(line, "{between}{x} {y}");
    }
    line
}

/// Writes a text.
pub(super) fn text(svg: &mut String, class: &str, (x, y): (f64, f64), anchor: &str, what: &str) {
    let (x, y) = (round(x), round(y));
    let what = escaped(what);
    let _ = writeln!(
        svg,
        "<text class=\"{class}\" x=\"{x}\" y=\"{y}\" text-anchor=\"{anchor}\">{what}</text>"
    );
}

/// Text as it may stand in XML, without what may not.
pub(super) fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\u{FFFE}' | '\u{FFFF}' => {}
            letter if letter.is_control() => {}
            letter => safe.push(letter),
        }
    }
    safe
}

/// A place to a tenth of a pixel.
pub(super) fn round(place: f64) -> f64 {
    (place * 10.0).round() / 10.0
}
