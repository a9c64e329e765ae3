//! A shared link is made at one replica, opens at all of them, and is revoked at any.

use live_users_testkit::{Nats, NatsVersion, on_each_nats_version, send};
use serde_json::{Value, json};

use super::team::{Replica, await_that};
use crate::honest::API_TOKEN;

on_each_nats_version! {
    a_link_of_one_replica_opens_at_each_until_any_revokes_it_also_after_restarts,
}

/// Asks a replica, and its answer.
fn ask(replica: &Replica, token: &str, (method, path): (&str, &str), body: &Value) -> (u16, Value) {
    let (url, bearer) =
        (format!("{}/api/live-users{path}", replica.server.url), format!("Bearer {token}"));
    let headers = [("Authorization", bearer.as_str()), ("Content-Type", "application/json")];
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let answer = send(method, &url, &headers, body.as_bytes());
    (answer.status, serde_json::from_str(&answer.body).unwrap_or_default())
}

fn read(replica: &Replica, token: &str) -> (u16, Value) {
    ask(replica, token, ("GET", "/summary"), &Value::Null)
}

/// Shares a link of the total. Its id and its token.
fn share(replica: &Replica, name: &str) -> (String, String) {
    let body = json!({"name": name, "scope": {"total": true}, "expires": "1d"});
    let (status, made) = ask(replica, API_TOKEN, ("POST", "/links"), &body);
    assert_eq!(status, 200, "{made}");
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    (text(&made["link"]["id"]), text(&made["token"]))
}

/// The names of the links that a replica lists.
fn listed(replica: &Replica) -> Vec<Value> {
    let links = replica.details("/links")["links"].clone();
    links.as_array().expect("a list").iter().map(|link| link["name"].clone()).collect()
}

fn a_link_of_one_replica_opens_at_each_until_any_revokes_it_also_after_restarts(
    version: NatsVersion,
) {
    let nats = Nats::alone_on(version);
    let url = nats.journal_url("live");
    let start = || -> Vec<Replica> { (0..3).map(|_| Replica::start(&url)).collect() };
    let mut replicas = start();
    let (gone, of_gone) = share(&replicas[0], "gone");
    let (_, of_kept) = share(&replicas[1], "kept");
    for (n, replica) in replicas.iter().enumerate() {
        await_that(&format!("both open at replica {n}"), || {
            [&of_gone, &of_kept].iter().all(|token| read(replica, token).0 == 200)
        });
        assert_eq!(read(replica, "another-token-that-nobody-has").0, 403);
    }
    assert_eq!(replicas[2].report(1, "in-progress"), Some(204));
    await_that("what one has heard is read by a link at another", || {
        read(&replicas[0], &of_kept).1["liveUsers"] == 1
    });
    // It is revoked where it was not made, and nowhere else.
    let path = format!("/links/{gone}/revoke");
    assert_eq!(ask(&replicas[2], API_TOKEN, ("POST", &path), &Value::Null).0, 200);
    assert_eq!(read(&replicas[2], &of_gone).0, 403);
    for (n, replica) in replicas.iter().enumerate() {
        await_that(&format!("replica {n} has revoked it"), || read(replica, &of_gone).0 == 403);
        assert_eq!(listed(replica), ["kept"]);
        assert_eq!(read(replica, &of_kept).0, 200);
        assert_eq!(ask(replica, API_TOKEN, ("POST", &path), &Value::Null).0, 404);
    }
    // Without any word of farewell.
    replicas.iter_mut().for_each(|replica| replica.server.kill());
    drop(replicas);
    let replicas = start();
    for replica in &replicas {
        assert_eq!((read(replica, &of_kept).0, read(replica, &of_gone).0), (200, 403));
        assert_eq!(listed(replica), ["kept"]);
    }
    let used = || replicas[1].details("/links")["links"][0]["lastUsed"].clone();
    await_that("its use is known", || used().is_string());
}
