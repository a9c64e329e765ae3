//! The name of a call, as its provider gave it.

use alloc::boxed::Box;
use core::fmt::{self, Display};

/// A call's identity: Twilio's CallSid, or whatever a compatible provider puts in its place
/// (UUIDs, `v3:...`). Opaque text, parsed once.
///
/// ```
/// use live_users_core::{CallId, CallIdError};
///
/// // 34 bytes of text, kept in 16 bytes.
/// let twilio = CallId::parse("CAfa4e0000000000000000000000000001")?;
/// assert_eq!(twilio.to_string(), "CAfa4e0000000000000000000000000001");
///
/// // Any other text of up to 128 visible ASCII characters, quotes and backslashes among them.
/// assert!(CallId::parse("v3:9X2vxPDFY2RH").is_ok());
/// assert!(CallId::parse(r#"a"b\c"#).is_ok());
/// assert_eq!(CallId::parse("two words"), Err(CallIdError));
/// assert_eq!(CallId::parse(&"x".repeat(CallId::BYTES_MAX + 1)), Err(CallIdError));
/// # Ok::<(), CallIdError>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallId(Repr);

/// Twilio's ids are `CA` and 32 hexadecimal digits: kept in 16 bytes without an allocation. Only
/// the lower-case form is, or the text could not be given back as it came.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Repr {
    Sid([u8; 16]),
    Text(Box<str>),
}

/// Why a text cannot name a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallIdError;

impl Display for CallIdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected 1 to {} visible ASCII characters", CallId::BYTES_MAX)
    }
}

impl core::error::Error for CallIdError {}

impl CallId {
    /// The longest id that is accepted, in bytes. The longest seen at any provider has 51.
    pub const BYTES_MAX: usize = 128;

    /// Reads the name of a call.
    ///
    /// # Errors
    /// If the text is empty, longer than [`CallId::BYTES_MAX`], or has anything but visible ASCII
    /// characters in it.
    pub fn parse(text: &str) -> Result<Self, CallIdError> {
        let visible = text.bytes().all(|byte| byte.is_ascii_graphic());
        if !visible || !(1..=Self::BYTES_MAX).contains(&text.len()) {
            return Err(CallIdError);
        }
        Ok(Self(match sid(text.as_bytes()) {
            Some(bytes) => Repr::Sid(bytes),
            None => Repr::Text(text.into()),
        }))
    }
}

fn sid(text: &[u8]) -> Option<[u8; 16]> {
    let digits = text.strip_prefix(b"CA").filter(|digits| digits.len() == 32)?;
    let mut bytes = [0; 16];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = nibble(pair[0])? << 4 | nibble(pair[1])?;
    }
    Some(bytes)
}

fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

impl CallId {
    pub(crate) fn repr(&self) -> &Repr {
        &self.0
    }

    /// Whether it is one of Twilio's own ids: `CA` and 32 digits.
    pub fn is_sid(&self) -> bool {
        matches!(self.0, Repr::Sid(_))
    }

    /// The digits of one of Twilio's own ids, two in each byte.
    pub fn sid_bytes(&self) -> Option<&[u8; 16]> {
        match &self.0 {
            Repr::Sid(bytes) => Some(bytes),
            Repr::Text(_) => None,
        }
    }

    /// The id that gave these by [`CallId::sid_bytes`].
    pub fn of_sid_bytes(bytes: [u8; 16]) -> Self {
        Self(Repr::Sid(bytes))
    }
}

impl Display for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Repr::Text(text) => f.write_str(text),
            Repr::Sid(bytes) => {
                const DIGITS: &[u8; 16] = b"0123456789abcdef";
                let mut text = *b"CA................................";
                for (pair, byte) in text[2..].chunks_exact_mut(2).zip(bytes) {
                    pair[0] = DIGITS[usize::from(byte >> 4)];
                    pair[1] = DIGITS[usize::from(byte & 15)];
                }
                f.write_str(core::str::from_utf8(&text).map_err(|_| fmt::Error)?)
            }
        }
    }
}

impl fmt::Debug for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::string::ToString;

    #[test]
    fn a_twilio_sid_takes_no_allocation_and_comes_back_as_it_was() {
        let text = "CAfa4e0000000000000000000000000001";
        let id = CallId::parse(text).unwrap();
        assert!(matches!(id.0, Repr::Sid(_)));
        assert_eq!(id.to_string(), text);
    }

    #[test]
    fn ids_that_are_not_twilios_are_accepted_and_the_impossible_is_not() {
        for good in ["v3:9X2vxPDFY2RHSJ1EdMS0RHRksMTg7ldNxdjWbVr9zBjbGjGsSe-aiQ", "a", "CA", "CAFF"]
        {
            assert_eq!(CallId::parse(good).unwrap().to_string(), good);
        }
        for bad in ["", " ", "a b", "caf\u{e9}", "a\n", &"x".repeat(129)] {
            assert_eq!(CallId::parse(bad), Err(CallIdError), "{bad:?}");
        }
    }

    const IDS: &str = "CA[0-9a-fA-F]{32}|[!-~]{1,128}";

    proptest! {
        #[test]
        fn an_id_is_its_text(a in IDS, b in IDS) {
            let (x, y) = (CallId::parse(&a).unwrap(), CallId::parse(&b).unwrap());
            prop_assert_eq!(x.to_string(), a.clone());
            prop_assert_eq!(x.sid_bytes().is_some(), x.is_sid());
            let again = x.sid_bytes().map(|bytes| CallId::of_sid_bytes(*bytes));
            prop_assert!(again.is_none_or(|again| again == x));
            prop_assert_eq!(x == y, a == b);
        }
    }
}
