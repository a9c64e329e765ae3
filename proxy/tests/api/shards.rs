//! Several shards behind one proxy, each a backend that the test plays.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use live_users_testkit::{Events, Metrics, Server, Socket};
use reqwest::Method;
use serde_json::{Value, json};

use crate::admin::{RIGHT, TOKENS};
use crate::backend::{Backend, Closed};
use crate::proxy::{ask, count, get, seen, start_all, timeless};
use crate::shard_backend::{AS_OF, Shard};

fn shards() -> [Shard; 3] {
    [Shard::start(1), Shard::start(2), Shard::start(4)]
}

fn proxy_of(shards: &[Shard]) -> Server {
    let urls: Vec<_> = shards.iter().map(|shard| shard.url.clone()).collect();
    start_all(&[&[("BACKEND_URLS", urls.join(",").as_str())], &TOKENS[..]].concat())
}

fn at(proxy: &Server, path: &str) -> String {
    format!("{}/api/live-users{path}", proxy.url)
}

/// Reads until a frame is as expected: others may come before.
async fn until(socket: &mut Socket, is_so: impl Fn(&Value) -> bool) -> Value {
    loop {
        let frame: Value = serde_json::from_str(&socket.text().await).expect("JSON");
        if is_so(&frame) {
            return frame;
        }
    }
}

async fn answer_to(proxy: &Server, path: &str) -> (u16, Value) {
    let (status, body) = seen(get(proxy, &format!("/api/live-users{path}"), &[RIGHT]).await).await;
    (status, serde_json::from_str(&body).unwrap_or_else(|_| panic!("{body}")))
}

#[tokio::test]
async fn the_total_is_the_sum_and_a_missing_shard_is_named_in_place_of_it() {
    let shards = shards();
    let proxy = proxy_of(&shards);
    assert_eq!(count(&proxy).await, (200, r#"{"success":true,"liveUsers":7}"#.to_owned()));
    shards[1].tell(20);
    assert_eq!(count(&proxy).await, (200, r#"{"success":true,"liveUsers":25}"#.to_owned()));

    shards[1].told.send_modify(|told| told.is_unknown = true);
    let (status, body) = count(&proxy).await;
    assert_eq!(status, 502);
    let start = r#"{"success":false,"liveUsers":0,"error":"shards without a number: 1 (since 20"#;
    assert!(body.starts_with(start), "{body}");
    assert!(!body.contains("127.0.0.1"), "{body}");
    shards[2].told.send_modify(|told| told.is_frozen = true);
    let (_, body) = count(&proxy).await;
    assert!(body.contains("shards without a number: 1, 2 (since 20"), "{body}");

    let (status, ready) = seen(get(&proxy, "/readyz", &[]).await).await;
    let ready: Value = serde_json::from_str(&ready).unwrap();
    assert_eq!((status, &ready["status"]), (503, &json!("unready")));
    assert_eq!(ready["shards"].as_array().map(Vec::len), Some(3));
    assert_eq!(ready["shards"][1]["shard"], 1);
    assert!(ready["shards"][1]["contactAt"].as_str().unwrap().starts_with("20"), "{ready}");

    for shard in &shards {
        shard.told.send_modify(|told| (told.is_unknown, told.is_frozen) = (false, false));
    }
    assert_eq!(count(&proxy).await.0, 200);
    assert_eq!(get(&proxy, "/readyz", &[]).await.status(), 200);
}

#[tokio::test]
async fn a_shard_that_lacks_evidence_which_waits_at_another_backend_is_named_in_place_of_a_sum() {
    let shards = shards();
    let proxy = proxy_of(&shards);
    let mut socket = Socket::open(&at(&proxy, "/ws"), &[]).await.unwrap();
    until(&mut socket, |frame| frame["liveUsers"] == 7).await;
    // What is no shard is passed over.
    shards[2].told.send_modify(|told| told.lacking = "1, 9, x");
    let (status, body) = count(&proxy).await;
    assert_eq!(status, 502);
    assert!(body.contains("shards without a number: 1 (since 20"), "{body}");
    let lost = until(&mut socket, |frame| frame["success"] == false).await;
    assert!(lost["error"].as_str().unwrap().contains("shards without a number: 1 ("), "{lost}");
    let (status, summary) = answer_to(&proxy, "/calls").await;
    assert_eq!(status, 502, "{summary}");
    shards[2].told.send_modify(|told| told.lacking = "");
    assert_eq!(count(&proxy).await, (200, r#"{"success":true,"liveUsers":7}"#.to_owned()));
    let back = until(&mut socket, |frame| frame["success"] == true).await;
    assert_eq!(back["liveUsers"], 7);
}

#[tokio::test]
async fn a_shard_is_missing_since_it_was_missed_first() {
    let shards = shards();
    let proxy = proxy_of(&shards);
    assert_eq!(count(&proxy).await.0, 200);
    let since = async || {
        let (status, body) = count(&proxy).await;
        assert_eq!(status, 502, "{body}");
        let since = body.split("(since ").nth(1).and_then(|it| it.split(')').next());
        let since: Timestamp = since.expect("since when").parse().expect("a moment");
        since
    };
    // Moments are told in milliseconds.
    let earlier = Timestamp::now() - SignedDuration::from_millis(1);
    shards[1].told.send_modify(|told| told.is_unknown = true);
    let first = since().await;
    assert!(first > earlier, "it told its number before {earlier}: {first}");
    let later = Timestamp::now();
    shards[2].told.send_modify(|told| told.is_unknown = true);
    assert_eq!([since().await, since().await], [first; 2]);
    // The first one is back, and the other one is not.
    shards[1].told.send_modify(|told| told.is_unknown = false);
    let second = since().await;
    assert!(second > later - SignedDuration::from_millis(1), "{second} before {later}");
    shards[2].told.send_modify(|told| (told.is_unknown, told.lacking) = (false, "0"));
    let third = since().await;
    // It answers all the time, and lacks evidence all the time.
    assert_eq!([since().await, since().await], [third; 2]);
    assert!(third >= second);
    shards[2].told.send_modify(|told| told.lacking = "");
    assert_eq!(count(&proxy).await.0, 200);
    let before = Timestamp::now() - SignedDuration::from_millis(1);
    shards[2].told.send_modify(|told| told.lacking = "0");
    assert!(since().await > before, "it was whole meanwhile");
}

#[tokio::test]
async fn no_number_is_taken_of_a_service_with_another_count_or_of_another_shard() {
    let shards = shards();
    for (shard, says) in shards.iter().zip(["0 of 3 by agent", "1 of 3 by agent", ""]) {
        // One that knows nothing of shards may be in a list, too.
        shard.told.send_modify(|told| told.shard = says);
    }
    let proxy = proxy_of(&shards);
    let mut socket = Socket::open(&at(&proxy, "/ws"), &[]).await.unwrap();
    until(&mut socket, |frame| frame["liveUsers"] == 7).await;
    for (says, why) in [
        (
            "1 of 6 by agent",
            "the backend counts in 6 shards: expected the address of each in BACKEND_URLS",
        ),
        (
            "2 of 3 by agent",
            "shard 2 answers in place of another one: expected the addresses in the order of the \
             shards in BACKEND_URLS",
        ),
    ] {
        shards[1].told.send_modify(|told| told.shard = says);
        let is_told = |text: &str| {
            assert!(text.starts_with("shards without a number: 1 (since 20"), "{text}");
            assert!(text.ends_with(&format!("): {why}")), "{text}");
        };
        let (status, told) = answer_to(&proxy, "").await;
        assert_eq!((status, &told["liveUsers"]), (502, &json!(0)), "{told}");
        is_told(told["error"].as_str().unwrap());
        for path in ["/summary", "/calls", "/activity"] {
            let (status, told) = answer_to(&proxy, path).await;
            assert_eq!(status, 502, "{path}: {told}");
            is_told(told["error"].as_str().unwrap());
        }
        let (status, of_one) = answer_to(&proxy, "/history?shard=1").await;
        assert_eq!((status, &of_one["error"]), (502, &json!(why)));
        let (status, ready) = seen(get(&proxy, "/readyz", &[]).await).await;
        let ready: Value = serde_json::from_str(&ready).unwrap();
        assert_eq!(status, 503, "{ready}");
        is_told(ready["reason"].as_str().unwrap());
        // One that is opened now, and the one that is open already.
        for socket in [&mut Socket::open(&at(&proxy, "/ws"), &[]).await.unwrap(), &mut socket] {
            let lost = until(socket, |frame| frame["success"] == false).await;
            assert_eq!(lost["liveUsers"], 0);
        }
        shards[1].told.send_modify(|told| told.shard = "1 of 3 by agent");
        assert_eq!(count(&proxy).await.0, 200);
        until(&mut socket, |frame| frame["success"] == true).await;
    }
}

#[tokio::test]
async fn a_summary_is_not_told_of_a_shard_that_lacks_evidence_also_if_nobody_asks_for_the_total() {
    let shards = shards();
    shards[2].told.send_modify(|told| told.lacking = "1");
    let proxy = proxy_of(&shards);
    let (status, told) = answer_to(&proxy, "/summary").await;
    assert_eq!(status, 502, "{told}");
    assert!(told["error"].as_str().unwrap().contains("shards without a number: 1 ("), "{told}");
}

#[tokio::test]
async fn streams_tell_the_sum_and_which_shard_is_missing() {
    let shards = shards();
    let proxy = proxy_of(&shards);
    let mut socket = Socket::open(&at(&proxy, "/ws"), &[]).await.unwrap();
    let mut events = Events::open(&at(&proxy, "/stream"), &[]).await.unwrap();
    let first = until(&mut socket, |_| true).await;
    assert_eq!((&first["success"], &first["liveUsers"]), (&json!(true), &json!(7)));
    assert_eq!((&first["seq"], &first["asOf"]), (&json!(3), &json!(AS_OF)));
    let event = events.next_event().await.unwrap();
    let name = event.id.clone().unwrap();
    assert!(name.starts_with(&format!("{}-3.", first["epoch"].as_str().unwrap())), "{name}");
    let same = serde_json::to_value(&first).unwrap();
    let told: Value = serde_json::from_str(&event.into_text()).unwrap();
    assert_eq!(told["liveUsers"], same["liveUsers"]);

    shards[0].tell(10);
    let next = until(&mut socket, |frame| frame["liveUsers"] != 7).await;
    assert_eq!((&next["liveUsers"], &next["epoch"]), (&json!(16), &first["epoch"]));
    // One shard begins anew, and the others stand.
    shards[2].told.send_modify(|told| (told.epoch, told.seq) = ("new".to_owned(), 1));
    let anew = until(&mut socket, |frame| frame["epoch"] != first["epoch"]).await;
    assert_eq!(anew["liveUsers"], 16);

    shards[1].told.send_modify(|told| told.is_frozen = true);
    let lost = until(&mut socket, |frame| frame["success"] == false).await;
    let error = lost["error"].as_str().unwrap();
    assert!(error.starts_with("shards without a number: 1 (since 20"), "{error}");
    assert_eq!((&lost["liveUsers"], &lost["last"]["liveUsers"]), (&json!(0), &json!(16)));
    let mut late = Socket::open(&at(&proxy, "/ws"), &[]).await.unwrap();
    assert_eq!(until(&mut late, |_| true).await["error"], error);

    shards[1].told.send_modify(|told| told.is_frozen = false);
    let back = until(&mut socket, |frame| frame["success"] == true).await;
    assert_eq!(back["liveUsers"], 16);

    let metrics = seen(get(&proxy, "/metrics", &[RIGHT]).await).await.1;
    let metrics = Metrics::parse(&metrics);
    for shard in 0..3 {
        let of = |name: &str| metrics.get(&format!("{name}{{shard=\"{shard}\"}}"));
        assert_eq!(of("live_users_proxy_upstream_up"), Some(1.0));
        let age = of("live_users_proxy_shard_contact_age_seconds").unwrap();
        assert!((0.0..60.0).contains(&age), "{age}");
    }
}

#[tokio::test]
async fn a_shard_that_never_came_is_named_at_once_and_the_sum_comes_with_it() {
    let mut shards = vec![Shard::start(1)];
    let closed = Closed::reserve();
    let urls = format!("{},{}", shards[0].url, closed.url);
    let proxy = start_all(&[("BACKEND_URLS", urls.as_str())]);
    let mut socket = Socket::open(&at(&proxy, "/ws"), &[]).await.unwrap();
    let told = timeless(&socket.text().await);
    let start = r#"{"success":false,"liveUsers":0,"error":"shards without a number: 1 (since 20"#;
    assert!(told.starts_with(start) && !told.contains("last"), "{told}");
    shards.push(Shard::behind(closed.open(), 1));
    let back = until(&mut socket, |frame| frame["success"] == true).await;
    assert_eq!(back["liveUsers"], 2);
}

#[tokio::test]
async fn a_shard_that_answers_and_has_no_stream_is_reported_once() {
    let shards = shards();
    shards[0].told.send_modify(|told| told.has_no_stream = true);
    let urls: Vec<_> = shards.iter().map(|shard| shard.url.clone()).collect();
    let proxy = start_all(&[("BACKEND_URLS", urls.join(",").as_str())]);
    assert_eq!(count(&proxy).await.0, 200);
    let mut socket = Socket::open(&at(&proxy, "/ws"), &[]).await.unwrap();
    until(&mut socket, |frame| frame["success"] == false).await;
    // not a wait for time: it answers once a second, and nothing new is to be told of it
    tokio::time::sleep(Duration::from_millis(2_200)).await;
    shards[1].told.send_modify(|told| told.is_unknown = true);
    let next = until(&mut socket, |_| true).await;
    let error = next["error"].as_str().unwrap();
    assert!(error.starts_with("shards without a number: 0, 1 (since 20"), "{error}");
}

#[tokio::test]
async fn the_number_of_an_agent_is_a_sum_too_and_there_is_none_of_nobody() {
    let shards = shards();
    let proxy = proxy_of(&shards);
    let of_agent = |body: &Value| (body["liveUsers"].as_u64(), body["success"].as_bool());
    let (status, polled) = answer_to(&proxy, "?agent=booking").await;
    assert_eq!((status, of_agent(&polled)), (200, (Some(7), Some(true))), "{polled}");
    let mut socket = Socket::open(&at(&proxy, "/ws?agent=booking"), &[]).await.unwrap();
    let first = until(&mut socket, |_| true).await;
    assert_eq!((of_agent(&first), &first["agent"]), ((Some(7), Some(true)), &json!("booking")));
    shards[1].tell(3);
    until(&mut socket, |frame| frame["liveUsers"] == 8).await;
    for path in ["?agent=nobody", "/stream?agent=nobody"] {
        let (status, refusal) = answer_to(&proxy, path).await;
        assert_eq!((status, &refusal["field"]), (404, &json!("agent")), "{path}: {refusal}");
    }
}

#[tokio::test]
async fn the_summary_is_added_up_polled_whole_and_as_changes() {
    let shards = shards();
    let proxy = proxy_of(&shards);
    let (status, polled) = answer_to(&proxy, "/summary").await;
    assert_eq!(status, 200, "{polled}");
    assert_eq!((&polled["success"], &polled["liveUsers"]), (&json!(true), &json!(7)));
    // (1 x 1 s + 2 x 2 s + 4 x 4 s) / 7.
    assert_eq!((&polled["averageMs"], &polled["longestMs"]), (&json!(3_000), &json!(60_000)));
    assert_eq!(polled["byAgent"][0]["liveUsers"], 7);
    assert_eq!(polled["byCountry"], json!([{"country": "DE", "liveUsers": 7, "liveCalls": 3}]));
    assert_eq!((&polled["upperBound"], polled.get("sumIsUpperBound")), (&json!(true), None));
    let of_one = answer_to(&proxy, "/summary?shard=2").await.1;
    assert_eq!((&of_one["liveUsers"], of_one.get("upperBound")), (&json!(4), None));

    let mut whole = Socket::open(&at(&proxy, "/summary/ws"), &[RIGHT]).await.unwrap();
    let mut changes =
        Socket::open(&at(&proxy, "/summary/ws?changes=true"), &[RIGHT]).await.unwrap();
    let first = until(&mut whole, |_| true).await;
    for field in ["liveUsers", "upperBound", "averageMs", "byAgent", "byCountry", "epoch", "seq"] {
        assert_eq!(first[field], polled[field], "{field}");
    }
    let snapshot = until(&mut changes, |_| true).await;
    assert_eq!(snapshot["snapshot"]["liveUsers"], 7);
    shards[0].tell(10);
    assert_eq!(until(&mut whole, |frame| frame["liveUsers"] == 16).await["liveCalls"], 16);
    let change = until(&mut changes, |frame| frame["changed"]["liveUsers"] == 16).await;
    assert_eq!(change["since"], snapshot["frame"]);
    assert_eq!(change["changed"]["byCountry[]"].as_object().map(serde_json::Map::len), Some(1));

    shards[2].told.send_modify(|told| told.is_unknown = true);
    for socket in [&mut whole, &mut changes] {
        let lost = until(socket, |frame| frame["success"] == false).await;
        let error = lost["error"].as_str().unwrap();
        assert!(error.starts_with("shards without a number: 2 (since 20"), "{error}");
    }
    let (status, polled) = answer_to(&proxy, "/summary").await;
    assert_eq!((status, &polled["success"]), (502, &json!(false)));
    shards[2].told.send_modify(|told| told.is_unknown = false);
    assert_eq!(until(&mut whole, |frame| frame["success"] == true).await["liveUsers"], 16);
    let again = until(&mut changes, |frame| frame["success"] == true).await;
    assert_eq!(again["snapshot"]["liveUsers"], 16, "what was before may not be known");
}

#[tokio::test]
async fn lists_are_merged_and_a_call_is_asked_of_the_shard_that_knows_it() {
    let shards = shards();
    let proxy = proxy_of(&shards);
    let sids = |list: &Value| -> Vec<String> {
        let list = list.as_array().expect("a list").iter();
        list.map(|it| it["callSid"].as_str().expect("a text").to_owned()).collect()
    };
    let (_, calls) = answer_to(&proxy, "/calls").await;
    assert_eq!(sids(&calls["calls"]), ["CA1-1", "CA2-2", "CA4-4", "CA1-11", "CA2-12", "CA4-14"]);
    assert_eq!(
        (&calls["matching"], &calls["total"], &calls["next"]),
        (&json!(6), &json!(12), &Value::Null)
    );
    let (_, calls) = answer_to(&proxy, "/calls?limit=3").await;
    assert_eq!(sids(&calls["calls"]), ["CA1-1", "CA2-2", "CA4-4"]);
    assert_eq!(calls["next"], "1795426204000.CA4-4");

    let (_, feed) = answer_to(&proxy, "/activity?limit=4").await;
    assert_eq!(sids(&feed["activities"]), ["CA4-14", "CA2-12", "CA1-11", "CA4-4"]);
    assert_eq!((&feed["cursor"], &feed["missed"]), (&json!("x1,x2,x4"), &json!(false)));
    assert_eq!(feed["activities"][0]["cursor"], "2:e-14");
    let (_, feed) = answer_to(&proxy, "/activity?limit=4&after=a,b,c").await;
    assert_eq!((&feed["cursor"], &feed["missed"]), (&json!("ax1,bx2,cx4"), &json!(true)));
    let (status, wrong) = answer_to(&proxy, "/activity?after=a").await;
    assert_eq!((status, &wrong["field"]), (400, &json!("after")));

    let (status, call) = answer_to(&proxy, "/calls/CA2").await;
    assert_eq!((status, &call["by"]), (200, &json!(2)));
    let (status, none) = answer_to(&proxy, "/calls/CA3").await;
    assert_eq!((status, &none["error"]), (404, &json!("there is no such call")));
    let evict = ask(&proxy, Method::POST, "/api/live-users/calls/CA4/evict", &[RIGHT]);
    let evicted: Value = serde_json::from_str(&seen(evict.await).await.1).unwrap();
    assert_eq!((&evicted["by"], &evicted["line"]), (&json!(4), &json!("POST")));
}

#[tokio::test]
async fn what_is_no_sum_is_asked_of_one_shard() {
    let shards = shards();
    let proxy = proxy_of(&shards);
    for path in [
        "/history",
        "/history.svg",
        "/alerts",
        "/setup",
        "/stretches?format=csv",
        "/calls?format=csv",
    ] {
        let (status, refusal) = answer_to(&proxy, path).await;
        assert_eq!((status, &refusal["field"]), (400, &json!("shard")), "{path}: {refusal}");
        let error = "shard: missing; expected the number of one of 3 shards, from 0: each tells this \
                     for itself";
        assert_eq!(refusal["error"], error);
    }
    for wrong in ["3", "-1", "x"] {
        let (status, refusal) = answer_to(&proxy, &format!("/summary?shard={wrong}")).await;
        assert_eq!((status, &refusal["field"]), (400, &json!("shard")), "{wrong}");
    }
    let (_, history) = answer_to(&proxy, "/history?shard=1&from=-1h").await;
    assert_eq!(history["by"], 2);
    assert!(history["line"].as_str().unwrap().contains("/history?from=-1h "), "{history}");
    let (status, links) = answer_to(&proxy, "/links").await;
    assert_eq!((status, &links["field"]), (404, &json!("links")));

    let backend = Shard::start(9);
    let single = start_all(&[&[("BACKEND_URL", backend.url.as_str())], &TOKENS[..]].concat());
    let (_, history) = answer_to(&single, "/history?shard=0").await;
    assert!(history["line"].as_str().unwrap().contains("/history "), "{history}");
    assert_eq!(answer_to(&single, "/history?shard=1").await.0, 400);
}

#[tokio::test]
async fn nobody_asks_shards_whose_sum_nobody_reads() {
    let mut backends = [Backend::start(), Backend::start()];
    let urls = format!("{},{}", backends[0].url, backends[1].url);
    let proxy = start_all(&[("BACKEND_URLS", urls.as_str())]);
    // not a wait for time: nothing is to happen, however long it is
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert!(backends.iter().all(Backend::is_idle));
    let socket = Socket::open(&at(&proxy, "/ws"), &[]).await.unwrap();
    for backend in &mut backends {
        backend.next().await;
    }
    drop(socket);
}
