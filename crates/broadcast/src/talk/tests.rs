//! A WebSocket's talk, moment by moment.

use super::*;

fn at(start: Instant, ms: u64) -> Instant {
    start + Duration::from_millis(ms)
}

/// A frame as a client sends it.
fn said(opcode: OpCode, payload: &[u8]) -> Bytes {
    let mut bytes = BytesMut::new();
    Parser::write_message(&mut bytes, payload, opcode, true, true);
    bytes.freeze()
}

fn closes(step: &Step, code: u16) -> bool {
    matches!(step, Step::Send(bytes) if bytes[0] == 0x88 && bytes[2..4] == code.to_be_bytes())
}

/// The payload of the ping at the end of what is sent.
fn pinged(step: &Step) -> Vec<u8> {
    let Step::Send(bytes) = step else { panic!("{step:?}") };
    let (head, payload) = bytes[bytes.len() - 6..].split_at(2);
    assert_eq!(head, [0x89, 4], "a ping at the end of {bytes:?}");
    payload.to_vec()
}

fn heard(talk: &mut Talk, now: Instant, bytes: &[u8]) -> Step {
    talk.hear(bytes);
    talk.step(now)
}

#[test]
fn a_client_that_answers_pings_stays_and_hears_the_present_again_when_all_is_quiet() {
    let start = Instant::now();
    let (mut talk, frame) = (Talk::new(start), Frame::new("e", 1, "{}"));
    for beat in 1..=1000 {
        let now = at(start, beat * HEARTBEAT_MS);
        assert_eq!(talk.due(), now);
        assert_eq!(talk.tick(now - Duration::from_millis(1), Some(&frame)), Step::Wait);
        let step = talk.tick(now, Some(&frame));
        assert!(matches!(&step, Step::Send(bytes) if bytes.starts_with(frame.message())));
        let pong = said(OpCode::Pong, &pinged(&step));
        assert_eq!(heard(&mut talk, at(now, 14_999), &pong), Step::Wait);
    }
}

#[test]
fn what_was_told_since_the_last_ping_is_not_told_again_with_the_next() {
    let start = Instant::now();
    let (mut talk, frame) = (Talk::new(start), Frame::new("e", 1, "{}"));
    talk.tell(at(start, 5), &frame);
    let Step::Send(bytes) = talk.tick(talk.due(), Some(&frame)) else { panic!("no ping") };
    assert_eq!(bytes[..2], [0x89, 4], "a ping and nothing else");
}

#[test]
fn a_client_that_does_not_answer_a_ping_in_time_is_closed_with_4000_and_then_gone() {
    let start = Instant::now();
    let mut talk = Talk::new(start);
    let ping = pinged(&talk.tick(at(start, HEARTBEAT_MS), None));
    // A pong to something else is no answer.
    assert_eq!(heard(&mut talk, at(start, 15_500), &said(OpCode::Pong, b"1234")), Step::Wait);
    assert_eq!(talk.tick(at(start, 29_999), None), Step::Wait);
    let end = at(start, 30_000);
    assert!(closes(&talk.tick(end, None), 4000));
    assert_eq!(heard(&mut talk, end, &said(OpCode::Pong, &ping)), Step::Wait, "too late");
    assert_eq!((talk.tick(at(end, 999), None), talk.due()), (Step::Wait, at(end, 1000)));
    assert_eq!(talk.tick(at(end, 1000), None), Step::End);
}

#[test]
fn little_is_on_its_way_to_a_client_that_does_not_read() {
    let start = Instant::now();
    let mut talk = Talk::new(start);
    let frame = Frame::new("e", 1, format!("\"{}\"", "x".repeat(1000)));
    let mut sent = 0;
    let mut ping = None;
    while talk.has_room() {
        sent += talk.tell(start, &frame).len();
        if talk.due() <= start {
            ping = Some((pinged(&talk.tick(start, Some(&frame))), sent));
        }
    }
    assert!(sent < ON_ITS_WAY_BYTES_MAX + 1100, "{sent}");
    let (ping, covered) = ping.expect("asked how much has arrived, before there is no room left");
    assert_eq!(heard(&mut talk, start, &said(OpCode::Pong, &ping)), Step::Wait);
    assert!(talk.has_room(), "the client reads again");
    assert_eq!(talk.on_its_way, sent - covered);
}

#[test]
fn whatever_a_client_says_but_ping_pong_and_close_closes_with_the_code_for_it() {
    let unmasked = [0x89, 0];
    let endless = [&[0x81, 0xff][..], &[0, 0, 0, 1, 0, 0, 0, 0][..], &[0; 200]].concat();
    for (bytes, code) in [
        (said(OpCode::Text, b"hello").to_vec(), 1003),
        (said(OpCode::Binary, b"").to_vec(), 1003),
        (said(OpCode::Continue, b"a").to_vec(), 1003),
        (said(OpCode::Text, &[b'x'; 1000]).to_vec(), 1009),
        (endless, 1009),
        (said(OpCode::Ping, &[0; 126]).to_vec(), 1009),
        (unmasked.to_vec(), 1002),
        (vec![0x83, 0x80, 0, 0, 0, 0], 1002),
    ] {
        let start = Instant::now();
        let mut talk = Talk::new(start);
        let step = heard(&mut talk, start, &bytes);
        assert!(closes(&step, code), "{code}: {step:?} to {bytes:?}");
        assert!(!talk.has_room() && talk.input.is_empty());
        assert_eq!(heard(&mut talk, start, &said(OpCode::Close, &[])), Step::End);
    }
}

#[test]
fn pings_are_answered_in_pieces_too_and_a_flood_of_them_is_not() {
    let start = Instant::now();
    let mut talk = Talk::new(start);
    let ping = said(OpCode::Ping, b"there?");
    let (first, rest) = ping.split_at(5);
    assert_eq!(heard(&mut talk, start, first), Step::Wait);
    let pong = Step::Send(Bytes::from_static(b"\x8a\x06there?"));
    assert_eq!(heard(&mut talk, start, rest), pong);
    for _ in 1..CONTROLS_MAX {
        assert_eq!(heard(&mut talk, start, &ping), pong);
    }
    assert!(closes(&heard(&mut talk, start, &ping), 1008));
}

#[test]
fn a_client_that_closes_is_answered_with_its_own_code() {
    let start = Instant::now();
    let mut talk = Talk::new(start);
    let step = heard(&mut talk, start, &said(OpCode::Close, &1000u16.to_be_bytes()));
    assert!(closes(&step, 1000));
    assert_eq!(talk.step(start), Step::Wait);
    assert_eq!(talk.tick(start, None), Step::End);
}
