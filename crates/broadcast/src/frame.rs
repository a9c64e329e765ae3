//! One value, encoded once for all readers.

use std::fmt;
use std::sync::Arc;

use actix_http::ws::{OpCode, Parser};
use actix_web::web::{Bytes, BytesMut};

use crate::changes::{NONE, OTHER, Trail};

/// Writes the JSON text of a frame that says what time it is.
type Write = Arc<dyn Fn() -> Vec<u8> + Send + Sync>;

/// A JSON text, in the form of each transport. Cheap to clone.
#[derive(Clone)]
pub struct Frame(Arc<Forms>, Kind);

/// Whether all readers get the same.
#[derive(Clone)]
enum Kind {
    Same,
    /// Who comes later gets it written anew.
    OfMoment(Write),
    /// Each gets what is missing of a document.
    OfDocument(Arc<Trail>),
}

impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Frame").field(&self.0).finish_non_exhaustive()
    }
}

#[derive(Debug)]
struct Forms {
    id: Option<String>,
    json: Bytes,
    event: Bytes,
    /// The event as one chunk of an answer in HTTP/1.1.
    chunk: Bytes,
    message: Bytes,
}

impl Frame {
    /// A value with the name `EPOCH-SEQ`. A reader that has it does not get it again.
    pub fn new(epoch: &str, seq: u64, json: impl Into<Vec<u8>>) -> Self {
        Self::encode(Some(format!("{epoch}-{seq}")), json.into())
    }

    /// A value with this name.
    pub fn named(name: String, json: impl Into<Vec<u8>>) -> Self {
        Self::encode(Some(name), json.into())
    }

    /// A value without a name, such as an error. Every reader gets it.
    pub fn unnamed(json: impl Into<Vec<u8>>) -> Self {
        Self::encode(None, json.into())
    }

    /// A value that says what time it is. It is encoded once for all who are there, and written anew for
    /// who comes later. With a name, a reader that has it does not get it again.
    pub fn of_moment(
        name: Option<String>,
        write: impl Fn() -> Vec<u8> + Send + Sync + 'static,
    ) -> Self {
        let Self(forms, _) = Self::encode(name, write());
        Self(forms, Kind::OfMoment(Arc::new(write)))
    }

    /// Readers get what the trail has for them. What stands in its place says that nothing is new.
    pub(crate) fn with_trail(trail: Trail) -> Self {
        let Self(forms, _) = trail.after(trail.number());
        Self(forms, Kind::OfDocument(Arc::new(trail)))
    }

    /// These, one after the other, under the name of the last one.
    pub(crate) fn joined<'a>(frames: impl Iterator<Item = &'a Self> + Clone) -> Self {
        let concat = |form: fn(&Self) -> &Bytes| {
            frames.clone().fold(BytesMut::new(), |mut all, frame| {
                all.extend_from_slice(form(frame));
                all
            })
        };
        let (event, chunk) = (concat(Self::event).freeze(), concat(Self::chunk).freeze());
        let message = concat(Self::message).freeze();
        let last = frames.clone().last();
        let id = last.and_then(|last| last.id().map(str::to_owned));
        let json = last.map(|last| last.json().clone()).unwrap_or_default();
        Self(Arc::new(Forms { id, json, event, chunk, message }), Kind::Same)
    }

    /// What a reader is sent that was given `had` when it was sent the last one, 0 in the beginning; and
    /// what it is given now. A value that says what time it is says so at this moment.
    pub(crate) fn after(&self, had: u64) -> (u64, Self) {
        match &self.1 {
            Kind::Same => (OTHER, self.clone()),
            Kind::OfMoment(_) if had == NONE => (OTHER, self.anew()),
            Kind::OfMoment(_) => (OTHER, self.clone()),
            Kind::OfDocument(trail) => (trail.number(), trail.after(had)),
        }
    }

    /// What a reader was given that has the frame with this name; `None` if that is not known.
    pub(crate) fn number_of(&self, name: &str) -> Option<u64> {
        match &self.1 {
            Kind::OfDocument(trail) => trail.number_of(name),
            Kind::Same | Kind::OfMoment(_) => None,
        }
    }

    /// What a reader is sent that has it, when all is quiet. `None` if it has another one of a document:
    /// it is about to get this one.
    pub(crate) fn again(&self, had: u64) -> Option<Self> {
        match &self.1 {
            Kind::Same | Kind::OfMoment(_) => Some(self.anew()),
            Kind::OfDocument(trail) => (had == trail.number()).then(|| trail.after(had)),
        }
    }

    /// The same value at this moment.
    fn anew(&self) -> Self {
        match &self.1 {
            Kind::OfMoment(write) => Self::encode(self.id().map(str::to_owned), write()),
            Kind::Same | Kind::OfDocument(_) => self.clone(),
        }
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

    /// The form for SSE in an answer with `Transfer-Encoding: chunked` (RFC 9112, 7.1).
    pub(crate) fn chunk(&self) -> &Bytes {
        &self.0.chunk
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
        let id_line = format!("id: {}\ndata: ", id.as_deref().unwrap_or_default());
        let length = id_line.len() + json.len() + 2;
        let mut chunk = format!("{length:x}\r\n").into_bytes();
        let event = chunk.len()..chunk.len() + length;
        chunk.reserve_exact(length + 2);
        chunk.extend_from_slice(id_line.as_bytes());
        chunk.extend_from_slice(&json);
        chunk.extend_from_slice(b"\n\n\r\n");
        let chunk = Bytes::from(chunk);
        let event = chunk.slice(event);
        let mut message = BytesMut::new();
        Parser::write_message(&mut message, &json, OpCode::Text, true, false);
        let message = message.freeze();
        Self(Arc::new(Forms { id, json: json.into(), event, chunk, message }), Kind::Same)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    #[test]
    fn the_same_bytes_are_in_each_form() {
        let frame = Frame::new("0a1b", 42, r#"{"liveUsers":3}"#);
        assert_eq!(frame.json(), r#"{"liveUsers":3}"#);
        assert_eq!(frame.event(), "id: 0a1b-42\ndata: {\"liveUsers\":3}\n\n");
        assert_eq!(frame.chunk(), "23\r\nid: 0a1b-42\ndata: {\"liveUsers\":3}\n\n\r\n");
        assert_eq!(frame.message()[..2], [0x81, 15], "a whole text message of 15 bytes");
        assert_eq!(frame.message()[2..], *frame.json());
    }

    #[test]
    fn a_value_without_a_name_makes_readers_forget_the_last_one() {
        assert_eq!(Frame::unnamed("{}").event(), "id: \ndata: {}\n\n");
    }

    #[test]
    fn who_comes_later_gets_the_time_of_then() {
        let ticks = AtomicU64::new(0);
        let frame = Frame::of_moment(Some("e-1".to_owned()), move || {
            format!(r#"{{"now":{}}}"#, ticks.fetch_add(1, Ordering::Relaxed)).into_bytes()
        });
        assert_eq!((frame.json().as_ref(), frame.id()), (&b"{\"now\":0}"[..], Some("e-1")));
        let later = frame.anew();
        assert_eq!((later.json().as_ref(), later.id()), (&b"{\"now\":1}"[..], Some("e-1")));
        assert_eq!(frame.json(), r#"{"now":0}"#, "those who are there share one");
        assert_eq!(Frame::new("e", 1, "{}").anew().json(), "{}");
    }

    #[test]
    fn a_line_break_does_not_end_the_event() {
        assert_eq!(Frame::new("e", 1, "{\n\r\n}").event(), "id: e-1\ndata: {   }\n\n");
    }
}
