//! The reading end of server-sent events. The proxy reads the backend's stream with it, and the
//! backend the answers of chats. Tests use it, too.

/// After this much silence a stream sends a comment or a ping, in milliseconds. A reader that
/// receives nothing for twice as long may treat the stream as dead.
pub const HEARTBEAT_MS: u64 = 15_000;

/// Parses a `text/event-stream` as its bytes arrive (HTML, 9.2.6).
#[derive(Debug)]
pub struct EventStream {
    buffer: Vec<u8>,
    /// This much of the buffer contains no end of an event.
    searched: usize,
    bytes_max: usize,
}

/// One event. The fields `event` and `retry` are not used here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its `id`, if present.
    pub id: Option<String>,
    /// Its data. It should be UTF-8.
    pub data: Vec<u8>,
}

impl Event {
    /// The data as text. Bytes that are not UTF-8 become U+FFFD, as in a browser.
    pub fn into_text(self) -> String {
        String::from_utf8(self.data)
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
    }
}

/// An event exceeds this limit, in bytes.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("an event of the stream has more than {0} bytes")]
pub struct TooLong(pub usize);

impl EventStream {
    /// Makes a parser for events of at most this many bytes.
    pub fn new(bytes_max: usize) -> Self {
        Self { buffer: Vec::new(), searched: 0, bytes_max }
    }

    /// Adds bytes, and returns the events that are complete now.
    ///
    /// # Errors
    /// If an event is longer than the limit.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Vec<Event>, TooLong> {
        self.buffer.extend_from_slice(bytes);
        let mut events = Vec::new();
        let mut start = 0;
        while let Some(end) = self.end_of_block(start) {
            events.extend(event_in(&self.buffer[start..end]));
            start = end;
        }
        self.buffer.drain(..start);
        // An end of an event may begin in the last three bytes.
        self.searched = self.buffer.len().saturating_sub(3);
        if self.buffer.len() > self.bytes_max { Err(TooLong(self.bytes_max)) } else { Ok(events) }
    }

    /// The last event, if no blank line ends it. By the standard it does not count. A reader of
    /// answers that break off may still use it.
    pub fn into_rest(self) -> Option<Event> {
        event_in(&self.buffer)
    }

    /// The position after the next blank line. Lines end with CRLF, LF or CR, also mixed.
    fn end_of_block(&self, start: usize) -> Option<usize> {
        let from = start.max(self.searched);
        let ends = |tail: &[u8]| match tail {
            [b'\r', b'\n', b'\r', b'\n', ..] => Some(4),
            [b'\n', b'\r', b'\n', ..] => Some(3),
            // A blank line that ends with CR may be one with CRLF whose LF has not arrived yet.
            // That LF then stands alone before the next event, and has no effect.
            [b'\n', b'\n' | b'\r', ..] | [b'\r', b'\r', ..] => Some(2),
            _ => None,
        };
        (from..self.buffer.len()).find_map(|at| ends(&self.buffer[at..]).map(|length| at + length))
    }
}

/// Returns `None` for a block without data, such as a comment.
fn event_in(block: &[u8]) -> Option<Event> {
    let (mut id, mut data) = (None, None::<Vec<u8>>);
    let lines = block.split(|byte| matches!(byte, b'\n' | b'\r'));
    for line in lines.filter(|line| !line.is_empty()) {
        let colon = line.iter().position(|byte| *byte == b':').unwrap_or(line.len());
        let (name, value) = line.split_at(colon);
        let value = value.strip_prefix(b":").unwrap_or(value);
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match name {
            b"id" => {
                id = Some(String::from_utf8_lossy(value).into_owned()).filter(|id| !id.is_empty());
            }
            b"data" => match &mut data {
                Some(data) => {
                    data.push(b'\n');
                    data.extend_from_slice(value);
                }
                None => data = Some(value.to_owned()),
            },
            _ => {}
        }
    }
    data.map(|data| Event { id, data })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Frame;

    fn event(id: Option<&str>, data: &str) -> Event {
        Event { id: id.map(str::to_owned), data: data.as_bytes().to_owned() }
    }

    #[test]
    fn what_is_sent_is_read_however_it_is_cut() {
        let sent = [
            ": heartbeat\n\n".as_bytes(),
            Frame::new("e", 1, "{\"a\":1}").event(),
            b"retry: 1234\n\n",
            Frame::unnamed("{}").event(),
            b"event: other\r\nid: x\r\ndata: a\r\ndata:b\r\n\r\n",
            b"data: c\n\r\ndata: d\r\n\ndata\rdata: e\r\r",
        ]
        .concat();
        let expected = [
            event(Some("e-1"), "{\"a\":1}"),
            event(None, "{}"),
            event(Some("x"), "a\nb"),
            event(None, "c"),
            event(None, "d"),
            event(None, "\ne"),
        ];
        for size in 1..=sent.len() {
            let mut stream = EventStream::new(100);
            let got = sent.chunks(size).flat_map(|chunk| stream.push(chunk).unwrap());
            assert_eq!(got.collect::<Vec<_>>(), expected, "in pieces of {size}");
        }
    }

    #[test]
    fn an_event_that_breaks_off_is_given_to_readers_who_want_it() {
        let mut stream = EventStream::new(100);
        assert_eq!(stream.push(b"data: a\n\ndata: b"), Ok(vec![event(None, "a")]));
        assert_eq!(stream.into_rest(), Some(event(None, "b")));
        assert_eq!(EventStream::new(100).into_rest(), None);
    }

    #[test]
    fn data_that_is_not_text_is_left_as_it_is_or_becomes_text_with_marks() {
        let [event] = &EventStream::new(100).push(b"data: a\xff\n\n").unwrap()[..] else {
            panic!()
        };
        assert_eq!(event.data, b"a\xff");
        assert_eq!(event.clone().into_text(), "a\u{fffd}");
    }

    #[test]
    fn an_event_without_an_end_is_too_long_some_time() {
        let mut stream = EventStream::new(10);
        assert_eq!(stream.push(b"data: 1234"), Ok(vec![]));
        assert_eq!(stream.push(b"5"), Err(TooLong(10)));
    }
}
