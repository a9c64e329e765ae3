//! Who is at the other end, by the forms in which addresses come.

use live_users_core::AnsweredBy;

use super::*;

const OURS: &str = "+15005550006";
const PERSON: &str = "+12065550100";

fn agents() -> Agents {
    let (agents, mistakes) = Agents::parse(
        "[[agent]]\nid = \"booking\"\nname = \"B\"\nnumbers = [\"+15005550006\"]\n\
         [[agent]]\nid = \"support\"\nname = \"S\"\nnumbers = [\"+15005550007\"]\n",
    );
    assert_eq!(mistakes, [""; 0]);
    agents
}

fn call(id: &str) -> CallId {
    CallId::parse(id).unwrap()
}

fn about(direction: Option<Direction>) -> Evidence {
    let evidence = Evidence::about(call("CA2"), Source::StatusCallback, Said::InProgress);
    let caller = std::num::NonZeroU64::new(7).map(live_users_core::Caller);
    Evidence { direction, caller, answered_by: Some(AnsweredBy::Human), ..evidence }
}

fn leg(from: &str, to: &str) -> Evidence {
    let evidence = Evidence { parent: Some(call("CA1")), ..about(Some(Direction::Dial)) };
    with_role(evidence, (Some(from), Some(to)), &agents())
}

#[test]
fn a_leg_leads_to_an_ai_agent_by_its_host_or_number_and_else_to_a_person() {
    for ai in [
        "sip:proj_abc@sip.api.openai.com;transport=tls",
        "sips:PROJ@SIP.API.OPENAI.COM:5061",
        "<sip:proj@sip.api.openai.com>;tag=1",
        "sip:+15550000000@1a2b3c.sip.livekit.cloud",
        "sip:+15550000000@1a2b3c.eu.sip.livekit.cloud:5060;transport=tcp?x-room=a",
        "sip:agent_1@sip.rtc.elevenlabs.io:5060;transport=tcp",
        "sip:agent_1@sip.rtc.eu.residency.elevenlabs.io",
        "sip:me@sip.vapi.ai",
        "sip:me@12ab.sip.eu.vapi.ai.",
        "sip:call_1@sip.retellai.com",
    ] {
        let leg = leg("+14155550123", ai);
        assert_eq!((leg.endpoint, leg.agent), (Some(Endpoint::Agent), Agent::Unknown), "{ai}");
    }
    for person in [
        PERSON,
        "client:alice",
        "sip:desk7@pbx.example.com",
        "sip:sip.api.openai.com@pbx.example.com",
        "sip:x@notsip.vapi.ai",
        "sip:x@sip.vapi.ai.example.com",
        "",
    ] {
        assert_eq!(leg("+14155550123", person).endpoint, Some(Endpoint::Person), "{person}");
    }
    let agent = leg("+15005550007", OURS);
    assert_eq!(agent.endpoint, Some(Endpoint::Agent));
    assert_eq!(agent.agent, Agent::Id("booking".into()));
}

#[test]
fn a_leg_has_no_caller_and_keeps_nobodys_number() {
    for to in [OURS, PERSON, "sip:me@sip.vapi.ai"] {
        let evidence = Evidence {
            parent: Some(call("CA1")),
            // By the number that has dialled, which is the caller's by default.
            agent: Agent::Address("+14155550123".into()),
            ..about(Some(Direction::Dial))
        };
        let leg = with_role(evidence, (Some("+14155550123"), Some(to)), &agents());
        assert_eq!((leg.caller, leg.place.clone()), (None, Place::default()));
        assert!(!format!("{leg:?}").contains("4155550123"), "{leg:?}");
        assert_eq!(leg.direction, Some(Direction::Dial));
    }
}

#[test]
fn the_agent_that_a_callbacks_url_names_is_the_legs_unless_a_number_says_which() {
    let named = |to| {
        let evidence = Evidence {
            parent: Some(call("CA1")),
            agent: Agent::Id("sales".into()),
            agent_from: AgentFrom::Url,
            ..about(None)
        };
        with_role(evidence, (Some(PERSON), Some(to)), &agents()).agent
    };
    assert_eq!(named("sip:me@sip.vapi.ai"), Agent::Id("sales".into()));
    assert_eq!(named(OURS), Agent::Id("booking".into()));
}

#[test]
fn a_call_that_we_make_to_an_ai_agent_is_a_leg_and_one_to_a_person_is_none() {
    let dialled =
        |to| with_role(about(Some(Direction::Outbound)), (Some(OURS), Some(to)), &agents());
    let ai = dialled("sip:proj@sip.api.openai.com");
    assert_eq!((ai.direction, ai.endpoint), (Some(Direction::Dial), Some(Endpoint::Agent)));
    assert_eq!(ai.caller, None);
    let person = dialled(PERSON);
    let endpoint = Some(Endpoint::Person);
    assert_eq!(person, Evidence { endpoint, ..about(Some(Direction::Outbound)) });
}

#[test]
fn a_call_from_one_of_our_own_numbers_is_the_far_end_of_a_leg() {
    let from = |from, direction| with_role(about(direction), (Some(from), Some(OURS)), &agents());
    let far_end = from("+15005550007", Some(Direction::Inbound));
    assert_eq!((far_end.direction, far_end.endpoint), (Some(Direction::Dial), None));
    assert_eq!((far_end.parent, far_end.caller), (None, None));
    assert_eq!(from(PERSON, Some(Direction::Inbound)), about(Some(Direction::Inbound)));
    // Without a direction it may as well be a call that we make.
    assert_eq!(from("+15005550007", None), about(None));
}

#[test]
fn a_dial_that_is_over_ends_its_leg_whatever_its_status_is_called() {
    let ended = |call_sid: Option<&str>, status| {
        let dial =
            DialResult { call_sid: call_sid.map(str::to_owned), status, duration_s: Some(7) };
        end_of_leg(&call("CA1"), &dial)
    };
    use live_users_twilio::CallStatus::{Busy, Completed};
    for (status, reason) in [
        (Some(Completed), EndReason::Completed),
        (Some(Busy), EndReason::Busy),
        (None, EndReason::Completed),
    ] {
        let leg = ended(Some("CA2"), status).unwrap();
        assert_eq!((leg.call, leg.parent), (call("CA2"), Some(call("CA1"))));
        assert_eq!((leg.said, leg.duration_s), (Said::Over(reason), Some(7)));
    }
    for none in [None, Some("CA1")] {
        assert_eq!(ended(none, Some(Completed)), None, "{none:?}");
    }
}
