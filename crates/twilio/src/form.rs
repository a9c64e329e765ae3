//! An `application/x-www-form-urlencoded` body, kept as the bytes that its signature covers.

use std::fmt;

use memchr::{memchr, memchr_iter, memchr2, memchr3};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};

use crate::field::{FieldError, FieldProblem};

/// The most fields that a form may have. A voice webhook has about 30, plus what the caller's
/// SIP headers and an SDK's own parameters add.
pub const FIELDS_MAX: usize = 500;

/// The longest value that [`Form::text`] gives, in bytes after decoding.
pub const TEXT_BYTES_MAX: usize = 4096;

/// What stays as it is when encoding: the unreserved characters of RFC 3986. Space becomes `%20`
/// and not `+`, as in the requests that Twilio sends.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The fields of a form in the order in which they came, decoded, with nothing dropped: blank,
/// repeated and unknown fields are part of the signed text too.
///
/// Names and values are bytes, because the signature covers bytes that need not be UTF-8.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Form {
    /// The names and values, decoded: each value behind its name, each field behind the one before.
    text: Vec<u8>,
    fields: Vec<Field>,
    /// The fields sorted by name and then by value. The signature needs them so, and a field is found
    /// by its name without a look at all others.
    sorted: Vec<Sorted>,
    /// Where to look for a name: most of those that are looked for are not there.
    names: Names,
}

/// Where names are among the sorted fields, by eight bits of a hash of what they begin with: the place of
/// the first one, counted from 1. 0 is none.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Names([u8; 256]);

/// Names share the bits, or the place is too far behind: the fields have to be searched.
const ANYWHERE: u8 = u8::MAX;

impl Default for Names {
    fn default() -> Self {
        Self([0; 256])
    }
}

impl Names {
    /// Of these sorted fields.
    fn of(sorted: &[Sorted]) -> Self {
        let (mut names, mut before) = (Self::default(), None);
        for (field, place) in sorted.iter().zip(1_usize..) {
            if before.replace(field.prefix) == Some(field.prefix) {
                continue;
            }
            let of_bits = &mut names.0[Self::bits(field.prefix)];
            *of_bits = match (*of_bits, u8::try_from(place)) {
                (0, Ok(place)) => place,
                _ => ANYWHERE,
            };
        }
        names
    }

    /// Where the first field may be whose name begins so. If none is there, there is none.
    fn first(&self, prefix: u64, sorted: &[Sorted]) -> usize {
        match self.0[Self::bits(prefix)] {
            0 => sorted.len(),
            ANYWHERE => sorted.partition_point(|it| it.prefix < prefix),
            place => usize::from(place) - 1,
        }
    }

    fn bits(prefix: u64) -> usize {
        // The golden ratio in 64 bits, as Fibonacci hashing has it.
        let [bits, ..] = prefix.wrapping_mul(0x9E37_79B9_7F4A_7C15).to_be_bytes();
        usize::from(bits)
    }
}

/// Where a field stands in the text of its form.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Field {
    start: usize,
    /// Where the name ends and the value begins.
    value: usize,
    end: usize,
}

/// A field among the sorted ones.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Sorted {
    /// What its name begins with. It decides nearly each comparison.
    prefix: u64,
    /// Its place in `fields`.
    place: u16,
}

const _: () = assert!(FIELDS_MAX <= u16::MAX as usize);

impl Form {
    /// Decodes a body. `+` is a space, and a `%` that starts no valid escape stands for itself
    /// (WHATWG URL standard, section 5.1), so that no body is refused for its encoding.
    ///
    /// # Errors
    /// When there are more than [`FIELDS_MAX`] fields. The caller bounds the bytes of the body.
    pub fn parse(body: &[u8]) -> Result<Self, FormError> {
        if body.is_empty() {
            return Ok(Self::default());
        }
        let n_fields = body.iter().filter(|&&byte| byte == b'&').count() + 1;
        let mut form = Self {
            text: Vec::with_capacity(body.len()),
            fields: Vec::with_capacity(n_fields.min(FIELDS_MAX)),
            ..Self::default()
        };
        let mut begin = 0;
        for end in memchr_iter(b'&', body).chain([body.len()]) {
            let field = &body[begin..end];
            begin = end + 1;
            if field.is_empty() {
                continue;
            }
            if form.fields.len() == FIELDS_MAX {
                return Err(FormError::TooManyFields);
            }
            form.parse_field(field);
        }
        form.sort();
        Ok(form)
    }

    fn parse_field(&mut self, field: &[u8]) {
        let start = self.text.len();
        // Hardly a name has anything to decode in it.
        let (name, value) = match memchr3(b'=', b'%', b'+', field) {
            Some(at) if field[at] == b'=' => {
                self.text.extend_from_slice(&field[..at]);
                (&[][..], &field[at + 1..])
            }
            _ => match memchr(b'=', field) {
                Some(at) => (&field[..at], &field[at + 1..]),
                None => (field, &[][..]),
            },
        };
        decode(name, &mut self.text);
        let value_start = self.text.len();
        decode(value, &mut self.text);
        self.fields.push(Field { start, value: value_start, end: self.text.len() });
    }

    /// A form of these names and values, for whoever sends one.
    pub fn from_pairs<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut form = Self::default();
        for (name, value) in pairs {
            form.append(name.as_bytes(), value.as_bytes());
        }
        form.sort();
        form
    }

    /// The same with at most [`FIELDS_MAX`] fields.
    pub(crate) fn of_fields<'a>(
        fields: impl Iterator<Item = (&'a str, &'a str)> + Clone,
    ) -> Result<Self, FormError> {
        let is_one = fields.clone().nth(FIELDS_MAX).is_none();
        is_one.then(|| Self::from_pairs(fields)).ok_or(FormError::TooManyFields)
    }

    /// The body that [`Form::parse`] reads back as this form.
    pub fn encode(&self) -> String {
        let mut body = String::new();
        for (name, value) in self.fields() {
            if !body.is_empty() {
                body.push('&');
            }
            body.extend(percent_encode(name, ESCAPED));
            body.push('=');
            body.extend(percent_encode(value, ESCAPED));
        }
        body
    }

    /// The text of a field without the white space around it; `None` when the field is absent or
    /// blank, which mean the same to Twilio.
    ///
    /// # Errors
    /// When the value is not UTF-8, longer than [`TEXT_BYTES_MAX`], or one of several different
    /// ones: nobody can say which of them is meant.
    pub fn text(&self, name: &str) -> Result<Option<&str>, FieldError> {
        self.text_within(name, TEXT_BYTES_MAX)
    }

    /// As [`Form::text`], with a limit of its own in bytes.
    ///
    /// # Errors
    /// When the value is not UTF-8, longer than `bytes_max`, or one of several different ones.
    pub fn text_within(&self, name: &str, bytes_max: usize) -> Result<Option<&str>, FieldError> {
        let mut values = self.values(name);
        let Some(value) = values.next() else { return Ok(None) };
        let wrong = |problem| FieldError {
            field: name.to_owned(),
            problem,
            expected: format!("at most {bytes_max} bytes of UTF-8 text"),
        };
        if values.any(|other| other != value) {
            return Err(wrong(FieldProblem::Contradictory));
        }
        if value.is_empty() {
            return Ok(None);
        }
        if value.len() > bytes_max {
            return Err(wrong(FieldProblem::TooLong));
        }
        std::str::from_utf8(value).map(Some).map_err(|_| wrong(FieldProblem::NotUtf8))
    }

    /// Whether a field has a value that is not blank, usable or not.
    pub fn has(&self, name: &str) -> bool {
        self.values(name).any(|value| !value.is_empty())
    }

    /// Adds a field at the end.
    pub(crate) fn push(&mut self, name: &str, value: &str) -> Result<(), FormError> {
        if self.fields.len() == FIELDS_MAX {
            return Err(FormError::TooManyFields);
        }
        self.append(name.as_bytes(), value.as_bytes());
        self.sort();
        Ok(())
    }

    /// Adds a field at the end without sorting it in.
    fn append(&mut self, name: &[u8], value: &[u8]) {
        let start = self.text.len();
        self.text.extend_from_slice(name);
        self.text.extend_from_slice(value);
        self.fields.push(Field { start, value: start + name.len(), end: self.text.len() });
    }

    fn sort(&mut self) {
        let mut sorted = std::mem::take(&mut self.sorted);
        sorted.clear();
        sorted.extend(self.fields().zip(0..).map(|((name, _), place)| {
            let prefix = prefix(name);
            Sorted { prefix, place }
        }));
        // Pairs compare by name first, so `Reason` comes before `ReasonConferenceEnded` whatever
        // the values: sorting the joined text would be wrong.
        sorted.sort_unstable_by(|a, b| {
            let by_text = || self.at(*a).cmp(&self.at(*b)).then(a.place.cmp(&b.place));
            a.prefix.cmp(&b.prefix).then_with(by_text)
        });
        self.names = Names::of(&sorted);
        self.sorted = sorted;
    }

    /// The values of a field, without the white space around them.
    fn values(&self, name: &str) -> impl Iterator<Item = &[u8]> {
        let (name, prefix) = (name.as_bytes(), prefix(name.as_bytes()));
        let start = self.names.first(prefix, &self.sorted);
        let alike = self.sorted[start..].iter().take_while(move |it| it.prefix == prefix);
        let named = alike.map(|it| self.at(*it)).filter(move |(n, _)| *n == name);
        named.map(|(_, value)| value.trim_ascii())
    }

    /// Every name and value, decoded, in the order in which they came.
    pub fn fields(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.fields.iter().map(|field| self.pair(*field))
    }

    /// Every name and value, decoded, by name and then by value, in byte order. Repeated ones come
    /// repeatedly.
    pub fn sorted_fields(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.sorted.iter().map(|it| self.at(*it))
    }

    fn at(&self, Sorted { place, .. }: Sorted) -> (&[u8], &[u8]) {
        self.pair(self.fields[usize::from(place)])
    }

    fn pair(&self, Field { start, value, end }: Field) -> (&[u8], &[u8]) {
        (&self.text[start..value], &self.text[value..end])
    }
}

/// The names of the fields only: the values are private.
impl fmt::Debug for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Form")?;
        f.debug_list()
            .entries(self.fields().map(|(name, _)| String::from_utf8_lossy(name)))
            .finish()
    }
}

/// Why a body is no form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FormError {
    /// More than [`FIELDS_MAX`] fields.
    #[error("the form has too many fields; expected at most {FIELDS_MAX}")]
    TooManyFields,
}

/// The first eight bytes of a name as a number that compares as they do.
pub(crate) fn prefix(name: &[u8]) -> u64 {
    if let Some(bytes) = name.first_chunk() {
        return u64::from_be_bytes(*bytes);
    }
    let mut bytes = [0; 8];
    bytes[..name.len()].copy_from_slice(name);
    u64::from_be_bytes(bytes)
}

/// Adds a text to `decoded`, with its plus signs as spaces and its escapes resolved.
fn decode(mut text: &[u8], decoded: &mut Vec<u8>) {
    if text.is_empty() {
        return;
    }
    while let Some(at) = memchr2(b'%', b'+', text) {
        decoded.extend_from_slice(&text[..at]);
        let (byte, n_read) = match &text[at..] {
            [b'%', high, low, ..] => match (hex_digit(*high), hex_digit(*low)) {
                (Some(high), Some(low)) => (high << 4 | low, 3),
                _ => (b'%', 1),
            },
            [b'+', ..] => (b' ', 1),
            _ => (b'%', 1),
        };
        decoded.push(byte);
        text = &text[at + n_read..];
    }
    decoded.extend_from_slice(text);
}

fn hex_digit(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
