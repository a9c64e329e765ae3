//! Streams that a test reads in place of a connection.

use std::pin::Pin;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};

use actix_http::h1;
use actix_web::FromRequest;
use actix_web::body::MessageBody;
use actix_web::test::TestRequest;
use futures_util::FutureExt;
use tokio::time::Instant;

use super::*;
use crate::{Close, Frame};

fn frame(seq: u64) -> Frame {
    Frame::new("e", seq, format!("{{\"liveUsers\":{seq}}}"))
}

/// Takes bytes from a body as a connection does.
struct Drawn(BoxBody);

impl Drawn {
    async fn next(&mut self) -> Option<String> {
        let next = std::future::poll_fn(|cx| Pin::new(&mut self.0).poll_next(cx)).await;
        next.map(|bytes| String::from_utf8_lossy(&bytes.expect("no error")).into_owned())
    }

    fn is_silent(&mut self) -> bool {
        self.next().now_or_never().is_none()
    }
}

fn open_events(latest: &Latest, connections: &ConnectionLimit, known: Option<&str>) -> Drawn {
    let mut request = TestRequest::default();
    if let Some(known) = known {
        request = request.insert_header((LAST_EVENT_ID, known));
    }
    let answer = events(&request.to_http_request(), latest, connections, Reader::Public).unwrap();
    assert_eq!(answer.headers().get("content-type").unwrap(), "text/event-stream");
    Drawn(answer.into_body())
}

/// A WebSocket, and the client's end of it. Without that end the client is gone.
async fn open_socket(latest: &Latest, connections: &ConnectionLimit) -> (Drawn, impl Sized) {
    let request = TestRequest::default()
        .insert_header(("upgrade", "websocket"))
        .insert_header(("connection", "upgrade"))
        .insert_header(("sec-websocket-version", "13"))
        .insert_header(("sec-websocket-key", "x3JJHMbDL1EzLkh9GBhXDw=="))
        .to_http_request();
    let (client, received) = h1::Payload::create(false);
    let mut received = actix_web::dev::Payload::from(received);
    let received = Payload::from_request(&request, &mut received).await.unwrap();
    let answer = websocket(&request, received, latest, connections, Reader::Public).unwrap();
    assert_eq!(answer.status(), StatusCode::SWITCHING_PROTOCOLS);
    (Drawn(answer.into_body()), client)
}

#[tokio::test(start_paused = true)]
async fn events_begin_with_the_present_and_a_silence_is_broken_by_heartbeats() {
    let (latest, connections) = (Latest::default(), ConnectionLimit::new(1));
    latest.publish(frame(1));
    let mut reader = open_events(&latest, &connections, None);
    assert!(reader.next().await.unwrap().starts_with("retry: "));
    assert_eq!(reader.next().await.as_deref(), Some("id: e-1\ndata: {\"liveUsers\":1}\n\n"));
    let start = Instant::now();
    for beat in 1..=3 {
        assert_eq!(reader.next().await.as_deref(), Some(": heartbeat\n\n"));
        assert_eq!(start.elapsed().as_millis(), u128::from(beat * HEARTBEAT_MS));
    }
    (2..=9).for_each(|seq| latest.publish(frame(seq)));
    assert_eq!(reader.next().await.as_deref(), Some("id: e-9\ndata: {\"liveUsers\":9}\n\n"));
    latest.clear();
    assert!(reader.is_silent());
    latest.close();
    assert_eq!(reader.next().await, None);
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_is_no_longer_authorized_receives_nothing_new() {
    let (latest, connections) = (Latest::default(), ConnectionLimit::new(2));
    latest.publish(frame(1));
    let is_authorized = Rc::new(AtomicBool::new(true));
    let authorization = || -> Option<Authorization> {
        let is_authorized = is_authorized.clone();
        Some(Box::new(move || is_authorized.load(Ordering::Relaxed)))
    };
    let request = TestRequest::default().to_http_request();
    let reader = || Reader::Authorized(authorization());
    let open = || events(&request, &latest, &connections, reader()).unwrap().into_body();
    let mut readers = [Drawn(open()), Drawn(open())];
    for reader in &mut readers {
        assert!(reader.next().await.unwrap().starts_with("retry: "));
        assert!(reader.next().await.unwrap().starts_with("id: e-1"));
    }
    is_authorized.store(false, Ordering::Relaxed);
    assert_eq!(readers[0].next().await, None, "not even a heartbeat");
    latest.publish(frame(2));
    assert_eq!(readers[1].next().await, None);
}

#[tokio::test(start_paused = true)]
async fn a_client_with_the_present_frame_is_sent_the_next_one_first() {
    let (latest, connections) = (Latest::default(), ConnectionLimit::new(9));
    latest.publish(frame(1));
    let mut reader = open_events(&latest, &connections, Some("e-1"));
    assert!(reader.next().await.unwrap().starts_with("retry: "));
    assert!(reader.is_silent());
    latest.publish(Frame::unnamed("{}"));
    assert_eq!(reader.next().await.as_deref(), Some("id: \ndata: {}\n\n"));
    for other in ["e-2", "", "x"] {
        let mut reader = open_events(&latest, &connections, Some(other));
        reader.next().await;
        assert_eq!(reader.next().await.as_deref(), Some("id: \ndata: {}\n\n"), "{other:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn as_many_streams_as_there_are_places_and_a_place_is_free_when_its_stream_is_gone() {
    let (latest, connections) = (Latest::default(), ConnectionLimit::new(1));
    let reader = open_events(&latest, &connections, None);
    let request = TestRequest::default().to_http_request();
    let refusal = events(&request, &latest, &connections, Reader::Public).unwrap_err();
    assert_eq!((refusal, refusal.status().as_u16()), (Refusal::Busy(1), 503));
    assert_eq!(refusal.headers()[0].0, RETRY_AFTER);
    let (mut socket, _client) = open_socket(&latest, &connections).await;
    assert!(socket.next().await.unwrap().contains(Close::Busy.code().1));
    assert_eq!(socket.next().await, None, "the client does not answer");
    drop(reader);
    assert_eq!(connections.taken(), 0);
    drop(open_events(&latest, &connections, None));
}

#[tokio::test(start_paused = true)]
async fn a_websocket_begins_with_the_present_skips_to_now_and_is_closed_with_the_server() {
    let (latest, connections) = (Latest::default(), ConnectionLimit::new(1));
    latest.publish(frame(1));
    let (mut socket, _client) = open_socket(&latest, &connections).await;
    assert!(socket.next().await.unwrap().ends_with("{\"liveUsers\":1}"));
    assert!(socket.is_silent());
    (2..=9).for_each(|seq| latest.publish(frame(seq)));
    assert!(socket.next().await.unwrap().ends_with("{\"liveUsers\":9}"));
    assert!(socket.is_silent());
    latest.close();
    assert!(socket.next().await.unwrap().contains(Close::Away.code().1));
    let start = Instant::now();
    assert_eq!(socket.next().await, None);
    assert_eq!(start.elapsed().as_millis(), 1000, "the end waits a little for the client's word");
}

#[tokio::test(start_paused = true)]
async fn a_websocket_that_nobody_reads_is_sent_little_and_closed() {
    let (latest, connections) = (Latest::default(), ConnectionLimit::new(1));
    let (mut socket, _client) = open_socket(&latest, &connections).await;
    let start = Instant::now();
    let mut sent = 0;
    let last = loop {
        latest.publish(Frame::new("e", 1, format!("\"{}\"", "x".repeat(1000))));
        match socket.next().await {
            Some(bytes) if bytes.contains(Close::TooSlow.code().1) => break bytes.len(),
            Some(bytes) => sent += bytes.len(),
            None => panic!("ended without a word"),
        }
    };
    assert!(last < 50 && sent < 20_000, "{sent} bytes");
    assert_eq!(start.elapsed().as_millis(), 15_000);
}

#[test]
fn a_request_that_is_none_for_a_websocket_is_refused() {
    let (request, mut payload) = TestRequest::default().to_http_parts();
    let received = Payload::from_request(&request, &mut payload).now_or_never().unwrap().unwrap();
    let refusal =
        websocket(&request, received, &Latest::default(), &ConnectionLimit::new(1), Reader::Public)
            .unwrap_err();
    assert_eq!(refusal.status().as_u16(), 426);
    assert!(refusal.headers().contains(&(UPGRADE, HeaderValue::from_static("websocket"))));
}
