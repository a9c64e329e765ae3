//! The shapes of a picture.

use std::fmt::Write as _;

/// How wide a letter is on average, by the size of its font.
const LETTER: f64 = 0.56;

/// The size of what has no size of its own in the style sheet.
pub(super) const TEXT: f64 = 12.0;

/// The corners of a line, as a path has them.
pub(super) fn line(places: impl Iterator<Item = (f64, f64)>) -> String {
    let mut line = String::new();
    for (x, y) in places {
        let between = if line.is_empty() { "" } else { "L" };
        let _ = write!(line, "{between}{x} {y}");
    }
    line
}

/// How wide a text is, about, in letters of this size.
pub(super) fn text_width(text: &str, size: f64) -> f64 {
    text.chars().count() as f64 * size * LETTER
}

/// As much of a text as there is room for.
pub(super) fn shortened(text: &str, room: f64, size: f64) -> String {
    let fits = |letters: usize| letters as f64 * size * LETTER <= room;
    if fits(text.chars().count()) {
        return text.to_owned();
    }
    let letters = (1..).zip(text.chars()).take_while(|(place, _)| fits(place + 1));
    letters.map(|(_, letter)| letter).chain(['…']).collect()
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
