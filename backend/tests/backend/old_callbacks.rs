//! A callback that somebody has kept for longer than ended calls are remembered.

use jiff::{SignedDuration, Timestamp};
use live_users_testkit::{Answer, Server, SettableClock, Twilio};

use crate::honest::{WITH_TOKEN, sid};
use crate::metrics::scrape;
use crate::start;

const HOUR_S: i64 = 3_600;

/// A status of an outbound call, sent so many hours ago by the clock of the test.
fn report(twilio: &Twilio, n: u8, status: &str, sent: &str) -> Answer {
    let fields = [
        ("CallSid", &*sid(n)),
        ("CallStatus", status),
        ("Direction", "outbound-api"),
        ("From", "+15005550006"),
        ("To", &format!("+1415555000{n}")),
        ("CallbackSource", "call-progress-events"),
        ("Timestamp", sent),
    ];
    twilio.post("/call-status", &fields)
}

fn hours_ago(hours: i64) -> Timestamp {
    Timestamp::now() - SignedDuration::from_hours(hours)
}

fn rfc_2822(moment: Timestamp) -> String {
    moment.strftime("%a, %d %b %Y %H:%M:%S +0000").to_string()
}

fn old(server: &Server) -> Option<f64> {
    scrape(server).get("live_users_webhooks_total{path=\"/call-status\",outcome=\"old\"}")
}

#[test]
fn an_old_callback_starts_no_call_and_is_no_reason_to_send_it_again() {
    let (mut server, twilio) = start(&[WITH_TOKEN]);
    for sent in [rfc_2822(hours_ago(26)), hours_ago(26).to_string(), rfc_2822(hours_ago(24 * 400))]
    {
        assert_eq!(report(&twilio, 1, "in-progress", &sent).status, 204, "{sent}");
        assert_eq!(twilio.count(), r#"{"liveUsers":0}"#, "{sent}");
    }
    assert_eq!(report(&twilio, 1, "completed", &rfc_2822(hours_ago(26))).status, 204);
    assert_eq!(old(&server), Some(4.0));
    let line = server.await_log("was sent 26 h ago: it starts no call");
    assert!(line.contains(&sid(1)) && !line.contains("+1"), "{line}");
    let recorded = scrape(&server).get("live_users_journal_position");
    assert_eq!(recorded, Some(0.0), "nothing is recorded");
    // Late by hours, from tomorrow, or with a time that cannot be read: each may start a call.
    for (n, sent) in (2..).zip([
        rfc_2822(hours_ago(24)),
        rfc_2822(hours_ago(-24)),
        "yesterday".to_owned(),
        String::new(),
    ]) {
        assert_eq!(report(&twilio, n, "in-progress", &sent).status, 204);
    }
    assert_eq!((twilio.count().as_str(), old(&server)), (r#"{"liveUsers":4}"#, Some(4.0)));
}

#[test]
fn an_old_end_still_ends_a_call_that_is_up() {
    let (server, twilio) = start(&[WITH_TOKEN]);
    report(&twilio, 1, "in-progress", &rfc_2822(hours_ago(0)));
    assert_eq!(twilio.count(), r#"{"liveUsers":1}"#);
    assert_eq!(report(&twilio, 1, "completed", &rfc_2822(hours_ago(26))).status, 204);
    assert_eq!((twilio.count().as_str(), old(&server)), (r#"{"liveUsers":0}"#, Some(0.0)));
    // It is over, so nothing old is about it any more.
    assert_eq!(report(&twilio, 1, "in-progress", &rfc_2822(hours_ago(26))).status, 204);
    assert_eq!((twilio.count().as_str(), old(&server)), (r#"{"liveUsers":0}"#, Some(1.0)));
}

#[test]
fn a_callback_that_is_sent_again_a_day_and_a_restart_later_starts_no_call() {
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("file:{}", folder.path().display());
    let clock = SettableClock::off_by(0);
    let env = clock.env();
    let env: Vec<_> = env.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let env = [&env[..], &[WITH_TOKEN, ("JOURNAL_URL", &url)]].concat();
    let (server, twilio) = start(&env);
    let sent = rfc_2822(hours_ago(0));
    report(&twilio, 1, "in-progress", &sent);
    report(&twilio, 1, "completed", &sent);
    // Without a restart the tombstone is there, whatever the clock shows.
    clock.set(26 * HOUR_S);
    assert_eq!(report(&twilio, 1, "in-progress", &sent).status, 204);
    assert_eq!(twilio.count(), r#"{"liveUsers":0}"#);
    server.terminate();

    let (server, twilio) = start(&env);
    assert_eq!(report(&twilio, 1, "in-progress", &sent).status, 204);
    assert_eq!((twilio.count().as_str(), old(&server)), (r#"{"liveUsers":0}"#, Some(1.0)));
    // A right clock that was wrong at the start must not make every callback an old one.
    clock.set(0);
    report(&twilio, 2, "in-progress", &sent);
    assert_eq!((twilio.count().as_str(), old(&server)), (r#"{"liveUsers":1}"#, Some(1.0)));
}
