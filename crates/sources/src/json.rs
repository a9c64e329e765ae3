//! JSON bodies.

use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor,
};
use serde_json::{Map, Value};

use crate::Unreadable;

/// Reads the body of a provider. Of a name that stands twice in an object the last value is taken, as
/// JSON.parse of JavaScript does. Of what cannot be read only the kind of mistake is told: a body may
/// hold anything.
pub(crate) fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Unreadable> {
    // What is derived refuses such a name. So the second look is at the JSON as a whole, and the first
    // one is not: it passes over what is not needed without a look at its escapes and numbers.
    serde_json::from_slice(body)
        .or_else(|_| T::deserialize(serde_json::from_slice::<Value>(body)?))
        .map_err(|_| Unreadable { field: "body", expected: "a JSON object of this kind of source" })
}

/// Why a body of our own form is not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotDistinct {
    /// It is no JSON.
    NotJson,
    /// This name stands twice in one of its objects: two programs that read it may take another one.
    /// It may be anything that somebody has sent.
    Repeated(String),
}

/// Reads JSON in which no object has a name twice.
///
/// # Errors
/// If it is anything else.
pub fn distinct(json: &[u8]) -> Result<Value, NotDistinct> {
    let (mut repeated, mut reader) = (None, serde_json::Deserializer::from_slice(json));
    let read = Distinct(&mut repeated).deserialize(&mut reader);
    let read = read.and_then(|value| reader.end().map(|()| value));
    read.map_err(|_| repeated.map_or(NotDistinct::NotJson, NotDistinct::Repeated))
}

/// Reads a value, and notes the first name that stands twice.
struct Distinct<'a>(&'a mut Option<String>);

impl<'de> DeserializeSeed<'de> for Distinct<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Value, D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Distinct<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(Distinct(&mut *self.0))? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            if object.contains_key(&name) {
                *self.0 = Some(name);
                return Err(A::Error::custom("a name stands twice"));
            }
            let value = members.next_value_seed(Distinct(&mut *self.0))?;
            object.insert(name, value);
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_read_as_it_is_and_a_name_that_stands_twice_is_told() {
        let all =
            r#"{"a":[1,-2,1.5,true,null,"x",{"a":{}}],"b":{"a":"A\n"},"c":18446744073709551615}"#;
        let expected: Value = serde_json::from_str(all).unwrap();
        assert_eq!(distinct(all.as_bytes()), Ok(expected));
        for (json, name) in [
            (r#"{"a":1,"a":1}"#, "a"),
            (r#"{"a":1,"b":2,"\u0061":1}"#, "a"),
            (r#"[{"x":[{"b":{"c":1,"d":2,"c":3}}]}]"#, "c"),
            (r#"{"":1,"":1}"#, ""),
        ] {
            assert_eq!(distinct(json.as_bytes()), Err(NotDistinct::Repeated(name.to_owned())));
        }
        for json in ["", "{", r#"{"a":1} x"#, r#"{"a":1,}"#, "\"\u{1}\""] {
            assert_eq!(distinct(json.as_bytes()), Err(NotDistinct::NotJson), "{json}");
        }
    }
}
