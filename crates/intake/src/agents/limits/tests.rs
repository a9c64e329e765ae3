//! What the agents file may say about limits, and which limits a call has.

use live_users_core::{Agent as CountedFor, CallId};

use super::*;

const GOOD: &str = r#"
    limit = 10
    at_limit = "redirect:https://overflow.example.com/voice?key=s3cr3t"
    limit_reserved_for_inbound = 4

    [[agent]]
    id = "booking"
    name = "Bookings"
    capacity = 3
    at_capacity = "queue:waiting room"
    reserved_for_inbound = 1

    [[agent]]
    id = "shown"
    name = "Only shown"
    capacity = 1
"#;

fn voice(agent: &str, direction: Direction) -> Evidence {
    let call = CallId::parse("CA1").unwrap();
    let (agent, direction) = (CountedFor::Id(agent.into()), Some(direction));
    Evidence { agent, direction, ..Evidence::about(call, Source::Voice, Said::Dialing) }
}

#[test]
fn outbound_calls_have_the_places_that_are_not_kept() {
    let (agents, mistakes) = Agents::parse(GOOD);
    assert_eq!(mistakes, [""; 0]);
    let places = |agent, direction| {
        let admission = agents.admission(&voice(agent, direction)).unwrap();
        (admission.agent.map(|it| it.places), admission.all.map(|it| it.places))
    };
    assert_eq!(places("booking", Direction::Inbound), (Some(3), Some(10)));
    assert_eq!(places("booking", Direction::Outbound), (Some(2), Some(6)));
    assert_eq!(places("shown", Direction::Inbound), (None, Some(10)), "only shown");
    assert_eq!(places("nobody", Direction::Inbound), (None, Some(10)));
    let bound = agents.admission(&voice("booking", Direction::Inbound)).unwrap();
    assert_eq!(bound.agent.map(|it| it.instead), Some(Instead::Queue));
    assert_eq!(bound.all.map(|it| it.instead), Some(Instead::Elsewhere));
    let beyond = agents.beyond(&voice("booking", Direction::Inbound), LimitOf::Agent).unwrap();
    assert_eq!(beyond.agent, Some("booking"));
    assert!(*beyond.decision == Decision::Queue("waiting room".to_owned()));
    assert!(!format!("{agents:?}").contains("s3cr3t"));
}

#[test]
fn only_what_may_begin_a_call_is_limited() {
    let (agents, _) = Agents::parse(GOOD);
    let voice = voice("booking", Direction::Inbound);
    let over = Said::Over(live_users_core::EndReason::Goodbye);
    let speech = Evidence { source: Source::Speech, ..voice.clone() };
    let status = Evidence { source: Source::StatusCallback, ..voice.clone() };
    let leg = Evidence { direction: Some(Direction::Dial), ..voice.clone() };
    for other in [speech, status, leg, Evidence { said: over, ..voice.clone() }] {
        assert_eq!(agents.admission(&other), None);
    }
    let (none, _) = Agents::parse("[[agent]]\nid = \"booking\"\nname = \"B\"\ncapacity = 1");
    assert_eq!(none.admission(&voice), None);
    assert_eq!(none.beyond(&voice, LimitOf::Agent), None);
}

#[test]
fn a_mistake_names_the_field_and_what_is_expected() {
    let agent = |text: &str| format!("[[agent]]\nid = \"a\"\nname = \"A\"\n{text}");
    let long = |n| "x".repeat(n);
    for (text, expected) in [
        (agent("capacity = 1\nat_capacity = \"bussy\""), "at_capacity: expected \"busy\", \"queue"),
        (agent("capacity = 1\nat_capacity = \"busy:\""), "at_capacity: expected \"busy\", \"queue"),
        (agent("capacity = 1\nat_capacity = 1"), "line 5: expected \"busy\""),
        (
            agent("capacity = 1\nat_capacity = \"queue:\""),
            "at_capacity: expected a queue of 1 to 64",
        ),
        (
            agent(&format!("capacity = 1\nat_capacity = \"queue:{}\"", long(65))),
            "at_capacity: expected a queue of 1 to 64",
        ),
        (
            agent("capacity = 1\nat_capacity = \"redirect:a.example/x\""),
            "at_capacity: expected a URL with https:// or http://",
        ),
        (
            agent("capacity = 1\nat_capacity = \"say: \""),
            "at_capacity: expected a text of 1 to 500",
        ),
        (
            agent(&format!("capacity = 1\nat_capacity = \"say:{}\"", long(501))),
            "at_capacity: expected a text of 1 to 500",
        ),
        (agent("at_capacity = \"busy\""), "at_capacity: there is no capacity; expected both"),
        (
            agent("capacity = 2\nreserved_for_inbound = 1"),
            "reserved_for_inbound: there is no at_capacity; expected both",
        ),
        (
            agent("capacity = 2\nat_capacity = \"busy\"\nreserved_for_inbound = 2"),
            "reserved_for_inbound: expected fewer places than capacity has",
        ),
        ("limit = 0\nat_limit = \"busy\"".to_owned(), "limit: expected a whole number from 1 up"),
        ("limit = 1".to_owned(), "limit: there is no at_limit; expected both or neither"),
        ("at_limit = \"busy\"".to_owned(), "at_limit: there is no limit; expected both"),
        (
            "limit = 1\nat_limit = \"busy\"\nlimit_reserved_for_inbound = 1".to_owned(),
            "limit_reserved_for_inbound: expected fewer places than limit has",
        ),
    ] {
        let (_, mistakes) = Agents::parse(&text);
        assert!(mistakes.len() == 1 && mistakes[0].contains(expected), "{text}: {mistakes:?}");
    }
    let longest = format!("capacity = 1\nat_capacity = \"queue:{}\"", long(64));
    assert_eq!(Agents::parse(&agent(&longest)).1, [""; 0]);
}
