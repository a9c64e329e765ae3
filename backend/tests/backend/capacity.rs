//! Calls beyond a limit: what they hear, that they are not counted, and who has the last place.

use std::fs;

use live_users_testkit::{Answer, Nats, NatsVersion, Server, Twilio, on_each_nats_version};
use serde_json::Value;

use crate::honest::{API_TOKEN, WITH_TOKEN, ask, read, sid};
use crate::metrics::scrape;
use crate::replicas::team::{Replica, await_agreement, await_that};
use crate::{agents_file, start};

on_each_nats_version! {
    of_two_calls_at_two_backends_at_once_one_has_the_last_place,
    who_waits_for_a_journal_that_stands_still_is_let_in_and_counted,
}

const BUSY: &str = r#"<Response><Reject reason="busy"/></Response>"#;
const HANGUP: &str = "<Response><Hangup/></Response>";

fn booking(more: &str) -> String {
    format!("[[agent]]\nid = \"booking\"\nname = \"Bookings\"\n{more}\n")
}

fn one_place(decision: &str) -> String {
    booking(&format!("capacity = 1\nat_capacity = \"{decision}\""))
}

/// A voice request of call `n` to this agent.
fn voice(twilio: &Twilio, n: u8, agent: &str, direction: &str, status: &str) -> Answer {
    let (sid, phone) = (sid(n), format!("+1415555{n:04}"));
    let (from, to) = match direction {
        "inbound" => (phone.as_str(), "+15005550006"),
        _ => ("+15005550006", phone.as_str()),
    };
    let fields = [
        ("CallSid", sid.as_str()),
        ("CallStatus", status),
        ("Direction", direction),
        ("From", from),
        ("To", to),
    ];
    let answer = twilio.post(&format!("/voice?agent={agent}"), &fields);
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer
}

fn first(twilio: &Twilio, n: u8) -> Answer {
    voice(twilio, n, "booking", "inbound", "ringing")
}

fn is_in(answer: &Answer) -> bool {
    answer.body.contains("<Gather ")
}

fn why(server: &Server, n: u8) -> String {
    let because = read(server, &format!("/calls/{}", sid(n)))["because"].clone();
    because.as_str().expect("a sentence").to_owned()
}

fn parties(server: &Server) -> [Option<u64>; 3] {
    let summary: Value = read(server, "/summary");
    ["withAgent", "waiting", "withPerson"].map(|party| summary[party].as_u64())
}

#[test]
fn each_decision_has_its_answer_and_the_place_is_free_again_after_an_end() {
    let redirect = r#"<Redirect method="POST">https://b.example/x?a=1&amp;b=2</Redirect>"#;
    let cases = [
        ("busy", r#"<Reject reason="busy"/>"#, [1, 0, 0], "turned away, since its agent"),
        (
            "say:All lines are busy.",
            "<Say>All lines are busy.</Say><Hangup/>",
            [1, 0, 0],
            "turned away",
        ),
        (
            "queue:support",
            "<Enqueue>support</Enqueue>",
            [1, 1, 0],
            "the caller waits in a queue, since",
        ),
        (
            "redirect:https://b.example/x?a=1&b=2",
            redirect,
            [1, 0, 1],
            "somebody else answers, since",
        ),
    ];
    for (decision, inner, line, because) in cases {
        let (_folder, file) = agents_file(&one_place(decision));
        let (server, twilio) = start(&[WITH_TOKEN, ("AGENTS_FILE", &file)]);
        assert!(is_in(&first(&twilio, 1)), "{decision}");
        for attempt in 0..3 {
            let answer = first(&twilio, 2);
            let expected = format!("<Response>{inner}</Response>");
            assert!(answer.body.ends_with(&expected), "{attempt}: {}", answer.body);
            assert_eq!(twilio.count(), r#"{"liveUsers":1}"#, "{decision}");
            assert_eq!(parties(&server), line.map(Some), "{decision}");
        }
        let told = why(&server, 2);
        assert!(told.contains(because) && told.contains("its agent was at capacity"), "{told}");
        assert!(is_in(&first(&twilio, 1)), "a retry of a call that is in");
        assert_eq!(twilio.end(1).status, 204);
        assert!(is_in(&first(&twilio, 3)), "{decision}");
        assert_eq!(twilio.end(2).status, 204);
        assert_eq!(parties(&server), [1, 0, 0].map(Some), "{decision}");
        assert!(!is_in(&first(&twilio, 2)), "refused alike, although it is over");
        let (word, _) = decision.split_once(':').unwrap_or((decision, ""));
        let name = format!(
            "live_users_turned_away_total{{agent=\"booking\",limit=\"agent\",decision=\"{word}\"}}"
        );
        assert_eq!(scrape(&server).get(&name), Some(4.0), "{decision}");
        let (_, log) = server.terminate();
        assert!(log.contains("its agent's capacity is reached, 1 live"), "{log}");
        assert!(!log.contains("b.example"), "{log}");
    }
}

#[test]
fn who_is_taken_out_of_the_queue_is_let_in() {
    let (_folder, file) = agents_file(&one_place("queue:support"));
    let (server, twilio) = start(&[WITH_TOKEN, ("AGENTS_FILE", &file)]);
    first(&twilio, 1);
    assert!(first(&twilio, 2).body.contains("<Enqueue>"));
    let taken = voice(&twilio, 2, "booking", "inbound", "in-progress");
    assert!(is_in(&taken), "{}", taken.body);
    assert_eq!(parties(&server), [2, 0, 0].map(Some));
}

#[test]
fn places_are_kept_for_those_who_call_and_a_call_that_we_make_is_hung_up() {
    let text = "capacity = 2\nat_capacity = \"busy\"\nreserved_for_inbound = 1";
    let (_folder, file) = agents_file(&booking(text));
    let (_server, twilio) = start(&[("AGENTS_FILE", &file)]);
    let outbound = |n| voice(&twilio, n, "booking", "outbound-api", "in-progress");
    assert!(is_in(&outbound(1)));
    for _ in 0..2 {
        assert!(outbound(2).body.ends_with(HANGUP));
    }
    assert!(is_in(&first(&twilio, 3)), "the place that is kept");
    assert!(first(&twilio, 4).body.ends_with(BUSY));
    assert_eq!(twilio.count(), r#"{"liveUsers":2}"#);
    // Somebody else has picked it up before, so the line cannot be busy any more.
    let answered = voice(&twilio, 5, "booking", "inbound", "in-progress");
    assert!(answered.body.ends_with(HANGUP), "{}", answered.body);
}

#[test]
fn the_limit_of_the_account_is_for_all_agents_and_for_calls_of_none() {
    let agents = format!(
        "limit = 2\nat_limit = \"say:Please call later.\"\n{}\
         [[agent]]\nid = \"own\"\nname = \"Own\"\nvoice_url = \"https://own.example/voice\"\n",
        one_place("busy")
    );
    let (_folder, file) = agents_file(&agents);
    let (server, twilio) = start(&[WITH_TOKEN, ("AGENTS_FILE", &file)]);
    let own = |n| voice(&twilio, n, "own", "inbound", "ringing");
    assert!(is_in(&first(&twilio, 1)));
    assert!(own(2).body.contains("https://own.example/voice"));
    let later = "<Response><Say>Please call later.</Say><Hangup/></Response>";
    assert!(own(3).body.ends_with(later), "an agent with an application of its own");
    assert!(twilio.start(4).body.ends_with(later), "of no agent");
    assert!(first(&twilio, 5).body.ends_with(BUSY), "its agent's limit comes first");
    assert!(why(&server, 3).contains("all agents together were at the limit"));
    assert_eq!(twilio.count(), r#"{"liveUsers":2}"#);
    // Its application sends the caller back here: that call is in.
    let again = voice(&twilio, 2, "own", "inbound", "in-progress");
    assert!(again.body.contains("https://own.example/voice"), "{}", again.body);
}

#[test]
fn a_repeated_request_is_answered_alike_and_counted_once() {
    let (_folder, file) = agents_file(&one_place("busy"));
    let (server, twilio) = start(&[WITH_TOKEN, ("AGENTS_FILE", &file)]);
    first(&twilio, 1);
    let (call, fields) = (sid(2), [("CallStatus", "ringing"), ("Direction", "inbound")]);
    let fields = [&[("CallSid", call.as_str())], &fields[..]].concat();
    for _ in 0..3 {
        let answer = twilio.post_as("one-request", "/voice?agent=booking", &fields);
        assert!(answer.body.ends_with(BUSY), "{}", answer.body);
    }
    let name = "live_users_turned_away_total{agent=\"booking\",limit=\"agent\",decision=\"busy\"}";
    assert_eq!(scrape(&server).get(name), Some(1.0));
}

#[test]
fn a_limit_changes_when_the_agents_file_is_read_again() {
    let (_folder, file) = agents_file(&booking("capacity = 1"));
    let (server, twilio) = start(&[WITH_TOKEN, ("AGENTS_FILE", &file)]);
    let reload = |text: &str| {
        fs::write(&file, text).expect("a file can be written");
        let answer = ask(&server, "POST", "/agents/reload", API_TOKEN);
        assert_eq!(answer.status, 200, "{}", answer.body);
    };
    assert!(is_in(&first(&twilio, 1)) && is_in(&first(&twilio, 2)), "it is only shown");
    reload(&one_place("busy"));
    assert!(first(&twilio, 3).body.ends_with(BUSY));
    for n in [1, 2] {
        assert!(is_in(&voice(&twilio, n, "booking", "inbound", "in-progress")), "it is in");
    }
    reload(&booking("capacity = 3\nat_capacity = \"busy\""));
    assert!(first(&twilio, 3).body.ends_with(BUSY), "it stays refused");
    assert!(is_in(&first(&twilio, 4)));
    assert!(first(&twilio, 5).body.ends_with(BUSY));
    assert_eq!(twilio.count(), r#"{"liveUsers":3}"#);
}

#[test]
fn a_restart_refuses_a_retry_alike_and_knows_the_places_that_are_taken() {
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("file:{}", folder.path().display());
    let (_folder, file) = agents_file(&one_place("busy"));
    let env = [WITH_TOKEN, ("JOURNAL_URL", &*url), ("AGENTS_FILE", &*file)];
    let (mut server, twilio) = start(&env);
    first(&twilio, 1);
    assert!(first(&twilio, 2).body.ends_with(BUSY));
    server.kill();
    let (server, twilio) = start(&env);
    assert!(first(&twilio, 2).body.ends_with(BUSY) && first(&twilio, 3).body.ends_with(BUSY));
    assert!(why(&server, 2).contains("its agent was at capacity"));
    let evidence = read(&server, &format!("/calls/{}", sid(2)))["evidence"].clone();
    assert_eq!(evidence[0]["outcome"], "ended-unseen", "{evidence}");
    assert_eq!(twilio.count(), r#"{"liveUsers":1}"#);
}

#[test]
fn while_the_journal_cannot_be_written_callers_are_let_in_and_counted_afterwards() {
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("file:{}", folder.path().display());
    let (_folder, file) = agents_file(&one_place("busy"));
    let (mut server, twilio) = start(&[WITH_TOKEN, ("JOURNAL_URL", &url), ("AGENTS_FILE", &file)]);
    assert!(is_in(&first(&twilio, 1)));
    server.limit_files(Some(0));
    for n in [2, 3] {
        let answer = first(&twilio, n);
        assert!(is_in(&answer), "{}", answer.body);
    }
    server.limit_files(None);
    server.await_log("the journal can be written again");
    assert_eq!(parties(&server), [3, 0, 0].map(Some));
    for n in [2, 3] {
        assert!(is_in(&voice(&twilio, n, "booking", "inbound", "in-progress")), "it is in");
    }
    assert!(first(&twilio, 4).body.ends_with(BUSY));
    assert_eq!(parties(&server), [3, 0, 0].map(Some));
}

fn of_two_calls_at_two_backends_at_once_one_has_the_last_place(version: NatsVersion) {
    const ROUNDS: u8 = 8;
    let nats = Nats::alone_on(version);
    let (_folder, file) = agents_file(&one_place("busy"));
    let url = nats.journal_url("live");
    let replicas = [(); 2].map(|()| Replica::start_with(&url, &[("AGENTS_FILE", &file)]));
    let late = || {
        let name = "live_users_webhooks_total{path=\"/voice\",outcome=\"not_recorded\"}";
        replicas.each_ref().map(|it| scrape(&it.server).get(name).expect("a figure"))
    };
    let mut decided = 0;
    for round in 0..ROUNDS {
        let late_before = late();
        let calls = [1, 2].map(|n| round * 2 + n);
        let answers = std::thread::scope(|scope| {
            let each = replicas.iter().zip(calls);
            let each = each.map(|(it, n)| {
                let twilio = &it.twilio;
                scope.spawn(move || first(twilio, n))
            });
            let each: Vec<_> = each.collect();
            each.into_iter().map(|it| it.join().expect("an answer")).collect::<Vec<_>>()
        });
        let places: Vec<_> = answers.iter().map(is_in).collect();
        // On a machine that stands still for two seconds both are let in.
        if late() == late_before {
            assert!(places[0] != places[1], "round {round}: {places:?}");
            await_agreement(&replicas, 1);
            // Each backend answers a retry of the other's call as the other did.
            for (n, has_place) in calls.into_iter().zip(places) {
                for replica in &replicas {
                    assert_eq!(is_in(&first(&replica.twilio, n)), has_place, "round {round}");
                }
            }
            decided += 1;
        }
        for n in calls {
            assert_eq!(replicas[0].report(n.into(), "completed"), Some(204));
        }
        await_agreement(&replicas, 0);
    }
    assert!(decided > 0, "all of {ROUNDS} rounds were late");
}

fn who_waits_for_a_journal_that_stands_still_is_let_in_and_counted(version: NatsVersion) {
    let mut nats = Nats::alone_on(version);
    let (_folder, file) = agents_file(&one_place("busy"));
    let replica = Replica::start_with(&nats.journal_url("live"), &[("AGENTS_FILE", &file)]);
    assert!(is_in(&first(&replica.twilio, 1)));
    nats.freeze(0, true);
    // The record that says that there is no place is under way, and comes too late.
    assert!(is_in(&first(&replica.twilio, 2)));
    nats.freeze(0, false);
    await_that("both count", || replica.count().is_ok_and(|count| count == 2));
    assert!(is_in(&voice(&replica.twilio, 2, "booking", "inbound", "in-progress")), "it is in");
    // On a machine that stands still for two seconds others are let in too.
    let mut more = 3..20;
    let refused = more.find(|n| first(&replica.twilio, *n).body.ends_with(BUSY));
    let others = usize::from(refused.expect("one is in time and refused") - 3);
    let all = 2 + others;
    await_that("all count", || replica.count().is_ok_and(|count| count == all));
}
