//! One value, encoded once for all readers.

use std::sync::Arc;

use actix_http::ws::{OpCode, Parser};
use actix_web::web::{Bytes, BytesMut};

/// A JSON text, in the form of each transport. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Frame(Arc<Forms>);

#[derive(Debug)]
struct Forms {
    id: Option<String>,
    json: Bytes,
    event: Bytes,
    message: Bytes,
}

impl Frame {
    /// A value with the name `EPOCH-SEQ`. A reader that has it does not get it again.
    pub fn new(epoch: &str, seq: u64, json: impl Into<Vec<u8>>) -> Self {
        Self::encode(Some(format!("{epoch}-{seq}")), json.into())
    }

    /// A value without a name, such as an error. Every reader gets it.
    pub fn unnamed(json: impl Into<Vec<u8>>) -> Self {
        Self::encode(None, json.into())
    }

    /// The JSON text, which also answers polling.
    pub fn json(&self) -> &Bytes {
        &self.0.json
    }

    /// `EPOCH-SEQ`, if the value has a name.
    pub fn id(&self) -> Option<&str> {
        self.0.id.as_deref()
    }

    /// The form for SSE: one event.
    pub(crate) fn event(&self) -> &Bytes {
        &self.0.event
    }

    /// The form for WebSocket: one text message. A server does not mask messages (RFC 6455, 5.1),
    /// so one encoding serves all readers.
    pub(crate) fn message(&self) -> &Bytes {
        &self.0.message
    }

    fn encode(id: Option<String>, mut json: Vec<u8>) -> Self {
        // In JSON a line break is white space, because no string contains a raw one. In SSE it
        // would end the data.
        for byte in json.iter_mut().filter(|byte| matches!(byte, b'\n' | b'\r')) {
            *byte = b' ';
        }
        // An empty id makes a browser forget the last one (HTML, 9.2.6). It then sends no id when
        // it reconnects, and gets the present frame.
        let mut event = format!("id: {}\ndata: ", id.as_deref().unwrap_or_default()).into_bytes();
        event.extend_from_slice(&json);
        event.extend_from_slice(b"\n\n");
        let mut message = BytesMut::new();
        Parser::write_message(&mut message, &json, OpCode::Text, true, false);
        let (event, message) = (event.into(), message.freeze());
        Self(Arc::new(Forms { id, json: json.into(), event, message }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_bytes_are_in_each_form() {
        let frame = Frame::new("0a1b", 42, r#"{"liveUsers":3}"#);
        assert_eq!(frame.json(), r#"{"liveUsers":3}"#);
        assert_eq!(frame.event(), "id: 0a1b-42\ndata: {\"liveUsers\":3}\n\n");
        assert_eq!(frame.message()[..2], [0x81, 15], "a whole text message of 15 bytes");
        assert_eq!(frame.message()[2..], *frame.json());
    }

    #[test]
    fn a_value_without_a_name_makes_readers_forget_the_last_one() {
        assert_eq!(Frame::unnamed("{}").event(), "id: \ndata: {}\n\n");
    }

    #[test]
    fn a_line_break_does_not_end_the_event() {
        assert_eq!(Frame::new("e", 1, "{\n\r\n}").event(), "id: e-1\ndata: {   }\n\n");
    }
}
