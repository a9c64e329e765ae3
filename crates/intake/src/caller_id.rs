//! One end of a call in one spelling: a phone number, an address, or nobody that is known.
//!
//! The same number arrives in many forms: in E.164, without its plus, with the prefix `00`, and in
//! the addresses of SIP (RFC 3261, section 19.1) and `tel:` (RFC 3966). All of them are one number.

mod sip;

use std::borrow::Cow;

use sip::SipAddress;

/// Words for a withheld or unusable caller id, as they also stand in SIP and client addresses.
const WITHHELD_WORDS: &[&str] = &[
    "anonymous",
    "blocked",
    "caller id blocked",
    "caller id unavailable",
    "caller unknown",
    "hidden",
    "id blocked",
    "no caller id",
    "no number",
    "not available",
    "number blocked",
    "number unavailable",
    "number withheld",
    "out of area",
    "private",
    "private caller",
    "private number",
    "restricted",
    "unavailable",
    "unknown",
    "unknown caller",
    "unknown number",
    "withheld",
];

/// The words that carriers spell on a keypad in place of a withheld number: ANONYMOUS, RESTRICTED,
/// BLOCKED, UNKNOWN, UNAVAILABLE and PRIVATE. Of +266 Twilio reports Lesotho, of +737 nothing.
const WITHHELD_SPELLINGS: &[&str] =
    &["266696687", RESTRICTED, "2562533", "8656696", "86282452253", "7748283"];

/// RESTRICTED. With the 1 of North America before it, it is also a number that somebody in Texas
/// can have.
const RESTRICTED: &str = "7378742833";

/// Another code for a withheld number.
const WITHHELD_CODE: &str = "464";

/// A caller id of only digits is a whole number from this many on; a shorter one is an extension.
const NUMBER_DIGITS_MIN: usize = 10;

/// Digits of a number in E.164 (ITU-T E.164, section 6), at most.
const NUMBER_DIGITS_MAX: usize = 15;

/// One end of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum CallerId<'a> {
    /// Withheld, or nothing that could be called back.
    Nobody,
    /// A phone number.
    Number {
        /// `+` and its digits.
        text: Cow<'a, str>,
        /// Whether it begins with the code of its country for sure.
        is_international: bool,
        /// Whether it may stand for a withheld one.
        is_doubtful: bool,
    },
    /// An address, or a number that is no whole one, such as an extension.
    Address(String),
}

impl<'a> CallerId<'a> {
    /// Reads a caller id.
    pub(crate) fn parse(caller_id: &'a str) -> Self {
        of_e164(caller_id).unwrap_or_else(|| Self::of_any(caller_id))
    }

    /// The same of one in any spelling.
    fn of_any(caller_id: &str) -> CallerId<'static> {
        let text = caller_id.trim().to_lowercase();
        if is_withheld_word(&text) {
            return CallerId::Nobody;
        }
        match text.split_once(':') {
            _ if text.contains('<') => of_sip(&text),
            Some(("sip" | "sips", _)) => of_sip(&text),
            Some(("tel" | "whatsapp", number)) => of_plain(before_parameters(number)),
            Some((scheme, rest)) => of_scheme(&text, scheme, rest),
            None if text.contains('@') => of_sip(&text),
            None => of_plain(before_parameters(&text)),
        }
    }

    /// The number, if it is one, whoever it stands for.
    pub(crate) fn number(&self) -> Option<&str> {
        match self {
            Self::Number { text, .. } => Some(text),
            Self::Nobody | Self::Address(_) => None,
        }
    }

    /// The number, if its country can be told from its digits.
    pub(crate) fn international_number(&self) -> Option<&str> {
        match self {
            Self::Number { text, is_international: true, .. } => Some(text),
            Self::Number { .. } | Self::Nobody | Self::Address(_) => None,
        }
    }

    /// The text that makes this caller_id the same as another, if it is known who it is. A doubtful
    /// number is somebody's when the provider tells where that person is.
    pub(crate) fn identity(&self, has_place: bool) -> Option<&str> {
        match self {
            Self::Nobody => None,
            Self::Number { is_doubtful: true, .. } if !has_place => None,
            Self::Number { text, .. } => Some(text),
            Self::Address(text) => Some(text),
        }
    }
}

/// The host of a SIP address.
pub(crate) fn sip_host(address: &str) -> Option<String> {
    if !address.contains([':', '@']) {
        return None;
    }
    let text = address.trim().to_lowercase();
    let is_sip = text.contains("sip:") || text.contains("sips:") || text.contains('@');
    is_sip.then(|| SipAddress::parse(&text).host).filter(|host| !host.is_empty())
}

/// A number that is spelt as it is kept: nearly each one, and it takes no allocation. `None` of any other
/// caller id.
fn of_e164(text: &str) -> Option<CallerId<'_>> {
    let digits = text.strip_prefix('+').filter(|digits| !digits.starts_with('0'))?;
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    (is_number && !is_withheld_spelling(digits)).then(|| CallerId::Number {
        text: Cow::Borrowed(text),
        is_international: true,
        is_doubtful: is_doubtful(digits),
    })
}

/// An address of SIP, with or without a scheme, brackets and a name to display.
fn of_sip(text: &str) -> CallerId<'static> {
    if let Some((display, inner)) = text.split_once('<') {
        let inner = inner.split_once('>').map_or(inner, |(inner, _)| inner);
        let display = display.trim().trim_matches('"').trim();
        let inner = inner.trim();
        // `<tel:...>` and `<client:...>`; a second bracket is left to the parser of SIP.
        let is_other = inner.split_once(':').is_some_and(|(scheme, _)| {
            scheme != "sip" && scheme != "sips" && !scheme.contains(['@', '.', '<'])
        });
        return match (is_withheld_word(display), is_other) {
            (true, _) => CallerId::Nobody,
            (false, true) if !inner.contains('<') => CallerId::of_any(inner),
            (false, _) => of_sip_address(&SipAddress::parse(inner)),
        };
    }
    of_sip_address(&SipAddress::parse(text))
}

fn of_sip_address(address: &SipAddress) -> CallerId<'static> {
    let SipAddress { user, host, is_phone } = address;
    if user.is_empty() && host.starts_with('+') {
        return of_plain(host);
    }
    let word = user.trim_start_matches('+');
    let is_invalid = host == "invalid" || host.ends_with(".invalid");
    if word.is_empty() || host.is_empty() || is_invalid || is_withheld_word(word) {
        return CallerId::Nobody;
    }
    let Some(digits) = Digits::of(user) else {
        return CallerId::Address(format!("sip:{user}@{host}"));
    };
    let is_whole = digits.is_international
        || *is_phone
        || (NUMBER_DIGITS_MIN..=NUMBER_DIGITS_MAX).contains(&digits.text.len());
    match digits.caller_id() {
        CallerId::Nobody => CallerId::Nobody,
        caller_id if is_whole => caller_id,
        _ => CallerId::Address(format!("sip:{}@{host}", digits.text)),
    }
}

/// `client:` and schemes that nobody has heard of: opaque text.
fn of_scheme(text: &str, scheme: &str, rest: &str) -> CallerId<'static> {
    let user = rest.split('@').next().unwrap_or_default();
    let word = user.trim_start_matches('+');
    let is_withheld = is_withheld_word(word) || WITHHELD_SPELLINGS.contains(&word);
    match scheme.is_empty() || word.is_empty() || is_withheld {
        true => CallerId::Nobody,
        false => CallerId::Address(text.to_owned()),
    }
}

/// A number without a scheme. Free text is no address.
fn of_plain(text: &str) -> CallerId<'static> {
    let decoded = sip::unescaped(text);
    let is_word = is_withheld_word(decoded.trim_start_matches('+'));
    match Digits::of(&decoded) {
        Some(digits) if !is_word => digits.caller_id(),
        Some(_) | None => CallerId::Nobody,
    }
}

fn before_parameters(text: &str) -> &str {
    text.split([';', '?', '@']).next().unwrap_or_default().trim()
}

/// Quotes, spaces, underscores and hyphens say nothing else. It allocates nothing: each webhook asks
/// several times, and nearly always about a number.
fn is_withheld_word(text: &str) -> bool {
    let text = text.trim_matches(['"', '\'', ' ', '(', ')']);
    if text.starts_with(|c: char| c == '+' || c.is_ascii_digit()) {
        return false;
    }
    fn spelt(text: &str) -> impl Iterator<Item = char> {
        text.chars().filter(|c| !matches!(c, ' ' | '_' | '-'))
    }
    WITHHELD_WORDS.iter().any(|word| spelt(word).eq(spelt(text)))
}

/// A number as its digits.
struct Digits {
    /// Without the plus or `00` in front.
    text: String,
    is_international: bool,
}

impl Digits {
    /// The digits of a text that has nothing else but what people put between them.
    fn of(text: &str) -> Option<Self> {
        let is_between = |c: &char| matches!(c, ' ' | '-' | '.' | '(' | ')' | '/' | '\u{a0}');
        let mut plain = String::with_capacity(text.len());
        plain.extend(text.chars().filter(|c| !is_between(c)));
        let (digits, has_plus) = match plain.strip_prefix('+') {
            Some(digits) => (digits, true),
            None => (plain.as_str(), false),
        };
        if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        // Behind 00 there is a whole number, or a word on a keypad.
        let after = digits.strip_prefix("00").filter(|rest| {
            rest.starts_with(|c| c != '0') && (rest.len() >= 8 || is_withheld_spelling(rest))
        });
        let is_international = has_plus || after.is_some();
        Some(Self { text: after.unwrap_or(digits).to_owned(), is_international })
    }

    fn caller_id(&self) -> CallerId<'static> {
        let digits = self.text.as_str();
        if digits.bytes().all(|byte| byte == b'0') || is_withheld_spelling(digits) {
            return CallerId::Nobody;
        }
        let is_whole = self.is_international
            || (NUMBER_DIGITS_MIN..=NUMBER_DIGITS_MAX).contains(&digits.len());
        if !is_whole {
            return CallerId::Address(digits.to_owned());
        }
        CallerId::Number {
            text: format!("+{digits}").into(),
            is_international: self.is_international || is_north_american(digits),
            is_doubtful: is_doubtful(digits),
        }
    }
}

/// Whether digits are a number that somebody can have, and stand for a withheld one as well.
fn is_doubtful(digits: &str) -> bool {
    digits.strip_prefix('1') == Some(RESTRICTED)
}

/// Whether these are the 11 digits of a number in North America. Carriers there leave out the plus.
fn is_north_american(digits: &str) -> bool {
    digits.len() == 11 && digits.starts_with('1')
}

/// Whether digits stand for a withheld number, whatever else is told.
fn is_withheld_spelling(digits: &str) -> bool {
    let is_spelling = |digits: &str| WITHHELD_SPELLINGS.contains(&digits);
    let north_american = digits.strip_prefix('1').filter(|rest| *rest != RESTRICTED);
    digits == WITHHELD_CODE || is_spelling(digits) || north_american.is_some_and(is_spelling)
}

#[cfg(test)]
mod tests;
