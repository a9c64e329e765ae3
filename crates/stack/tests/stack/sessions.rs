//! The end of a session, at every proxy and over restarts.

use std::thread::sleep;
use std::time::{Duration, Instant};

use live_users_testkit::{Server, send};

use crate::{ADMIN_TOKEN, API_TOKEN, TOKEN, proxy_of, sibling};

const OURS: (&str, &str) = ("Sec-Fetch-Site", "same-origin");

fn start_backend(journal: &str) -> Server {
    let env = [("TWILIO_AUTH_TOKEN", TOKEN), ("API_TOKEN", API_TOKEN), ("JOURNAL_URL", journal)];
    Server::start(sibling("live-users-backend"), &[], &env)
}

/// Signs in, and returns the cookie.
fn sign_in(proxy: &Server) -> String {
    let form = [("Content-Type", "application/x-www-form-urlencoded"), OURS];
    let body = format!("token={ADMIN_TOKEN}");
    let answer = send("POST", &format!("{}/admin/sign-in", proxy.url), &form, body.as_bytes());
    let cookie = answer.header("set-cookie");
    cookie.split(';').next().expect("a cookie").to_owned()
}

/// The status of what only an admin may read, with this cookie.
fn read(proxy: &Server, cookie: &str) -> u16 {
    let url = format!("{}/api/live-users/summary", proxy.url);
    send("GET", &url, &[("Cookie", cookie), OURS], b"").status
}

fn wait_for_status(proxy: &Server, cookie: &str, status: u16) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while read(proxy, cookie) != status {
        assert!(Instant::now() < deadline, "no {status}");
        // not a wait for time: the proxy asks another process
        sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_session_that_is_ended_at_one_proxy_is_over_at_all_of_them_and_after_restarts() {
    let folder = tempfile::tempdir().expect("a folder");
    let journal = format!("file:{}", folder.path().display());
    let backend = start_backend(&journal);
    let (one, two) = (proxy_of(&backend), proxy_of(&backend));
    let (ended, kept) = (sign_in(&one), sign_in(&one));
    wait_for_status(&two, &ended, 200);
    let left = [("Cookie", ended.as_str()), OURS];
    let answer = send("POST", &format!("{}/admin/sign-out", one.url), &left, b"");
    assert_eq!((answer.status, answer.header("location")), (303, "/admin/sign-in"), "{answer:?}");
    assert_eq!(read(&one, &ended), 401, "at once where it was ended");
    wait_for_status(&two, &ended, 401);
    assert_eq!(read(&two, &kept), 200);

    drop((one, two, backend));
    let backend = start_backend(&journal);
    let proxy = proxy_of(&backend);
    wait_for_status(&proxy, &kept, 200);
    assert_eq!(read(&proxy, &ended), 401, "a copy of the cookie, after a restart of everything");
}

#[test]
fn who_signs_out_while_the_backend_is_away_is_told_that_others_do_not_know_yet() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut backend = start_backend(&format!("file:{}", folder.path().display()));
    let proxy = proxy_of(&backend);
    let cookie = sign_in(&proxy);
    wait_for_status(&proxy, &cookie, 200);
    backend.kill();
    let left = [("Cookie", cookie.as_str()), OURS];
    let answer = send("POST", &format!("{}/admin/sign-out", proxy.url), &left, b"");
    let location = answer.header("location").to_owned();
    assert_eq!((answer.status, &*location), (303, "/admin/sign-in?ended=here"), "{answer:?}");
    let page = send("GET", &format!("{}{location}", proxy.url), &[OURS], b"");
    assert!(page.body.contains("You are signed out in this browser."), "{}", page.body);
    assert_eq!(read(&proxy, &cookie), 401);
}
