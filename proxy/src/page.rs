//! The page *Existing Agents*, rendered once: it changes only with the agents file.

use askama::Template;
use live_users_service::agents::{Agent, Agents};

/// Where it is.
pub(crate) const PATH: &str = "/admin/existing-agents";

#[derive(Template)]
#[template(path = "page.html")]
struct Page<'a> {
    cards: Vec<Card<'a>>,
}

struct Card<'a> {
    agent: &'a Agent,
    /// Each number as E.164 and as people read it.
    numbers: Vec<(&'a str, String)>,
}

/// The page as HTML.
///
/// # Errors
/// Should the template fail to render.
pub(crate) fn render(agents: &Agents) -> std::io::Result<String> {
    let cards = agents.iter().map(|agent| Card {
        agent,
        numbers: agent.numbers.iter().map(|e164| (e164.as_str(), readable(e164))).collect(),
    });
    Page { cards: cards.collect() }.render().map_err(std::io::Error::other)
}

/// An E.164 number in groups: `+1 415 555 0123`, `+44 207 946 0958`. Outside North America the
/// groups behind the country code are only for the eye, not a country's own habit.
fn readable(e164: &str) -> String {
    let digits = e164.trim_start_matches('+');
    let (country, mut rest) = digits.split_at(country_code_len(digits).min(digits.len()));
    let mut text = format!("+{country}");
    while !rest.is_empty() {
        let group = if rest.len() <= 4 { rest.len() } else { 3 };
        let (head, tail) = rest.split_at(group);
        text.push('\u{a0}');
        text.push_str(head);
        rest = tail;
    }
    text
}

/// How many digits the country code has: ITU-T E.164, list of assigned country codes. Zones 1 and
/// 7 have one digit; the codes below have two; all others have three.
fn country_code_len(digits: &str) -> usize {
    const TWO_DIGITS: [&str; 44] = [
        "20", "27", "30", "31", "32", "33", "34", "36", "39", "40", "41", "43", "44", "45", "46",
        "47", "48", "49", "51", "52", "53", "54", "55", "56", "57", "58", "60", "61", "62", "63",
        "64", "65", "66", "81", "82", "84", "86", "90", "91", "92", "93", "94", "95", "98",
    ];
    match digits {
        d if d.starts_with(['1', '7']) => 1,
        d if TWO_DIGITS.iter().any(|code| d.starts_with(code)) => 2,
        _ => 3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_behind_their_country_code() {
        for (e164, expected) in [
            ("+14155550123", "+1 415 555 0123"),
            ("+442079460958", "+44 207 946 0958"),
            ("+33142685300", "+33 142 685 300"),
            ("+35312345678", "+353 123 456 78"),
            ("+79161234567", "+7 916 123 4567"),
            ("+9821123456", "+98 211 234 56"),
            ("+12345678", "+1 234 5678"),
        ] {
            assert_eq!(readable(e164).replace('\u{a0}', " "), expected);
        }
    }

    #[test]
    fn without_agents_the_page_says_how_to_add_one() {
        let html = render(&Agents::default()).unwrap();
        assert!(html.contains("agents.toml") && html.contains("[[agent]]"), "{html}");
    }
}
