//! A WebSocket session, moment by moment.

use super::*;

fn at(start: Instant, ms: u64) -> Instant {
    start + Duration::from_millis(ms)
}

/// A frame as a client sends it.
fn from_client(opcode: OpCode, payload: &[u8]) -> Bytes {
    let mut bytes = BytesMut::new();
    Parser::write_message(&mut bytes, payload, opcode, true, true);
    bytes.freeze()
}

fn closes(step: &Step, code: u16) -> bool {
    matches!(step, Step::Send(bytes) if bytes[0] == 0x88 && bytes[2..4] == code.to_be_bytes())
}

/// The payload of the ping at the end of these bytes.
fn pinged(step: &Step) -> Vec<u8> {
    let Step::Send(bytes) = step else { panic!("{step:?}") };
    let (head, payload) = bytes[bytes.len() - 6..].split_at(2);
    assert_eq!(head, [0x89, 4], "a ping at the end of {bytes:?}");
    payload.to_vec()
}

fn received(session: &mut WsSession, now: Instant, bytes: &[u8]) -> Step {
    session.receive(bytes);
    session.step(now)
}

#[test]
fn a_client_that_answers_pings_stays_and_hears_the_present_again_when_all_is_quiet() {
    let start = Instant::now();
    let (mut session, frame) = (WsSession::new(start), Frame::new("e", 1, "{}"));
    for beat in 1..=1000 {
        let now = at(start, beat * HEARTBEAT_MS);
        assert_eq!(session.due(), now);
        assert_eq!(session.tick(now - Duration::from_millis(1), Some(&frame)), Step::Wait);
        let step = session.tick(now, Some(&frame));
        assert!(matches!(&step, Step::Send(bytes) if bytes.starts_with(frame.message())));
        let pong = from_client(OpCode::Pong, &pinged(&step));
        assert_eq!(received(&mut session, at(now, 14_999), &pong), Step::Wait);
    }
}

#[test]
fn what_was_sent_since_the_last_ping_is_not_sent_again_with_the_next() {
    let start = Instant::now();
    let (mut session, frame) = (WsSession::new(start), Frame::new("e", 1, "{}"));
    session.send(at(start, 5), &frame);
    let Step::Send(bytes) = session.tick(session.due(), Some(&frame)) else { panic!("no ping") };
    assert_eq!(bytes[..2], [0x89, 4], "a ping and nothing else");
}

#[test]
fn a_client_that_does_not_answer_a_ping_in_time_is_closed_with_4000_and_then_gone() {
    let start = Instant::now();
    let mut session = WsSession::new(start);
    let ping = pinged(&session.tick(at(start, HEARTBEAT_MS), None));
    // A pong with another payload is no answer.
    assert_eq!(
        received(&mut session, at(start, 15_500), &from_client(OpCode::Pong, b"1234")),
        Step::Wait
    );
    assert_eq!(session.tick(at(start, 29_999), None), Step::Wait);
    let end = at(start, 30_000);
    assert!(closes(&session.tick(end, None), 4000));
    assert_eq!(
        received(&mut session, end, &from_client(OpCode::Pong, &ping)),
        Step::Wait,
        "too late"
    );
    assert_eq!((session.tick(at(end, 999), None), session.due()), (Step::Wait, at(end, 1000)));
    assert_eq!(session.tick(at(end, 1000), None), Step::End);
}

#[test]
fn little_is_on_its_way_to_a_client_that_does_not_read() {
    let start = Instant::now();
    let mut session = WsSession::new(start);
    let frame = Frame::new("e", 1, format!("\"{}\"", "x".repeat(1000)));
    let mut sent = 0;
    let mut ping = None;
    while session.has_room() {
        sent += session.send(start, &frame).len();
        if session.due() <= start {
            ping = Some((pinged(&session.tick(start, Some(&frame))), sent));
        }
    }
    assert!(sent < ON_ITS_WAY_BYTES_MAX + 1100, "{sent}");
    let (ping, covered) = ping.expect("asked how much has arrived, before there is no room left");
    assert_eq!(received(&mut session, start, &from_client(OpCode::Pong, &ping)), Step::Wait);
    assert!(session.has_room(), "the client reads again");
    assert_eq!(session.on_its_way, sent - covered);
}

#[test]
fn whatever_a_client_sends_but_ping_pong_and_close_closes_with_the_code_for_it() {
    let unmasked = [0x89, 0];
    for (bytes, code) in [
        (from_client(OpCode::Text, b"hello").to_vec(), 1003),
        (from_client(OpCode::Binary, b"").to_vec(), 1003),
        (from_client(OpCode::Continue, b"a").to_vec(), 1003),
        (from_client(OpCode::Text, &[b'x'; 1000]).to_vec(), 1009),
        (from_client(OpCode::Ping, &[0; 126]).to_vec(), 1009),
        (unmasked.to_vec(), 1002),
        (vec![0x83, 0x80, 0, 0, 0, 0], 1002),
    ] {
        let start = Instant::now();
        let mut session = WsSession::new(start);
        let step = received(&mut session, start, &bytes);
        assert!(closes(&step, code), "{code}: {step:?} to {bytes:?}");
        assert!(!session.has_room() && session.input.is_empty());
        assert_eq!(received(&mut session, start, &from_client(OpCode::Close, &[])), Step::End);
    }
}

#[test]
fn the_rest_of_a_frame_that_is_too_big_is_taken_and_not_kept() {
    let start = Instant::now();
    let mut session = WsSession::new(start);
    let big = from_client(OpCode::Text, &[b'x'; 100_000]);
    let (first, rest) = big.split_at(4_096);
    assert!(closes(&received(&mut session, start, first), 1009));
    // It has not read the close yet, and sends another one.
    for piece in rest.chunks(4_096).chain(big.chunks(4_096)) {
        assert_eq!(received(&mut session, start, piece), Step::Wait);
        assert!(session.input.is_empty());
    }
    assert_eq!(received(&mut session, start, &from_client(OpCode::Close, &[])), Step::End);
}

#[test]
fn a_frame_without_an_end_is_taken_for_as_long_as_a_close_is_waited_for() {
    let start = Instant::now();
    let mut session = WsSession::new(start);
    let endless = [&[0x81, 0xff][..], &[0, 0, 0, 1, 0, 0, 0, 0][..], &[0; 200]].concat();
    assert!(closes(&received(&mut session, start, &endless), 1009));
    assert_eq!(received(&mut session, start, &from_client(OpCode::Close, &[])), Step::Wait);
    assert!(session.input.is_empty());
    assert_eq!(session.tick(session.due(), None), Step::End);
}

#[test]
fn pings_are_answered_in_pieces_too_and_a_flood_of_them_is_not() {
    let start = Instant::now();
    let mut session = WsSession::new(start);
    let ping = from_client(OpCode::Ping, b"there?");
    let (first, rest) = ping.split_at(5);
    assert_eq!(received(&mut session, start, first), Step::Wait);
    let pong = Step::Send(Bytes::from_static(b"\x8a\x06there?"));
    assert_eq!(received(&mut session, start, rest), pong);
    for _ in 1..CONTROLS_MAX {
        assert_eq!(received(&mut session, start, &ping), pong);
    }
    assert!(closes(&received(&mut session, start, &ping), 1008));
}

#[test]
fn a_client_that_closes_is_answered_with_its_own_code() {
    let start = Instant::now();
    let mut session = WsSession::new(start);
    let step = received(&mut session, start, &from_client(OpCode::Close, &1000u16.to_be_bytes()));
    assert!(closes(&step, 1000));
    assert_eq!(session.step(start), Step::Wait);
    assert_eq!(session.tick(start, None), Step::End);
}
