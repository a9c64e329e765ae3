//! Streams of tokens of accounts: one of the backend for each token that somebody reads with, and
//! never a frame of another.

use live_users_testkit::{Events, Heard, Server, Socket};

use crate::account_backend::{ACME, BETA, World};
use crate::admin::RIGHT;
use crate::proxy::timeless;

fn frame(live_users: u64, seq: u64) -> String {
    let as_of = "2026-11-23T09:30:00.000Z";
    format!(r#"{{"liveUsers":{live_users},"epoch":"e","seq":{seq},"asOf":"{as_of}"}}"#)
}

fn in_envelope(frame: &str) -> String {
    format!(r#"{{"success":true,{}"#, &frame[1..])
}

fn at(proxy: &Server, path: &str) -> String {
    format!("{}/api/live-users{path}", proxy.url)
}

async fn socket(world: &World, token: &str) -> Socket {
    let bearer = format!("Bearer {token}");
    let headers = [("Authorization", bearer.as_str())];
    Socket::open(&at(&world.proxy, "/summary/ws"), &headers).await.expect("a socket")
}

async fn events(world: &World, path: &str, token: &str) -> Events {
    let bearer = format!("Bearer {token}");
    let headers = [("Authorization", bearer.as_str())];
    Events::open(&at(&world.proxy, path), &headers).await.expect("a stream")
}

#[tokio::test]
async fn each_scope_has_one_stream_and_nobody_gets_a_frame_of_another() {
    let mut world = World::start();
    let (mut acme, mut acme_too) =
        (socket(&world, ACME).await, events(&world, "/summary/stream", ACME).await);
    let (access, mut of_acme) = world.opened().await;
    assert_eq!(access.as_deref(), Some("acme.1"));
    let mut beta = socket(&world, BETA).await;
    let (access, mut of_beta) = world.opened().await;
    assert_eq!(access.as_deref(), Some("beta.1"));
    let mut all = Socket::open(&at(&world.proxy, "/summary/ws"), &[RIGHT]).await.expect("a socket");
    // The total is public here: it is that of all, whoever reads it.
    let mut total = events(&world, "/stream", ACME).await;
    let (access, mut of_all) = world.opened().await;
    assert_eq!(access, None);
    assert!(world.has_no_more_streams(), "readers of one scope share its stream");
    for seq in 1..=5 {
        let [one, two, three] = [seq, 100 + seq, 1000 + seq].map(|users| frame(users, seq));
        of_beta.tell(&two).await;
        of_all.tell(&three).await;
        of_acme.tell(&one).await;
        assert_eq!(timeless(&acme.text().await), in_envelope(&one));
        assert_eq!(acme_too.next().await.map(|it| timeless(&it)), Some(in_envelope(&one)));
        assert_eq!(timeless(&beta.text().await), in_envelope(&two));
        assert_eq!(timeless(&all.text().await), in_envelope(&three));
        assert_eq!(total.next().await.map(|it| timeless(&it)), Some(in_envelope(&three)));
    }
    // Who comes late gets the frame of its own.
    let mut late = socket(&world, ACME).await;
    assert_eq!(timeless(&late.text().await), in_envelope(&frame(5, 5)));
    assert!(world.has_no_more_streams());
}

#[tokio::test]
async fn the_stream_of_a_scope_is_closed_when_its_last_reader_has_gone() {
    let mut world = World::start();
    let (first, second) = (socket(&world, ACME).await, socket(&world, ACME).await);
    let mut beta = socket(&world, BETA).await;
    let (mut acme, mut others) = (None, None);
    for _ in 0..2 {
        let (access, request) = world.opened().await;
        let place = if access.as_deref() == Some("acme.1") { &mut acme } else { &mut others };
        *place = Some(request);
    }
    drop((first, second));
    acme.expect("a stream of acme").closed().await;
    let mut others = others.expect("a stream of beta");
    others.tell(&frame(7, 1)).await;
    assert_eq!(timeless(&beta.text().await), in_envelope(&frame(7, 1)));
    // Who comes again has a stream again, and no old frame.
    let mut again = socket(&world, ACME).await;
    let (access, mut upstream) = world.opened().await;
    assert_eq!(access.as_deref(), Some("acme.1"));
    upstream.tell(&frame(1, 9)).await;
    assert_eq!(timeless(&again.text().await), in_envelope(&frame(1, 9)));
}

#[tokio::test]
async fn the_end_of_an_access_ends_its_streams_and_no_others() {
    let mut world = World::start();
    let mut acme = socket(&world, ACME).await;
    let (_, mut upstream) = world.opened().await;
    upstream.tell(&frame(3, 1)).await;
    assert_eq!(timeless(&acme.text().await), in_envelope(&frame(3, 1)));
    let mut beta = socket(&world, BETA).await;
    let (_, mut of_beta) = world.opened().await;
    world.end_access("acme.1");
    drop(upstream);
    // Not that the backend has stopped: it has not.
    match acme.next().await {
        Heard::Closed(code) => assert_eq!(code, 4001),
        Heard::Text(text) => panic!("{text}"),
        Heard::Gone => panic!("closed without a code"),
    }
    of_beta.tell(&frame(4, 1)).await;
    assert_eq!(timeless(&beta.text().await), in_envelope(&frame(4, 1)));
}

#[tokio::test]
async fn a_backend_that_ends_the_streams_of_a_scope_again_and_again_is_told_of_and_not_asked_without_end()
 {
    let mut world = World::start();
    let mut acme = socket(&world, ACME).await;
    let (_, mut upstream) = world.opened().await;
    upstream.tell(&frame(3, 1)).await;
    assert_eq!(timeless(&acme.text().await), in_envelope(&frame(3, 1)));
    drop(upstream);
    // It may have ended the access. It has not, and the number goes on.
    let (_, mut upstream) = world.opened().await;
    upstream.tell(&frame(4, 2)).await;
    assert_eq!(timeless(&acme.text().await), in_envelope(&frame(4, 2)));
    drop(upstream);
    let told = acme.text().await;
    assert!(told.contains(r#""success":false"#), "{told}");
}

#[tokio::test]
async fn a_private_total_is_told_to_an_account_as_its_own() {
    let mut world = World::start_with(&[("PUBLIC_TOTAL", "false")]);
    let mut acme = events(&world, "/stream", ACME).await;
    let (access, mut upstream) = world.opened().await;
    assert_eq!(access.as_deref(), Some("acme.1"));
    upstream.tell(&frame(2, 1)).await;
    assert_eq!(acme.next().await.map(|it| timeless(&it)), Some(in_envelope(&frame(2, 1))));
}

#[tokio::test]
async fn a_scope_that_the_backend_refuses_gets_no_number_of_all() {
    let mut world = World::start();
    let mut acme = socket(&world, ACME).await;
    let (_, upstream) = world.opened().await;
    world.asked();
    let refusal = "HTTP/1.1 401 No\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
    upstream.say(refusal).await;
    let told = acme.text().await;
    assert!(told.contains(r#""success":false"#), "{told}");
    let (access, _again) = world.opened().await;
    assert_eq!(access.as_deref(), Some("acme.1"));
    let asked = world.asked();
    assert!(asked.iter().all(|it| it.what != "GET /stream"), "{asked:?}");
}
