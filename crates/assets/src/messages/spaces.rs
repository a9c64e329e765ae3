//! Spaces at which a line must not break: between a number and its unit, and where French has one before a mark.

/// They stand apart from their number, and on one line with it.
const UNITS: [&str; 7] = ["s", "min", "h", "d", "j", "T", "%"];
const FRENCH: &str = "fr";
/// Where `%` stands at its number, without a space.
const PERCENT_WITHOUT_SPACE: [&str; 3] = ["en", "pt", "ja"];

/// Says what is wrong with the spaces of a text.
pub(super) fn check(tag: &str, text: &str) -> Result<(), String> {
    for (at, _) in text.match_indices(' ') {
        let (before, after) = (&text[..at], &text[at + 1..]);
        if has_number_at_end(before) && UNITS.iter().any(|unit| begins_with_word(after, unit)) {
            return Err(format!("a no-break space is expected before “{}”", first_word(after)));
        }
        if tag == FRENCH && (after.starts_with([':', ';', '?', '!', '»']) || before.ends_with('«'))
        {
            return Err(format!("a no-break space is expected between “{before}” and “{after}”"));
        }
    }
    let is_apart = !PERCENT_WITHOUT_SPACE.contains(&tag);
    for (at, _) in text.match_indices('%') {
        let before = &text[..at];
        if has_number_at_end(before.trim_end()) && before.ends_with('\u{a0}') != is_apart {
            let expected = if is_apart { "a no-break space" } else { "no space" };
            return Err(format!("{expected} is expected before “%”"));
        }
    }
    Ok(())
}

fn has_number_at_end(text: &str) -> bool {
    text.ends_with("{n}") || text.ends_with(|it: char| it.is_ascii_digit())
}

fn begins_with_word(text: &str, word: &str) -> bool {
    // `{n} d’appels` is no number of days.
    let is_end = |it: char| !it.is_alphanumeric() && it != '’';
    text.strip_prefix(word).is_some_and(|rest| rest.chars().next().is_none_or(is_end))
}

fn first_word(text: &str) -> &str {
    text.split(' ').next().unwrap_or(text)
}
