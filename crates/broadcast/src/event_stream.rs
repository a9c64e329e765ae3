//! The reading end of SSE, for a server that reads another one's stream.

/// A stream that is silent for so long says that it lives, in milliseconds: by a comment, or by a
/// ping. A reader that hears nothing for twice as long may take it for dead.
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
#[derive(Debug, PartialEq, Eq)]
pub struct Event {
    /// Its `id`, if it has one.
    pub id: Option<String>,
    /// Its data.
    pub data: String,
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

    /// Behind the next blank line.
    fn end_of_block(&self, start: usize) -> Option<usize> {
        let from = start.max(self.searched);
        let ends = |tail: &[u8]| match tail {
            [b'\r', b'\n', b'\r', b'\n', ..] => Some(4),
            [b'\n', b'\n', ..] | [b'\r', b'\r', ..] => Some(2),
            _ => None,
        };
        (from..self.buffer.len()).find_map(|at| ends(&self.buffer[at..]).map(|length| at + length))
    }
}

/// `None` for a block without data, such as a comment.
fn event_in(block: &[u8]) -> Option<Event> {
    let text = String::from_utf8_lossy(block);
    let (mut id, mut data) = (None, None::<String>);
    for line in text.split(['\n', '\r']).filter(|line| !line.is_empty()) {
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match name {
            "id" => id = Some(value.to_owned()).filter(|id| !id.is_empty()),
            "data" => match &mut data {
                Some(data) => {
                    data.push('\n');
                    data.push_str(value);
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
        Event { id: id.map(str::to_owned), data: data.to_owned() }
    }

    #[test]
    fn what_is_sent_is_read_however_it_is_cut() {
        let sent = [
            ": heartbeat\n\n".as_bytes(),
            Frame::new("e", 1, "{\"a\":1}").event(),
            b"retry: 1234\n\n",
            Frame::unnamed("{}").event(),
            b"event: other\r\nid: x\r\ndata: a\r\ndata:b\r\n\r\n",
        ]
        .concat();
        let expected =
            [event(Some("e-1"), "{\"a\":1}"), event(None, "{}"), event(Some("x"), "a\nb")];
        for size in 1..=sent.len() {
            let mut stream = EventStream::new(100);
            let got = sent.chunks(size).flat_map(|chunk| stream.push(chunk).unwrap());
            assert_eq!(got.collect::<Vec<_>>(), expected, "in pieces of {size}");
        }
    }

    #[test]
    fn an_event_without_an_end_is_too_long_some_time() {
        let mut stream = EventStream::new(10);
        assert_eq!(stream.push(b"data: 1234"), Ok(vec![]));
        assert_eq!(stream.push(b"5"), Err(TooLong(10)));
    }
}
