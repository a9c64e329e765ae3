//! Streams that are refused.

use actix_web::FromRequest;
use actix_web::test::TestRequest;
use futures_util::FutureExt;

use super::*;

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

#[test]
fn without_a_server_that_gives_its_sockets_there_is_no_stream() {
    let request = TestRequest::default().to_http_request();
    let latest = Latest::default();
    let opened = events(&request, &latest, &ConnectionLimit::new(1), Reader::Public);
    assert_eq!(opened.unwrap_err(), Refusal::NoSocket);
    assert!(!latest.is_read());
}
