//! The reading end of server-sent events: one parser, for the backend's stream in the proxy, for
//! the answers of chats in the backend, and for tests.

/// After so many milliseconds of silence a stream sends a comment or a ping. A reader that receives
/// nothing for twice as long may take the stream for dead.
pub const HEARTBEAT_MS: u64 = 15_000;

/// Takes the bytes of a `text/event-stream` as they come, and gives the events in them (HTML,
/// 9.2.6).
#[derive(Debug)]
pub struct EventStream {
    buffer: Vec<u8>,
    /// As much of the buffer is known to have no end of an event in it.
    searched: usize,
    bytes_max: usize,
}

/// One event. Names of events and `retry` are of no use here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its `id`, if it has one.
    pub id: Option<String>,
    /// Its data, which should be UTF-8.
    pub data: Vec<u8>,
}

impl Event {
    /// The data as text. Bytes that are not UTF-8 become U+FFFD, as in a browser.
    pub fn into_text(self) -> String {
        String::from_utf8(self.data)
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
    }
}

/// An event is longer than any that is expected.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("an event of the stream has more than {0} bytes")]
pub struct TooLong(pub usize);

impl EventStream {
    /// For events of at most so many bytes.
    pub fn new(bytes_max: usize) -> Self {
        Self { buffer: Vec::new(), searched: 0, bytes_max }
    }

    /// Takes the next bytes.
    ///
    /// # Errors
    /// If there is no end of an event in more bytes than an event may have.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Vec<Event>, TooLong> {
        self.buffer.extend_from_slice(bytes);
        let mut events = Vec::new();
        let mut start = 0;
        while let Some(end) = self.end_of_block(start) {
            events.extend(event_in(&self.buffer[start..end]));
            start = end;
        }
        self.buffer.drain(..start);
        // An end may have begun at the very end of what there is.
        self.searched = self.buffer.len().saturating_sub(3);
        if self.buffer.len() > self.bytes_max { Err(TooLong(self.bytes_max)) } else { Ok(events) }
    }

    /// The event at the end of the stream that no blank line ends. By the standard it does not
    /// count; a reader of answers that break off may still want it.
    pub fn into_rest(self) -> Option<Event> {
        event_in(&self.buffer)
    }

    /// Behind the next blank line. Lines end with CRLF, LF or CR, and each in its own way.
    fn end_of_block(&self, start: usize) -> Option<usize> {
        let from = start.max(self.searched);
        let ends = |tail: &[u8]| match tail {
            [b'\r', b'\n', b'\r', b'\n', ..] => Some(4),
            [b'\n', b'\r', b'\n', ..] => Some(3),
            // A blank line that ends with CR may be one that ends with CRLF, of which the LF is
            // still on its way. It then stands alone before the next event, and means nothing.
            [b'\n', b'\n' | b'\r', ..] | [b'\r', b'\r', ..] => Some(2),
            _ => None,
        };
        (from..self.buffer.len()).find_map(|at| ends(&self.buffer[at..]).map(|length| at + length))
    }
}

/// `None` for a block without data, such as a comment.
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
