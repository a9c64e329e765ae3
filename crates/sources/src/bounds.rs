//! Bounds of what a sender writes into JSON: a field that cannot be used is missing, and loses
//! nothing of the others.

use std::fmt;
use std::marker::PhantomData;

use live_users_twilio::{CALL_SID_BYTES_MAX, PARTY_BYTES_MAX};
use serde::de::value::MapAccessDeserializer;
use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};
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
        self.number().and_then(|number| u32::try_from(number).ok())
    }

    /// A large whole number, such as milliseconds since 1970.
    pub(crate) fn number(&self) -> Option<u64> {
        let text = self.as_str()?;
        // `parse` alone would take a leading plus as well.
        text.parse().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()))
    }

    /// The type of an event, which it cannot be without.
    ///
    /// # Errors
    /// If it is missing, or no text.
    pub(crate) fn required(&self, field: &'static str) -> Result<&str, Unreadable> {
        let text = self.as_str().filter(|text| !text.is_empty());
        text.ok_or(Unreadable { field, expected: "the type of the event, as a text" })
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

/// An object within an event: one without any field, if it is something else. All that it has must
/// be optional, so that nothing in it loses the event.
///
/// # Errors
/// Only if the JSON itself is broken.
pub(crate) fn object<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    deserializer.deserialize_any(ObjectVisitor(PhantomData))
}

struct ObjectVisitor<T>(PhantomData<T>);

/// A visitor that takes any scalar for nothing.
macro_rules! nothing {
    ($($visit:ident $(: $value:ty)?),*) => {
        $(fn $visit<E>(self $(, _: $value)?) -> Result<Self::Value, E> {
            Ok(Self::Value::default())
        })*
    };
}

impl<'de, T: Deserialize<'de> + Default> Visitor<'de> for ObjectVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<T, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(T::default())
    }

    nothing!(visit_unit, visit_bool: bool, visit_i64: i64, visit_u64: u64, visit_f64: f64, visit_str: &str);
}

/// Yes, or no of anything else.
///
/// # Errors
/// Only if the JSON itself is broken.
pub(crate) fn flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    Ok(Value::deserialize(deserializer)? == Value::Bool(true))
}

/// A list within an event, without the items that cannot be used; an empty one of anything else.
///
/// # Errors
/// Only if the JSON itself is broken.
pub(crate) fn list<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: serde::de::DeserializeOwned,
{
    let Value::Array(items) = Value::deserialize(deserializer)? else { return Ok(Vec::new()) };
    Ok(items.into_iter().filter_map(|item| serde_json::from_value(item).ok()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(json: &str) -> Text {
        serde_json::from_str(json).expect("any JSON is a text or none")
    }

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(default)]
    struct Outer {
        #[serde(deserialize_with = "object")]
        inner: Inner,
        #[serde(deserialize_with = "list")]
        items: Vec<u8>,
    }

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(default)]
    struct Inner {
        one: Option<IgnoredAny>,
    }

    #[test]
    fn what_is_no_object_or_list_is_an_empty_one() {
        for other in ["null", "true", "7", "-7", "1.5", "\"text\"", "[1,{\"one\":[2]}]"] {
            let json = format!("{{\"inner\":{other},\"items\":{{\"a\":{other}}}}}");
            let outer: Outer = serde_json::from_str(&json).expect(&json);
            assert_eq!(outer, Outer::default(), "{json}");
        }
        let json = "{\"inner\":{\"one\":1,\"two\":[]},\"items\":[1,\"x\",2,300]}";
        let outer: Outer = serde_json::from_str(json).expect(json);
        assert!(outer.inner.one.is_some() && outer.items == [1, 2]);
        assert!(serde_json::from_str::<Outer>("{\"inner\":{\"one\":").is_err());
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
