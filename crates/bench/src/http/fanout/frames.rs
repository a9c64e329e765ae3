//! Finds counts in what a stream sends, and pings that want an answer.

use super::readers::Transport;

/// The frames of one connection.
pub(super) struct Frames {
    transport: Transport,
    /// What came and is not a whole frame yet.
    rest: Vec<u8>,
}

/// What was in the bytes.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Seen {
    /// The newest count.
    pub(super) live_users: Option<u64>,
    /// What to send back.
    pub(super) pong: Option<Vec<u8>>,
}

const NAME: &[u8] = b"\"liveUsers\":";

const TEXT: u8 = 1;
const PING: u8 = 9;

impl Frames {
    pub(super) fn new(transport: Transport, rest: &[u8]) -> Self {
        Self { transport, rest: rest.to_vec() }
    }

    /// Takes in bytes.
    pub(super) fn read(&mut self, bytes: &[u8]) -> Seen {
        self.rest.extend_from_slice(bytes);
        let mut seen = Seen::default();
        let done = match self.transport {
            Transport::Sse => {
                // An event ends with an empty line; the sizes of chunks in between do not matter.
                let end = self.rest.windows(2).rposition(|two| two == b"\n\n");
                let done = end.map_or(0, |end| end + 2);
                seen.live_users = count_in(&self.rest[..done]);
                done
            }
            Transport::WebSocket => {
                let mut done = 0;
                while let Some((opcode, payload, next)) = frame(&self.rest[done..]) {
                    match opcode {
                        TEXT => seen.live_users = count_in(payload).or(seen.live_users),
                        PING => seen.pong = Some(pong(payload)),
                        _ => {}
                    }
                    done += next;
                }
                done
            }
        };
        self.rest.drain(..done);
        if self.rest.is_empty() {
            self.rest = Vec::new();
        }
        seen
    }
}

/// The last count in a text.
fn count_in(text: &[u8]) -> Option<u64> {
    let at = text.windows(NAME.len()).rposition(|part| part == NAME)? + NAME.len();
    let digits = text[at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    std::str::from_utf8(&text[at..at + digits]).ok()?.parse().ok()
}

/// The first frame of a server, which masks none: its opcode, its payload, and its whole length.
/// (RFC 6455, section 5.2.)
fn frame(bytes: &[u8]) -> Option<(u8, &[u8], usize)> {
    let (head, length) = match *bytes {
        [_, 126, a, b, ..] => (4, usize::from(u16::from_be_bytes([a, b]))),
        [_, length @ 0..126, ..] => (2, usize::from(length)),
        _ => return None,
    };
    let payload = bytes.get(head..head + length)?;
    Some((bytes[0] & 0x0f, payload, head + length))
}

/// The answer to a ping: at most 125 bytes, masked with zeros, which change nothing.
fn pong(payload: &[u8]) -> Vec<u8> {
    let length = u8::try_from(payload.len()).unwrap_or(0);
    let mut pong = vec![0x8a, 0x80 | length, 0, 0, 0, 0];
    pong.extend_from_slice(&payload[..usize::from(length)]);
    pong
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_is_found_wherever_an_event_is_cut() {
        let event = b"26\r\nid: a-7\ndata: {\"liveUsers\":31,\"seq\":7}\n\n\r\n";
        for cut in 0..event.len() {
            let mut frames = Frames::new(Transport::Sse, &event[..cut]);
            let seen = [frames.read(b""), frames.read(&event[cut..])].map(|it| it.live_users);
            assert_eq!(seen.iter().flatten().collect::<Vec<_>>(), [&31], "cut at {cut}");
        }
    }

    #[test]
    fn frames_are_told_apart_and_a_ping_is_answered() {
        let mut frames = Frames::new(Transport::WebSocket, b"");
        let mut bytes = vec![0x89, 1, b'x', 0x81, 15];
        bytes.extend_from_slice(b"{\"liveUsers\":8}");
        assert_eq!(frames.read(&bytes[..4]).pong, Some(vec![0x8a, 0x81, 0, 0, 0, 0, b'x']));
        assert_eq!(frames.read(&bytes[4..]), Seen { live_users: Some(8), pong: None });
    }
}
