//! The total for whoever asks plainly is answered at once, and as for everybody else.

use live_users_testkit::{RawClient, Server};

use crate::honest::WITH_TOKEN;
use crate::metrics::scrape;
use crate::start;

const PLAIN: &str = "GET /api/live-users HTTP/1.1\r\nHost: a\r\n\r\n";
/// A cookie changes nothing, but it may in another version.
const OTHER: &str = "GET /api/live-users HTTP/1.1\r\nHost: a\r\nCookie: a=b\r\n\r\n";

/// The lines of an answer without the date, and their words, each in order: a list in a header has none.
fn lines(answer: &str) -> Vec<Vec<&str>> {
    let lines = answer.lines().filter(|line| !line.starts_with("date: "));
    let mut lines: Vec<Vec<_>> = lines.map(|line| line.split([' ', ',']).collect()).collect();
    lines.iter_mut().for_each(|words| words.sort_unstable());
    lines.sort_unstable();
    lines
}

fn ask(client: &mut RawClient, request: &str) -> String {
    client.send(request);
    client.answer()
}

fn connect(server: &Server) -> RawClient {
    RawClient::connect(&server.url, [0, 2])
}

#[test]
fn the_answer_is_the_same_by_whatever_way() {
    for env in [
        &[][..],
        &[("ALLOWED_ORIGINS", "*")],
        &[("ALLOWED_ORIGINS", "https://a.example"), ("PUBLIC_BY_AGENT", "true")],
        &[("READS_PER_SECOND", "0")],
    ] {
        let (server, twilio) = start(env);
        let (mut plain, mut other) = (connect(&server), connect(&server));
        for n in 0..3 {
            let answers = [PLAIN, PLAIN].map(|request| ask(&mut plain, request));
            let expected = ask(&mut other, OTHER);
            assert!(expected.contains(&format!("\"liveUsers\":{n}")), "{expected}");
            for answer in answers {
                assert!(answer.contains("\r\ndate: "), "{answer}");
                assert_eq!(lines(&answer), lines(&expected), "{env:?}");
            }
            // Whoever was told that a call is recorded finds it in the number.
            assert_eq!(twilio.start(n + 1).status, 200);
        }
    }
}

#[test]
fn who_asks_too_often_is_told_so_on_the_same_connection() {
    let (server, _) = start(&[WITH_TOKEN, ("READS_PER_SECOND", "1")]);
    let mut client = connect(&server);
    let answers: Vec<_> = (0..200).map(|_| ask(&mut client, PLAIN)).collect();
    assert!(answers[..5].iter().all(|answer| answer.starts_with("http/1.1 200 ")));
    assert!(answers.iter().any(|answer| answer.starts_with("http/1.1 429 ")));
    let mut other = RawClient::connect(&server.url, [0, 3]);
    assert!(ask(&mut other, PLAIN).starts_with("http/1.1 200 "));
}

#[test]
fn a_total_that_is_not_public_is_for_nobody_who_asks_plainly() {
    let (server, _) = start(&[WITH_TOKEN, ("PUBLIC_TOTAL", "false")]);
    assert!(ask(&mut connect(&server), PLAIN).starts_with("http/1.1 401 "));
}

#[test]
fn a_connection_on_which_no_request_comes_is_closed_and_nobody_was_too_slow() {
    let times = [("REQUEST_HEAD_MS", "1000"), ("KEEP_ALIVE_MS", "1000")];
    let (server, _) = start(&[&[WITH_TOKEN][..], &times].concat());
    let slow = || {
        let slow = scrape(&server).get("live_users_closed_connections_total{reason=\"slow\"}");
        slow.expect("a figure")
    };
    let (silent, mut asked) = (connect(&server), connect(&server));
    ask(&mut asked, PLAIN);
    assert!(silent.until_closed().starts_with("HTTP/1.1 408 "));
    assert_eq!(asked.until_closed(), "");
    assert_eq!(slow(), 0.0);
    // Nor is one kept that begins another request and does not end its head.
    let mut half = connect(&server);
    assert!(ask(&mut half, PLAIN).starts_with("http/1.1 200 "));
    half.send("GET /api/live-users HTTP/1.1\r\nHost: ");
    assert!(half.until_closed().starts_with("HTTP/1.1 408 "));
}
