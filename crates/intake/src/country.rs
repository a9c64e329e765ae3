//! The country of a caller's number, for when the provider does not send it.

#[cfg(test)]
mod generator;
#[cfg(test)]
mod tests;

use live_users_core::Country;
use std::ops::RangeInclusive;
use std::sync::LazyLock;

/// Digits of a number in E.164 (ITU-T E.164, section 6); no country has shorter ones.
const DIGITS: RangeInclusive<usize> = 7..=15;

/// The longest prefix in the file.
const PREFIX_DIGITS_MAX: usize = 8;

/// The head of the file says what a line means and where it comes from.
const PREFIXES: &str = include_str!("country/prefixes.txt");

static RULES: LazyLock<Vec<Rule>> = LazyLock::new(|| {
    let mut code = Rule { prefix: "", country: None, digits: DIGITS };
    let lines = PREFIXES.lines().filter(|line| !line.starts_with('#'));
    let rules = lines.map(|line| {
        let rule = Rule::parse(line, &code).expect("a test generates the file and compares it");
        if code.prefix.is_empty() || !rule.prefix.starts_with(code.prefix) {
            code = rule.clone();
        }
        rule
    });
    rules.collect()
});

/// What is known of all numbers that begin with the same digits.
#[derive(Clone)]
struct Rule {
    prefix: &'static str,
    country: Option<Country>,
    /// How many digits these numbers have.
    digits: RangeInclusive<usize>,
}

impl Rule {
    /// Reads a line of the file, which may be below the calling code that was read last.
    fn parse(line: &'static str, code: &Self) -> Option<Self> {
        let mut words = line.split(' ');
        let (prefix, country) = (words.next()?, words.next()?);
        let country = if country == "-" { None } else { Some(Country::parse(country)?) };
        let digits = match words.next() {
            Some(bounds) => {
                let (min, max) = bounds.split_once('-')?;
                min.parse().ok()?..=max.parse().ok()?
            }
            None if prefix.starts_with(code.prefix) => code.digits.clone(),
            None => DIGITS,
        };
        words.next().is_none().then_some(Self { prefix, country, digits })
    }

    fn fits(&self, digits: &str) -> bool {
        digits.starts_with(self.prefix) && self.digits.contains(&digits.len())
    }
}

/// The country that a number in E.164 belongs to, also one behind `whatsapp:`. `None` for anything
/// else, for a number in a range that no country has, and for numbers of no country, such as +800.
///
/// Twenty-five countries share +1, and others share +7, +44 and +39: that takes the ranges of each.
/// The longest prefix in the table decides.
///
/// Every number that can be in use gets the answer of Google's libphonenumber. A number that nobody
/// can have may get another one, and that is decided here:
/// - In a range with numbers of one country, the unused ones are that country's too. The library
///   checks all digits and then knows no country.
/// - A number with too few or too many digits for a shared calling code has no country. The library
///   recognizes some of them by their area code.
pub(crate) fn of_number(address: &str) -> Option<Country> {
    let number = address.strip_prefix("whatsapp:").unwrap_or(address);
    let digits = number.strip_prefix('+')?;
    if !DIGITS.contains(&digits.len()) || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    country_of(digits).or_else(|| country_of(&without_trunk_prefix(digits)?))
}

/// The country of the digits of a number: that of the longest prefix which fits them. The file is sorted.
fn country_of(digits: &str) -> Option<Country> {
    let of_prefix = |length| {
        let prefix = digits.get(..length)?;
        let end = RULES.partition_point(|rule| rule.prefix <= prefix);
        // One prefix may have several rules, which differ in the number of digits.
        let mut same = RULES[..end].iter().rev().take_while(|rule| rule.prefix == prefix);
        same.find(|rule| rule.fits(digits))
    };
    (1..=PREFIX_DIGITS_MAX).rev().find_map(of_prefix)?.country
}

/// The trunk prefix of each shared calling code that has one: what people there dial before the area
/// code. A calling code of one country needs none, because all of its numbers are that country's. For +7
/// a number with the 8 is Russian by its length, so it is not here.
const TRUNK_PREFIXES: [(&str, &str); 7] =
    [("1", "1"), ("44", "0"), ("61", "0"), ("212", "0"), ("262", "0"), ("358", "0"), ("590", "0")];

/// The digits without a trunk prefix, as of `+44 020 ...`. E.164 has none, but some callers' systems
/// send one.
fn without_trunk_prefix(digits: &str) -> Option<String> {
    TRUNK_PREFIXES.iter().find_map(|(code, trunk)| {
        let national = digits.strip_prefix(code)?.strip_prefix(trunk)?;
        Some(format!("{code}{national}"))
    })
}
