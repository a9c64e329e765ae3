//! Reads the answer of a chat: JSON with `text`, or server-sent events with a piece of it each.

use live_users_broadcast::{Event, EventStream};
use serde::Deserialize;

/// The biggest answer that is read, in bytes.
pub(super) const BODY_BYTES_MAX: usize = 64 * 1024;

/// The longest text that is spoken, in bytes. Twilio takes 4 KB in one `<Say>` (TwiML reference).
const TEXT_BYTES_MAX: usize = 4_000;

/// The last event of some chats.
const DONE: &[u8] = b"[DONE]";

/// An answer that is being read.
#[derive(Debug)]
pub(super) struct Reading {
    form: Form,
    n_bytes: usize,
}

/// The part that has been read.
#[derive(Debug)]
enum Form {
    Json(Vec<u8>),
    Events { stream: EventStream, text: String, is_done: bool },
}

/// Whether more of an answer may follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// It is complete. The rest does not matter.
    Complete,
    /// More may follow.
    More,
}

impl Progress {
    pub(super) fn is_complete(self) -> bool {
        self == Self::Complete
    }
}

#[derive(Deserialize)]
struct Said {
    text: String,
}

impl Reading {
    /// Begins an answer with this content type. Anything but an event stream is read as JSON.
    pub(super) fn of(content_type: &str) -> Self {
        let essence = content_type.split(';').next().unwrap_or_default().trim();
        let form = match essence.eq_ignore_ascii_case("text/event-stream") {
            true => {
                let stream = EventStream::new(BODY_BYTES_MAX);
                Form::Events { stream, text: String::new(), is_done: false }
            }
            false => Form::Json(Vec::new()),
        };
        Self { form, n_bytes: 0 }
    }

    /// Adds some bytes.
    ///
    /// # Errors
    /// If the answer becomes too big, or an event is not valid.
    pub(super) fn take(&mut self, bytes: &[u8]) -> Result<Progress, String> {
        self.n_bytes += bytes.len();
        if self.n_bytes > BODY_BYTES_MAX {
            return Err(format!("the answer has more than {BODY_BYTES_MAX} bytes"));
        }
        match &mut self.form {
            Form::Json(body) => {
                body.extend_from_slice(bytes);
                Ok(Progress::More)
            }
            Form::Events { stream, text, is_done } => {
                for event in stream.push(bytes).map_err(|error| error.to_string())? {
                    *is_done = *is_done || join(text, &event)?.is_complete();
                }
                Ok(if *is_done { Progress::Complete } else { Progress::More })
            }
        }
    }

    /// The text of the whole answer, short enough to be spoken.
    ///
    /// # Errors
    /// If there is no text.
    pub(super) fn text(self) -> Result<String, String> {
        let text = match self.form {
            Form::Json(body) => said(&body)?,
            Form::Events { stream, mut text, is_done } => {
                // By the standard, an event without an empty line at its end does not count. Here
                // it does, so that no text is lost.
                if let Some(event) = stream.into_rest().filter(|_| !is_done) {
                    join(&mut text, &event)?;
                }
                text
            }
        };
        match text.trim() {
            "" => Err("the answer has no text".to_owned()),
            text => Ok(spoken(text).to_owned()),
        }
    }
}

/// Adds the piece of text in an event.
fn join(text: &mut String, event: &Event) -> Result<Progress, String> {
    match event.data.trim_ascii() {
        b"" => {}
        DONE => return Ok(Progress::Complete),
        data => text.push_str(&said(data)?),
    }
    Ok(Progress::More)
}

/// Omits the parser's own message, because it may repeat the answer in the log.
fn said(json: &[u8]) -> Result<String, String> {
    let said: Result<Said, _> = serde_json::from_slice(json);
    said.map(|said| said.text).map_err(|_| "the answer is not JSON with a `text`".to_owned())
}

/// The part that can be spoken, up to the end of a sentence or else of a word.
fn spoken(text: &str) -> &str {
    if text.len() <= TEXT_BYTES_MAX {
        return text;
    }
    let head = &text[..text.floor_char_boundary(TEXT_BYTES_MAX)];
    let sentence = head.rfind(['.', '!', '?']).map(|at| at + 1);
    let word = head.rfind(char::is_whitespace);
    // A text without sentences is cut at a word, and one without words anywhere.
    let end = sentence.filter(|end| *end > TEXT_BYTES_MAX / 2).or(word).unwrap_or(head.len());
    head[..end].trim_end()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const EVENTS: &str = "text/event-stream; charset=utf-8";

    fn read(kind: &str, body: &[u8], chunk: usize) -> Result<String, String> {
        let mut reading = Reading::of(kind);
        for bytes in body.chunks(chunk) {
            if reading.take(bytes)?.is_complete() {
                break;
            }
        }
        reading.text()
    }

    #[test]
    fn json_with_a_text_is_an_answer() {
        let read = |body: &str| read("application/json", body.as_bytes(), 7);
        assert_eq!(
            read(r#"{"text":" At eight, d'accord? ","x":[1]}"#).unwrap(),
            "At eight, d'accord?"
        );
        for body in ["", "{}", "[]", r#"{"text":1}"#, r#"{"text":"  "}"#, "<html>", "\"text\""] {
            assert!(read(body).is_err(), "{body}");
        }
    }

    #[test]
    fn the_pieces_of_events_are_joined_however_they_arrive() {
        let body = concat!(
            ": hello\n\nid: 1\nevent: piece\ndata: {\"text\": \"At \"}\n\n",
            "data:{\"text\":\r\ndata: \"eight, \u{e7}a \"}\r\n\r\n",
            "data: {\"text\":\"va?\"}\n\ndata: [DONE]\n\nwhatever comes then",
        );
        for chunk in 1..body.len() {
            assert_eq!(read(EVENTS, body.as_bytes(), chunk).unwrap(), "At eight, \u{e7}a va?");
        }
        assert_eq!(read(EVENTS, b"data: {\"text\":\"cut off\"}", 5).unwrap(), "cut off");
        for body in
            ["", "data: hello\n\n", "data: [DONE]\n\n", "{\"text\":\"json\"}", "data: \u{0}\n\n"]
        {
            assert!(read(EVENTS, body.as_bytes(), 3).is_err(), "{body}");
        }
    }

    #[test]
    fn an_answer_that_is_too_big_or_not_text_is_none() {
        let big = format!(r#"{{"text":"{}"}}"#, "x".repeat(BODY_BYTES_MAX));
        assert!(read("application/json", big.as_bytes(), 1000).unwrap_err().contains("65536"));
        for data in
            ["data: ".as_bytes(), b"data: {\"text\":\"", b"data: {\"text\":\"a\"}\n\ndata: "]
        {
            assert!(read(EVENTS, &[data, b"\xff\"}\n\n"].concat(), 3).is_err());
        }
    }

    #[test]
    fn a_long_text_is_cut_behind_a_sentence() {
        assert_eq!(spoken(&"Yes. ".repeat(2_000)).len(), 3_999);
        let words = spoken(&"word ".repeat(2_000)).to_owned();
        assert!(words.ends_with("word") && words.len() == 3_999, "{}", words.len());
        assert_eq!(spoken(&"\u{e9}".repeat(4_000)).len(), 4_000);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic_and_no_text_is_too_long(
            body: Vec<u8>,
            text in ".{0,3000}",
            chunk in 1..64usize,
        ) {
            let json = serde_json::to_vec(&serde_json::json!({ "text": text })).unwrap();
            for kind in [EVENTS, "", "application/json"] {
                let _may_be_an_error = read(kind, &body, chunk);
                if let Ok(text) = read(kind, &json, 4096) {
                    prop_assert!(text.len() <= TEXT_BYTES_MAX && !text.is_empty());
                }
            }
        }
    }
}
