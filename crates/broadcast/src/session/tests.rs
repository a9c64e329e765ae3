//! What readers are told, moment by moment.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::*;
use crate::authorization::Reader;
use crate::connection_limit::{ConnectionLimit, Transport as By};
use crate::{Change, Changes, Close, Frame, HEARTBEAT_MS};

/// A reader, and what it reads.
struct Read {
    session: Session,
    slot: Slot,
    now: Instant,
}

impl Read {
    /// Server-sent events.
    fn events(known: Option<&str>, authorization: Option<Authorization>, chunked: bool) -> Self {
        let (now, limit) = (Instant::now(), ConnectionLimit::new(1));
        let permit = limit.take(By::Events, &Reader::Public).unwrap();
        let events = EventSession::new(now, chunked);
        let session = Session::events(events, known.map(Box::from), permit, authorization);
        Self { session, slot: Slot::default(), now }
    }

    fn socket(limit: &ConnectionLimit, authorization: Option<Authorization>) -> Self {
        let now = Instant::now();
        let permit = limit.take(By::Socket, &Reader::Public);
        let session = Session::socket(WsSession::new(now), permit, authorization);
        Self { session, slot: Slot::default(), now }
    }

    fn put(&mut self, state: SlotState) {
        self.slot = Slot { version: self.slot.version + 1, state };
    }

    fn publish(&mut self, seq: u64) {
        self.put(SlotState::Frame(frame(seq)));
    }

    fn after(&mut self, ms: u64) {
        self.now += Duration::from_millis(ms);
    }

    /// What the client is told now, until there is nothing more.
    fn told(&mut self) -> Told {
        match self.session.next(self.now, &self.slot) {
            Step::Wait => Told::Nothing,
            Step::Send(bytes) => Told::Bytes(String::from_utf8_lossy(&bytes).into_owned()),
            Step::End => Told::End,
        }
    }

    fn text(&mut self) -> String {
        match self.told() {
            Told::Bytes(text) => text,
            other => panic!("{other:?}"),
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Told {
    Nothing,
    Bytes(String),
    End,
}

fn frame(seq: u64) -> Frame {
    Frame::new("e", seq, format!("{{\"liveUsers\":{seq}}}"))
}

fn event(seq: u64) -> String {
    format!("id: e-{seq}\ndata: {{\"liveUsers\":{seq}}}\n\n")
}

#[test]
fn events_begin_with_the_present_and_a_silence_is_broken_by_heartbeats() {
    let mut reader = Read::events(None, None, false);
    reader.publish(1);
    let first = reader.text();
    let (retry, rest) = first.split_once("\n\n").unwrap();
    assert!(retry.starts_with("retry: ") && rest == event(1), "{first:?}");
    for _ in 1..=3 {
        reader.after(HEARTBEAT_MS - 1);
        assert_eq!(reader.told(), Told::Nothing);
        reader.after(1);
        assert_eq!(reader.text(), ": heartbeat\n\n");
    }
    (2..=9).for_each(|seq| reader.publish(seq));
    assert_eq!((reader.text(), reader.told()), (event(9), Told::Nothing));
    reader.put(SlotState::Nothing);
    assert_eq!(reader.told(), Told::Nothing);
    reader.put(SlotState::Closed);
    assert_eq!(reader.told(), Told::End);
    assert!(reader.session.end().is_empty(), "the end of the connection is the end");
}

#[test]
fn in_chunks_the_same_is_told_and_the_last_chunk_ends_it() {
    let (mut plain, mut chunked) =
        (Read::events(None, None, false), Read::events(None, None, true));
    let mut texts = [String::new(), String::new()];
    for (reader, text) in [&mut plain, &mut chunked].into_iter().zip(&mut texts) {
        text.push_str(&reader.text());
        reader.publish(31);
        text.push_str(&reader.text());
        reader.after(HEARTBEAT_MS);
        text.push_str(&reader.text());
        reader.put(SlotState::Closed);
        assert_eq!(reader.told(), Told::End);
        text.push_str(&String::from_utf8_lossy(&reader.session.end()));
    }
    let (mut rest, mut data) = (texts[1].as_str(), String::new());
    loop {
        let (size, after) = rest.split_once("\r\n").unwrap();
        let size = usize::from_str_radix(size, 16).unwrap();
        data.push_str(&after[..size]);
        rest = after[size..].strip_prefix("\r\n").expect("the end of a chunk");
        if size == 0 {
            break;
        }
    }
    assert_eq!(rest, "");
    let after_retry = |text: &str| text.split_once("\n\n").unwrap().1.to_owned();
    assert_eq!(after_retry(&data), after_retry(&texts[0]));
}

#[test]
fn a_reader_that_is_no_longer_authorized_is_told_nothing_new() {
    let is_authorized = Arc::new(AtomicBool::new(true));
    let authorization = || -> Option<Authorization> {
        let is_authorized = is_authorized.clone();
        Some(Box::new(move || is_authorized.load(Ordering::Relaxed)))
    };
    let limit = ConnectionLimit::new(9);
    let mut readers = [
        Read::events(None, authorization(), true),
        Read::events(None, authorization(), true),
        Read::events(None, authorization(), true),
    ];
    let mut sockets =
        [Read::socket(&limit, authorization()), Read::socket(&limit, authorization())];
    for reader in readers.iter_mut().chain(&mut sockets) {
        reader.publish(1);
        assert!(reader.text().contains("\"liveUsers\":1"));
    }
    is_authorized.store(false, Ordering::Relaxed);
    let [beat, frame, nothing] = &mut readers;
    beat.after(HEARTBEAT_MS);
    frame.publish(2);
    nothing.put(SlotState::Nothing);
    assert_eq!([beat.told(), frame.told(), nothing.told()], [Told::End, Told::End, Told::End]);
    sockets[0].after(HEARTBEAT_MS);
    sockets[1].publish(2);
    for socket in &mut sockets {
        assert!(socket.text().contains(Close::SessionRevoked.code().1));
    }
}

#[test]
fn a_client_with_the_present_frame_is_told_the_next_one_first() {
    let mut reader = Read::events(Some("e-1"), None, false);
    reader.publish(1);
    assert!(reader.text().starts_with("retry: "));
    assert_eq!(reader.told(), Told::Nothing);
    reader.put(SlotState::Frame(Frame::unnamed("{}")));
    assert_eq!(reader.text(), "id: \ndata: {}\n\n");
    for other in ["e-2", "", "x"] {
        let mut reader = Read::events(Some(other), None, false);
        reader.put(SlotState::Frame(Frame::unnamed("{}")));
        assert!(reader.text().ends_with("\n\nid: \ndata: {}\n\n"), "{other:?}");
    }
}

#[test]
fn a_client_of_events_that_sends_more_than_a_few_requests_is_gone() {
    let mut reader = Read::events(None, None, true);
    assert!(reader.text().contains("retry: "));
    reader.session.receive(b"GET / HTTP/1.1\r\n\r\n");
    assert_eq!(reader.told(), Told::Nothing);
    (0..9).for_each(|_| reader.session.receive(&[b'x'; 1024]));
    assert_eq!(reader.told(), Told::End);
}

#[test]
fn a_websocket_without_a_place_is_told_so_and_closed() {
    let limit = ConnectionLimit::new(1);
    let _taken = limit.take(By::Events, &Reader::Public).unwrap();
    let mut socket = Read::socket(&limit, None);
    socket.publish(1);
    assert!(socket.text().contains(Close::Busy.code().1));
    socket.after(999);
    assert_eq!(socket.told(), Told::Nothing, "the client may answer");
    socket.after(1);
    assert_eq!(socket.told(), Told::End);
}

#[test]
fn a_websocket_begins_with_the_present_skips_to_now_and_is_closed_with_the_server() {
    let mut socket = Read::socket(&ConnectionLimit::new(1), None);
    socket.publish(1);
    assert!(socket.text().ends_with("{\"liveUsers\":1}"));
    assert_eq!(socket.told(), Told::Nothing);
    (2..=9).for_each(|seq| socket.publish(seq));
    assert!(socket.text().ends_with("{\"liveUsers\":9}"));
    assert_eq!(socket.told(), Told::Nothing);
    socket.put(SlotState::Closed);
    assert!(socket.text().contains(Close::Away.code().1));
    socket.after(999);
    assert_eq!(socket.told(), Told::Nothing);
    socket.after(1);
    assert_eq!(socket.told(), Told::End, "the end waits a little for the client's word");
}

#[test]
fn a_websocket_that_nobody_reads_is_sent_little_and_closed() {
    let mut socket = Read::socket(&ConnectionLimit::new(1), None);
    let (start, mut sent) = (socket.now, 0);
    loop {
        let large = Frame::new("e", 1, format!("\"{}\"", "x".repeat(1000)));
        socket.put(SlotState::Frame(large));
        match socket.told() {
            Told::Bytes(text) if text.contains(Close::TooSlow.code().1) => break,
            Told::Bytes(text) => sent += text.len(),
            Told::Nothing => socket.after(10),
            Told::End => panic!("ended without a word"),
        }
    }
    assert!(sent < 20_000, "{sent} bytes");
    assert_eq!(socket.now - start, Duration::from_secs(15));
}

/// The frame of the change of this number.
fn change(changes: &mut Changes, n: u64) -> SlotState {
    let (changed, repeat) = (format!("+{n}"), format!("={n}"));
    let change = Change { changed: &changed, repeat: &repeat };
    SlotState::Frame(changes.follow(&format!("d-{n}"), change, || format!("all-{n}")))
}

#[test]
fn a_reader_of_a_document_is_told_what_it_lacks() {
    let mut changes = Changes::default();
    let frames: Vec<_> = (0..4).map(|n| change(&mut changes, n)).collect();
    let mut reader = Read::events(None, None, false);
    reader.put(frames[0].clone());
    assert!(reader.text().ends_with("id: d-0\ndata: all-0\n\n"));
    reader.put(frames[1].clone());
    assert_eq!(reader.text(), "id: d-1\ndata: +1\n\n");
    // It was slow.
    reader.put(frames[2].clone());
    reader.put(frames[3].clone());
    assert_eq!(reader.text(), "id: d-2\ndata: +2\n\nid: d-3\ndata: +3\n\n");
    reader.put(SlotState::Frame(Frame::unnamed("trouble")));
    reader.text();
    reader.put(change(&mut changes, 4));
    assert!(reader.text().starts_with("id: d-0\ndata: all-0\n\nid: d-1\ndata: +1\n\n"));
}

#[test]
fn who_comes_back_to_a_document_is_told_what_was_missed() {
    let mut changes = Changes::default();
    let frames: Vec<_> = (0..4).map(|n| change(&mut changes, n)).collect();
    for (known, told) in [
        ("d-1", "id: d-2\ndata: +2\n\nid: d-3\ndata: +3\n\n"),
        ("d-9", "data: all-0\n\nid: d-1\ndata: +1\n\nid: d-2\ndata: +2\n\nid: d-3\ndata: +3\n\n"),
    ] {
        let mut reader = Read::events(Some(known), None, false);
        reader.put(frames[3].clone());
        let text = reader.text();
        assert!(text.starts_with("retry: ") && text.ends_with(told), "{text}");
    }
    let mut reader = Read::events(Some("d-3"), None, false);
    reader.put(frames[3].clone());
    assert!(reader.text().ends_with("\n\n") && reader.told() == Told::Nothing);
    reader.put(change(&mut changes, 4));
    assert_eq!(reader.text(), "id: d-4\ndata: +4\n\n");
}

#[test]
fn a_quiet_document_is_told_to_be_as_it_was_and_not_told_again() {
    let mut changes = Changes::default();
    let mut socket = Read::socket(&ConnectionLimit::new(1), None);
    socket.put(change(&mut changes, 0));
    assert!(socket.text().ends_with("all-0"));
    socket.after(HEARTBEAT_MS);
    socket.text();
    // The client's pong.
    socket.session.receive(&[0x8a, 0x84, 0, 0, 0, 0, 0, 0, 0, 1]);
    assert_eq!(socket.told(), Told::Nothing);
    socket.after(HEARTBEAT_MS);
    let told = socket.text();
    assert!(told.contains("=0") && !told.contains("all"), "{told:?}");
    socket.put(change(&mut changes, 1));
    assert!(socket.text().ends_with("+1"));
}
