//! The end of a session, at every proxy and over restarts.

use std::thread::sleep;
use std::time::{Duration, Instant};

use live_users_testkit::{Answer, Server, send};

use crate::{ADMIN_TOKEN, API_TOKEN, TOKEN, proxy_of, proxy_with, sibling};

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
    ask(proxy, cookie).status
}

fn ask(proxy: &Server, cookie: &str) -> Answer {
    let url = format!("{}/api/live-users/summary", proxy.url);
    send("GET", &url, &[("Cookie", cookie), OURS], b"")
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
fn why_nobody_can_tell_whether_a_session_has_ended_is_said() {
    let folder = tempfile::tempdir().expect("a folder");
    let backend = start_backend(&format!("file:{}", folder.path().display()));
    let cookie = sign_in(&proxy_of(&backend));
    let why = |proxy: &Server, expected: &str| {
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            let answer = ask(proxy, &cookie);
            assert_eq!(answer.status, 503, "{answer:?}");
            if answer.body.contains(expected) {
                return;
            }
            assert!(Instant::now() < deadline, "{answer:?}");
            // not a wait for time: the proxy asks another process
            sleep(Duration::from_millis(20));
        }
    };
    let other_token =
        proxy_with(&backend.url, &[("BACKEND_TOKEN", "0123456789abcdef0123456789abcdef")]);
    why(&other_token, "the backend refuses the proxy's BACKEND_TOKEN");
    // Nothing listens on port 1.
    why(&proxy_with("http://127.0.0.1:1", &[]), "the backend cannot be reached");
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
