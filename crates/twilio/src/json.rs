//! JSON bodies: the fields of a webhook as one object, and the CloudEvents of Event Streams.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::form::{FIELDS_MAX, Form, FormError};

/// The most events that one body may have. Event Streams sends one; its format allows more.
const EVENTS_MAX: usize = 200;

/// What the types of the events begin with that tell of calls.
const CALL_EVENTS: &str = "com.twilio.voice.";

/// A JSON body, as the forms that say the same.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JsonBody {
    /// One form for each object or event that tells of a call, in the order of the body.
    pub forms: Vec<Form>,
    /// How many events tell of something else.
    pub n_others: usize,
}

/// Why a body is no JSON of a webhook.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    /// It is not JSON, or neither an object nor an array of objects.
    #[error("expected a JSON object with the fields of a webhook, or an array of CloudEvents")]
    Form,
    /// More events than are read at once.
    #[error("too many events; expected at most {EVENTS_MAX}")]
    TooManyEvents,
    /// An object with too many fields.
    #[error(transparent)]
    Fields(#[from] FormError),
}

impl JsonBody {
    /// Reads a body: a flat object with the fields of a webhook, a CloudEvent, or an array of
    /// either. The fields of a CloudEvent are the parameters of the request that it tells of, or
    /// stand in its data. Of a name that stands twice in an object the last value is taken, as
    /// JSON.parse of JavaScript does.
    ///
    /// ```
    /// use live_users_twilio::{Form, JsonBody};
    ///
    /// let fields = Form::from_pairs([("CallSid", "CA1"), ("CallStatus", "completed")]);
    /// let event = br#"[{"specversion":"1.0","type":"com.twilio.voice.status-callback.call.completed",
    ///     "data":{"request":{"parameters":{"CallSid":"CA1","CallStatus":"completed"}}}}]"#;
    /// assert_eq!(JsonBody::parse(event)?.forms, [fields.clone()]);
    /// let flat = br#"{"CallSid":"CA1","CallStatus":"completed"}"#;
    /// assert_eq!(JsonBody::parse(flat)?.forms, [fields]);
    /// # Ok::<(), live_users_twilio::JsonError>(())
    /// ```
    ///
    /// # Errors
    /// If it is anything else, or has more than fits.
    pub fn parse(body: &[u8]) -> Result<Self, JsonError> {
        let items = match serde_json::from_slice(body).map_err(|_| JsonError::Form)? {
            Json::Object(object) => vec![Json::Object(object)],
            Json::Array(items) => items,
            Json::Text(_) | Json::Nothing => return Err(JsonError::Form),
        };
        if items.len() > EVENTS_MAX {
            return Err(JsonError::TooManyEvents);
        }
        let mut read = Self::default();
        for item in items {
            let Json::Object(object) = item else { return Err(JsonError::Form) };
            match object.fields()? {
                Some(form) => read.forms.push(form),
                None => read.n_others += 1,
            }
        }
        Ok(read)
    }
}

/// JSON, without what does not matter: the numbers and truth values as text.
enum Json {
    Object(Object),
    Array(Vec<Json>),
    Text(String),
    Nothing,
}

/// The members of an object in the order of the text, each name once.
struct Object(Vec<(String, Json)>);

impl Object {
    fn get(&self, name: &str) -> Option<&Json> {
        self.0.iter().find(|(n, _)| n == name).map(|(_, value)| value)
    }

    fn text(&self, name: &str) -> Option<&str> {
        match self.get(name) {
            Some(Json::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// The fields of a webhook; `None` of an event that tells of something else.
    fn fields(self) -> Result<Option<Form>, JsonError> {
        let is_event = self.get("specversion").is_some() && self.get("data").is_some();
        if !is_event {
            return Ok(Some(self.flat()?));
        }
        if self.text("type").is_some_and(|kind| !kind.starts_with(CALL_EVENTS)) {
            return Ok(None);
        }
        let Some(data) = self.into_object("data") else { return Err(JsonError::Form) };
        let sid = data.text("sid").map(str::to_owned);
        let is_flat = data.get("CallSid").is_some() || data.get("request").is_none();
        let mut form = match is_flat {
            true => data.flat()?,
            false => match data.into_object("request").map(|it| it.into_parameters()) {
                Some(parameters) => parameters?,
                None => Form::default(),
            },
        };
        if let Some(sid) = sid.filter(|_| !form.has("CallSid")) {
            form.push("CallSid", &sid)?;
        }
        Ok(Some(form))
    }

    /// The object with this name, which may also be JSON in a text.
    fn into_object(self, name: &str) -> Option<Self> {
        match self.0.into_iter().find(|(n, _)| n == name)?.1 {
            Json::Object(object) => Some(object),
            Json::Text(text) => match serde_json::from_str(&text) {
                Ok(Json::Object(object)) => Some(object),
                _ => None,
            },
            Json::Array(_) | Json::Nothing => None,
        }
    }

    /// The parameters of a request: an object, or a form.
    fn into_parameters(self) -> Result<Form, FormError> {
        let form = self.text("parameters").map(|text| Form::parse(text.as_bytes()));
        match (self.into_object("parameters"), form) {
            (Some(object), _) => object.flat(),
            (None, Some(form)) => form,
            (None, None) => Ok(Form::default()),
        }
    }

    /// The members that are texts, numbers or truth values.
    fn flat(&self) -> Result<Form, FormError> {
        Form::of_fields(self.0.iter().filter_map(|(name, value)| match value {
            Json::Text(text) => Some((name.as_str(), text.as_str())),
            Json::Nothing => Some((name.as_str(), "")),
            Json::Object(_) | Json::Array(_) => None,
        }))
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(JsonVisitor)
    }
}

struct JsonVisitor;

impl<'de> Visitor<'de> for JsonVisitor {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Text(value.to_string()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Json, E> {
        Ok(Json::Text(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
        Ok(Json::Text(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Json, E> {
        Ok(Json::Text(value.to_string()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Json, E> {
        Ok(Json::Text(value.to_owned()))
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Nothing)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Json, A::Error> {
        let mut array = Vec::new();
        while let Some(item) = items.next_element()? {
            array.push(item);
            if array.len() > EVENTS_MAX {
                // Enough to know that it is too much.
                while items.next_element::<IgnoredAny>()?.is_some() {}
                break;
            }
        }
        Ok(Json::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Json, A::Error> {
        let mut object: Vec<(String, Json)> = Vec::new();
        while let Some((name, value)) = members.next_entry()? {
            match object.iter_mut().find(|(known, _)| *known == name) {
                Some((_, former)) => *former = value,
                None => object.push((name, value)),
            }
            if object.len() > FIELDS_MAX {
                while members.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                break;
            }
        }
        Ok(Json::Object(Object(object)))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn forms(body: &str) -> Result<Vec<Form>, JsonError> {
        JsonBody::parse(body.as_bytes()).map(|read| read.forms)
    }

    fn form(fields: &[(&str, &str)]) -> Form {
        Form::from_pairs(fields.iter().copied())
    }

    const CALL: [(&str, &str); 2] = [("CallSid", "CA1"), ("CallStatus", "completed")];

    #[test]
    fn a_flat_object_is_a_form_with_numbers_as_text_and_null_as_blank() {
        let body = r#"{"CallSid":"CA1","SequenceNumber":2,"Muted":false,"To":null,"x":{"y":"z"}}"#;
        let fields = [("CallSid", "CA1"), ("SequenceNumber", "2"), ("Muted", "false"), ("To", "")];
        assert_eq!(forms(body), Ok(vec![form(&fields)]));
    }

    #[test]
    fn of_a_name_that_stands_twice_the_last_value_is_taken() {
        let body = r#"{"CallSid":"CA2","To":"x","CallStatus":"busy","CallStatus":"completed",
            "To":null,"x":{"y":1,"y":2},"\u0043allSid":"CA1"}"#;
        let read = form(&[("CallSid", "CA1"), ("To", ""), ("CallStatus", "completed")]);
        assert_eq!(forms(body), Ok(vec![read]));
        let event = r#"{"specversion":"1.0","type":"com.twilio.x","data":"x",
            "type":"com.twilio.voice.y","data":{"CallSid":"x","CallSid":"CA1"}}"#;
        assert_eq!(forms(event), Ok(vec![form(&[("CallSid", "CA1")])]));
        // However often, it is one field.
        let often = "\"CallSid\":\"x\",".repeat(2 * FIELDS_MAX);
        let read = forms(&format!(r#"{{{often}"CallSid":"CA1"}}"#));
        assert_eq!(read, Ok(vec![form(&[("CallSid", "CA1")])]));
    }

    #[test]
    fn events_are_read_in_each_of_their_shapes() {
        let kind =
            r#""specversion":"1.0","type":"com.twilio.voice.status-callback.call.completed""#;
        let parameters = r#"{"CallSid":"CA1","CallStatus":"completed"}"#;
        let text = |json: &str| serde_json::to_string(json).unwrap();
        let request = format!(r#"{{"sid":"CA9","request":{{"parameters":{parameters}}}}}"#);
        for data in [
            request.clone(),
            text(&request),
            parameters.to_owned(),
            format!(r#"{{"request":{{"parameters":{}}}}}"#, text(parameters)),
            r#"{"request":{"parameters":"CallSid=CA1&CallStatus=completed"}}"#.to_owned(),
        ] {
            let event = format!(r#"{{{kind},"data":{data}}}"#);
            assert_eq!(forms(&event), Ok(vec![form(&CALL)]), "{event}");
            let two = format!("[{event},{event}]");
            assert_eq!(forms(&two), Ok(vec![form(&CALL); 2]));
        }
        let event =
            format!(r#"{{{kind},"data":{{"sid":"CA1","request":{{"parameters":{{"A":"b"}}}}}}}}"#);
        assert_eq!(forms(&event), Ok(vec![form(&[("A", "b"), ("CallSid", "CA1")])]));
    }

    #[test]
    fn events_about_something_else_are_counted_and_left_alone() {
        let body =
            br#"[{"specversion":"1.0","type":"com.twilio.eventstreams.test-event","data":{}}]"#;
        assert_eq!(JsonBody::parse(body), Ok(JsonBody { forms: Vec::new(), n_others: 1 }));
        assert_eq!(JsonBody::parse(b"[]"), Ok(JsonBody::default()));
    }

    #[test]
    fn anything_else_is_refused() {
        for body in ["", "{", "1", "null", "\"CallSid\"", "[1]", "[[]]", "{}x"] {
            assert_eq!(forms(body), Err(JsonError::Form), "{body}");
        }
        let many = |n| vec!["{}"; n].join(",");
        assert!(forms(&format!("[{}]", many(EVENTS_MAX))).is_ok());
        let too_many = format!("[{}]", many(EVENTS_MAX + 1));
        assert_eq!(forms(&too_many), Err(JsonError::TooManyEvents));
        let wide: Vec<_> = (0..=FIELDS_MAX).map(|n| format!("\"f{n}\":1")).collect();
        let wide = format!("{{{}}}", wide.join(","));
        assert_eq!(forms(&wide), Err(JsonError::Fields(FormError::TooManyFields)));
        // Deeper than any event; the parser gives up before the stack does.
        assert_eq!(forms(&"[".repeat(60_000)), Err(JsonError::Form));
    }

    proptest! {
        #[test]
        fn what_a_form_says_json_can_say(fields: BTreeMap<String, String>) {
            let text = |text: &str| serde_json::to_string(text).unwrap();
            let members: Vec<_> =
                fields.iter().map(|(n, v)| format!("{}:{}", text(n), text(v))).collect();
            let body = format!("{{{}}}", members.join(","));
            prop_assume!(!(body.contains("\"specversion\"") && body.contains("\"data\"")));
            let expected = Form::from_pairs(fields.iter().map(|(n, v)| (&**n, &**v)));
            prop_assert_eq!(forms(&body), Ok(vec![expected]));
        }
    }
}
