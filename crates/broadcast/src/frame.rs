//! One value, encoded once for everybody who will read it.

use std::sync::Arc;

use actix_http::ws::{OpCode, Parser};
use actix_web::web::{Bytes, BytesMut};

/// A JSON text in the form of each transport. Cheap to clone.
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
    /// A value that `epoch` and `seq` name: it is not sent again to a reader that has it.
    pub fn new(epoch: &str, seq: u64, json: impl Into<Vec<u8>>) -> Self {
        Self::encode(Some(format!("{epoch}-{seq}")), json.into())
    }

    /// A value that has no name, such as an error: it is sent to every reader.
    pub fn unnamed(json: impl Into<Vec<u8>>) -> Self {
        Self::encode(None, json.into())
    }

    /// The JSON text, which is also the answer to polling.
    pub fn json(&self) -> &Bytes {
        &self.0.json
    }

    /// `EPOCH-SEQ`, if it has a name.
    pub fn id(&self) -> Option<&str> {
        self.0.id.as_deref()
    }

    /// The form of SSE: one event.
    pub(crate) fn event(&self) -> &Bytes {
        &self.0.event
    }

    /// The form of WebSocket: one text message. The server's are not masked (RFC 6455, 5.1), so
    /// one encoding serves all.
    pub(crate) fn message(&self) -> &Bytes {
        &self.0.message
    }

    fn encode(id: Option<String>, mut json: Vec<u8>) -> Self {
        // In JSON a line break is white space, since no string may hold one as it is; in SSE it
        // would end the data.
        for byte in json.iter_mut().filter(|byte| matches!(byte, b'\n' | b'\r')) {
            *byte = b' ';
        }
        // An empty id makes a browser forget the last one (HTML, 9.2.6): it then sends
        // none when it comes back, and gets whatever there is.
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
