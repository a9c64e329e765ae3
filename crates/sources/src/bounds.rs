//! Bounds of what a sender writes into JSON: a field that cannot be used is missing, and loses
//! nothing of the others.

use live_users_twilio::{CALL_SID_BYTES_MAX, PARTY_BYTES_MAX};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::Unreadable;

/// The longest type of an event that is repeated, in characters.
const TYPE_CHARS_MAX: usize = 64;

/// A text of JSON, or a whole number as text; nothing of anything else.
#[derive(Default)]
pub(crate) struct Text(Option<String>);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(match Value::deserialize(deserializer)? {
            Value::String(text) => Some(text),
            Value::Number(number) if number.is_u64() => Some(number.to_string()),
            _ => None,
        }))
    }
}

impl Text {
    /// The text, whatever it is.
    pub(crate) fn as_str(&self) -> Option<&str> {
        self.0.as_deref()
    }

    /// An id, in the form in which Twilio's are read.
    pub(crate) fn id(self) -> Option<String> {
        self.0.filter(|it| {
            (1..=CALL_SID_BYTES_MAX).contains(&it.len()) && it.bytes().all(|b| b.is_ascii_graphic())
        })
    }

    /// The id of the call that an event is about.
    ///
    /// # Errors
    /// If it is missing, or none.
    pub(crate) fn call(self, field: &'static str) -> Result<String, Unreadable> {
        self.id().ok_or(Unreadable { field, expected: "1 to 128 characters of visible ASCII" })
    }

    /// Who calls, or is called.
    pub(crate) fn party(self) -> Option<String> {
        let text = self.0.as_deref().map(str::trim);
        text.filter(|it| (1..=PARTY_BYTES_MAX).contains(&it.len())).map(str::to_owned)
    }

    /// A whole number, such as seconds.
    pub(crate) fn whole(&self) -> Option<u32> {
        let text = self.as_str()?;
        // `parse` alone would take a leading plus as well.
        text.parse().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()))
    }

    /// The type of an event, cut.
    pub(crate) fn kind(&self, field: &str) -> String {
        match self.as_str() {
            Some(text) => {
                format!("{field} {}", text.chars().take(TYPE_CHARS_MAX).collect::<String>())
            }
            None => format!("no {field}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(json: &str) -> Text {
        serde_json::from_str(json).expect("any JSON is a text or none")
    }

    #[test]
    fn what_cannot_be_used_is_missing() {
        let (longest, longer) = ("7".repeat(128), "7".repeat(129));
        assert_eq!(text(&format!("\"{longest}\"")).id(), Some(longest));
        for json in ["\"\"", "\"a b\"", "\"ä\"", "null", "{}", "[]", "true", &longer] {
            assert_eq!(text(json).id(), None, "{json}");
        }
        assert_eq!(text("15005550100").party().as_deref(), Some("15005550100"));
        assert_eq!(text(&format!("\"{}\"", "x".repeat(257))).party(), None);
        assert_eq!((text("\"31\"").whole(), text("31").whole()), (Some(31), Some(31)));
        for json in ["\"+31\"", "-1", "3.5", "\"\"", "4294967296"] {
            assert_eq!(text(json).whole(), None, "{json}");
        }
        assert_eq!(text(&format!("\"{}\"", "ä".repeat(65))).kind("type").chars().count(), 69);
    }
}
