//! What sources tell, as evidence: whose call it is, who calls, under which id.

use live_users_core::{Claim, Country, Endpoint, Place};

use super::*;
use crate::sources::SourceTable;

const FILE: &str = r#"
[[agent]]
id = "booking"
name = "Bookings"
numbers = ["+15005550006"]
assistants = ["asst_1"]

[[agent]]
id = "support"
name = "Support"
numbers = ["+15005550007"]

[[source]]
id = "calls"
kind = "vapi"
secret_env = "VAPI_SECRET"
account = "acme"

[[source]]
id = "own"
kind = "events"
secret_env = "EVENTS_SECRET"
heartbeat_seconds = 20
longest_call_minutes = 30
"#;

fn agents() -> Agents {
    let (agents, mistakes) = Agents::parse(FILE);
    assert!(mistakes.is_empty(), "{mistakes:?}");
    agents
}

fn source(id: &str) -> SourceSettings {
    let agents = agents();
    agents.sources().iter().find(|it| it.id == id).map(SourceTable::settings).expect("a source")
}

fn read(source_id: &str, event: &CallEvent) -> Evidence {
    let key = CallerKey::derived_from("a token");
    one(of_source_event(&source(source_id), event, (&agents(), &key), None))
}

fn one(mut evidence: Vec<Evidence>) -> Evidence {
    assert_eq!(evidence.len(), 1);
    evidence.remove(0)
}

fn inbound(what: What) -> CallEvent {
    CallEvent {
        direction: Some(Direction::Inbound),
        from: Some("+442079460123".to_owned()),
        to: Some("+15005550007".to_owned()),
        ..CallEvent::new("1", what)
    }
}

#[test]
fn an_event_becomes_evidence_of_its_source_and_account() {
    let evidence = read("calls", &inbound(What::Answered));
    assert_eq!(evidence.call.to_string(), "calls/1");
    assert_eq!(evidence.agent, Agent::Id(Arc::from("support")));
    assert_eq!(evidence.account.as_deref(), Some("acme"));
    assert_eq!(evidence.agent_account, None);
    assert_eq!(evidence.claim(), Claim::Live);
    let country = Country::parse("GB");
    assert_eq!(evidence.place, Place { country, ..Place::default() });
    assert_eq!(evidence.caller, CallerKey::derived_from("a token").person("0044 20 7946 0123"));
    let origin = evidence.origin.expect("a source");
    assert_eq!((&*origin.source, origin.is_carrier), ("calls", false));
}

#[test]
fn what_happened_says_who_is_with_the_caller() {
    let outbound = |what| CallEvent { direction: Some(Direction::Outbound), ..inbound(what) };
    for (what, claim, connection) in [
        (What::Dialing, Claim::Dialing, None),
        (What::Up, Claim::Live, None),
        (What::Answered, Claim::Live, Some(Connection::Agent)),
        (What::Waiting, Claim::Live, Some(Connection::Waiting)),
        (What::Transferred, Claim::Live, Some(Connection::Person)),
        (What::Returned, Claim::Live, Some(Connection::Agent)),
        (What::Machine, Claim::Live, Some(Connection::Machine)),
        (What::Ended(EndReason::Busy), Claim::Ended(EndReason::Busy), None),
        (What::Left, Claim::Ended(EndReason::HandedOver), None),
    ] {
        for event in [inbound(what), outbound(what)] {
            let evidence = read("own", &event);
            assert_eq!((evidence.claim(), evidence.connection), (claim, connection), "{what:?}");
        }
    }
}

/// What Twilio's streams tell means what its forms tell of the same call.
#[test]
fn an_event_of_twilio_is_a_status_callback_and_proves_no_more() {
    let settings = SourceTable::named("streams", "twilio").settings();
    let event = CallEvent {
        direction: Some(Direction::Outbound),
        ..CallEvent::new("CAfa4e0000000000000000000000000001", What::Up)
    };
    let key = CallerKey::derived_from("a token");
    let evidence = one(of_source_event(&settings, &event, (&agents(), &key), None));
    assert_eq!((evidence.source, evidence.said), (Source::StatusCallback, Said::InProgress));
    assert_eq!(evidence.endpoint, Some(Endpoint::Person), "a colleague's call looks the same");
    assert!(evidence.origin.is_some_and(|it| it.is_carrier && &*it.source == "streams"));
}

#[test]
fn an_agent_is_known_by_the_ids_of_platforms_before_its_number() {
    let of = |agent: Option<&str>, to: &str| {
        let event = CallEvent {
            agent: agent.map(str::to_owned),
            to: Some(to.to_owned()),
            ..inbound(What::Answered)
        };
        let evidence = read("calls", &event);
        (evidence.agent, evidence.agent_from)
    };
    let id = |text: &str| Agent::Id(Arc::from(text));
    let (url, address) = (AgentFrom::Url, AgentFrom::Address);
    let unknown = || Agent::Address(Arc::from("+15005550099"));
    assert_eq!(of(Some("15005550177"), "+15005550099").0, unknown(), "a number is no id");
    assert_eq!(of(Some("asst_1"), "+15005550007"), (id("booking"), url));
    assert_eq!(of(Some("support"), "+15005550099"), (id("support"), url));
    assert_eq!(of(Some("asst_9"), "+15005550007"), (id("support"), address));
    assert_eq!(of(Some("asst_9"), "+15005550099"), (id("asst_9"), address), "never dropped");
    assert_eq!(of(Some("no id at all"), "+15005550099"), (unknown(), address));
}

#[test]
fn ids_of_two_sources_meet_only_if_they_are_the_same_everywhere() {
    let name = |id: &str| name(&source("own"), id).map(|it| it.to_string());
    let worldwide = [
        "CAfa4e0000000000000000000000000001",
        "0b3e2b1c-5a0e-4d0e-8a77-5a0b6f1f0001",
        "v3:9X2vxPDFY2RHSJ1EdMS0RHRksMTg7ldNxdjWbVr9zBjbGjGsSe-aiQ",
    ];
    for id in worldwide {
        assert_eq!(name(id).as_deref(), Some(id));
    }
    assert_eq!(name("1700000000.12").as_deref(), Some("own/1700000000.12"));
    assert_eq!(name(""), None);
    // A phone number stands in no id, and two sources agree on the digest of one.
    let channel = "call-from-15005550100-to-agent-x";
    let other = super::name(&source("calls"), channel).map(|it| it.to_string());
    assert_eq!(name(channel), other);
    for id in ["app-4155550100", "pstn-leg-15005550100-abcdefgh", channel] {
        assert!(!name(id).expect("an id").contains("5550100"), "{id}");
    }
    // What no id can hold, and what a caller's side has written, is kept by a digest.
    for id in [
        "PJSIP/+15005550100-0001",
        "SIP/15005550100-1",
        "two words",
        &"\u{e9}".repeat(20),
        &"x".repeat(500),
        "sip-call-id/15005550100@a",
    ] {
        let kept = name(id).expect("an id");
        assert!(!kept.contains("15005550100") && kept.len() < 100, "{kept}");
    }
    assert_eq!(
        name("sip-call-id/a@b"),
        super::name(&source("calls"), "sip-call-id/a@b").map(|it| it.to_string())
    );
}

#[test]
fn without_a_direction_our_own_numbers_tell_it() {
    let direction = |from: &str, to: &str| {
        let event = CallEvent {
            from: Some(from.to_owned()),
            to: Some(to.to_owned()),
            direction: None,
            ..inbound(What::Up)
        };
        read("calls", &event).direction
    };
    assert_eq!(direction("+15005550100", "+15005550006"), Some(Direction::Inbound));
    assert_eq!(direction("+15005550006", "+15005550100"), Some(Direction::Outbound));
    assert_eq!(direction("+15005550100", "+15005550101"), None);
}

#[test]
fn a_leg_leads_somewhere_and_has_no_caller() {
    let leg = CallEvent { parent: Some("parent".to_owned()), ..inbound(What::Up) };
    let evidence = read("calls", &leg);
    assert!(evidence.is_leg() && evidence.caller.is_none());
    assert_eq!(evidence.endpoint, Some(live_users_core::Endpoint::Agent));
}

#[test]
fn limits_are_those_of_the_file_or_of_the_kind() {
    let limits = |id| (source(id).limits.quiet_s, source(id).limits.longest_s);
    assert_eq!(limits("own"), (Some(60), Some(1_800)));
    assert_eq!(limits("calls"), (None, None));
}

#[test]
fn a_number_in_an_id_is_hidden_however_it_is_written() {
    for (id, is_hidden) in [
        ("session-415-555-0100", true),
        ("+1-415-555-0100", true),
        ("(415) 555 01 00", true),
        ("1632960123", true),
        ("v3:4155550100", true),
        ("4155550100", true),
        ("1700000000.12", false),
        ("call-2026-11-29", false),
        ("call-7", false),
        ("v3:9X2vxPDFY2RHSJ1EdMS0RHRksMTg7ldNxdjWbVr9zBjbGjGsSe-aiQ", false),
        ("b0e6141e-c81c-11f0-abac-024155550100", false),
    ] {
        let name = name(&source("own"), id).expect(id).to_string();
        assert_eq!(!name.contains(id), is_hidden, "{id}: {name}");
    }
}

/// An application of ours that calls another one of ours at the same carrier: one caller, not two.
#[test]
fn the_far_end_of_a_leg_at_a_carrier_is_nobodys() {
    let event = CallEvent { from: Some("+15005550006".to_owned()), ..inbound(What::Up) };
    let read = |kind: &str| {
        let settings = SourceTable::named("one", kind).settings();
        let key = CallerKey::derived_from("a token");
        one(of_source_event(&settings, &event, (&agents(), &key), None))
    };
    assert!(read("plivo").is_leg() && read("signalwire").is_leg());
    assert!(!read("vapi").is_leg(), "a platform's agent has a caller, whoever brought them");
}

#[test]
fn a_call_that_goes_no_known_way_has_no_caller_and_no_address() {
    let event = CallEvent {
        direction: None,
        from: Some("+15005550190".to_owned()),
        to: Some("+442079460123".to_owned()),
        ..inbound(What::Answered)
    };
    let evidence = read("own", &event);
    assert_eq!((evidence.caller, evidence.agent), (None, Agent::Unknown));
}

#[test]
fn an_event_of_twilio_is_of_the_account_that_it_names_and_of_no_other() {
    let sid = "AC00000000000000000000000000000001";
    let file = format!(
        "[[account]]\nid = \"acme\"\nsid = {sid:?}\nauth_token_env = \"ACME\"\n\
         [[source]]\nid = \"streams\"\nkind = \"twilio\"\nsecret_env = \"TOKEN\"\n"
    );
    let read = |label: &str, sid: &str| {
        let (agents, mistakes) = Agents::parse(&format!("{file}{label}"));
        assert!(mistakes.is_empty(), "{mistakes:?}");
        let settings = agents.sources()[0].settings();
        let call = "CAfa4e0000000000000000000000000001";
        let event = CallEvent { account: Some(sid.to_owned()), ..CallEvent::new(call, What::Up) };
        let key = CallerKey::derived_from("a token");
        let read = of_source_event(&settings, &event, (&agents, &key), None);
        read.into_iter().map(|it| it.account.as_deref().map(str::to_owned)).collect::<Vec<_>>()
    };
    assert_eq!(read("", sid), [Some("acme".to_owned())]);
    assert_eq!(read("account = \"acme\"", sid), [Some("acme".to_owned())]);
    assert_eq!(read("account = \"other\"", sid), [None::<String>; 0], "its secret is another's");
    let unnamed = "AC00000000000000000000000000000009";
    assert_eq!(read("", unnamed), [None::<String>]);
    assert_eq!(read("account = \"acme\"", unnamed), [None::<String>; 0], "it is not acme's");
    // A label that is no account of the file is what calls of an unnamed account are called.
    assert_eq!(read("account = \"emea\"", unnamed), [Some("emea".to_owned())]);
}

#[test]
fn the_end_of_a_room_speaks_for_the_account_of_its_source() {
    let file = "[[account]]\nid = \"acme\"\nsid = \"AC00000000000000000000000000000001\"\n\
                auth_token_env = \"ACME\"\n[[source]]\nid = \"rooms\"\nkind = \"livekit\"\n\
                secret_env = \"TOKEN\"\naccount = \"acme\"\n";
    let (agents, mistakes) = Agents::parse(file);
    assert!(mistakes.is_empty(), "{mistakes:?}");
    let (settings, key) = (agents.sources()[0].settings(), CallerKey::derived_from("a token"));
    let room = "RM_aaaaaaaaaaaaaaaaaaaaaaaa";
    let up = CallEvent { room: Some(room.to_owned()), ..CallEvent::new("PA_1", What::Up) };
    let mut tracker = Tracker::default();
    let up = one(of_source_event(&settings, &up, (&agents, &key), None));
    tracker.apply(Millis(1), &up);
    let over = CallEvent::new(room, What::RoomOver);
    let over = one(of_source_event(&settings, &over, (&agents, &key), Some(&tracker)));
    assert!(over.twilio_account.is_some());
    assert_eq!((&over.account, over.twilio_account), (&up.account, up.twilio_account));
}
