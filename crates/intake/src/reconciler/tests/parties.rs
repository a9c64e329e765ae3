//! Legs, machines, guesses that were wrong, and whose calls are added.

use live_users_core::{AnsweredBy, Endpoint, MINUTE_MS};
use live_users_twilio::AnsweredBy as Result;

use super::*;

const PERSON: &str = "+12065550100";

fn parties(scene: &Scene) -> [usize; 4] {
    scene.state.tracker().check().unwrap();
    scene.state.tracker().breakdown().parties.map(|numbers| numbers.users)
}

fn leg(sid: &str, to: &str, status: CallStatus) -> CallResource {
    CallResource {
        parent_call_sid: Some("CA1".to_owned()),
        direction: Some(Way::OutboundDial),
        to: Some(to.to_owned()),
        ..resource(sid, status)
    }
}

fn dialled(sid: &str, answered_by: Option<Result>) -> CallResource {
    CallResource {
        direction: Some(Way::Outbound),
        from: Some("+15005550006".to_owned()),
        to: Some(PERSON.to_owned()),
        answered_by,
        ..resource(sid, CallStatus::InProgress)
    }
}

impl Scene {
    fn lists(&mut self, call: CallResource) {
        self.provider.calls.insert(call.sid.clone(), call);
    }
}

#[test]
fn a_leg_that_no_webhook_reported_hands_its_caller_over_and_back() {
    let mut scene = Scene::new();
    scene.starts("CA1");
    scene.at_provider("CA1", CallStatus::InProgress);
    scene.lists(leg("CA2", PERSON, CallStatus::Ringing));
    scene.pass(60 * SECOND);
    assert_eq!(parties(&scene), [0, 1, 0, 0], "the colleague is rung");
    scene.lists(leg("CA2", PERSON, CallStatus::InProgress));
    scene.pass(60 * SECOND);
    assert_eq!(parties(&scene), [0, 0, 1, 0]);
    scene.lists(leg("CA2", PERSON, CallStatus::Completed));
    scene.pass(60 * SECOND);
    assert_eq!(parties(&scene), [1, 0, 0, 0]);
    let known = scene.state.tracker().call(&id("CA2")).unwrap();
    assert_eq!((known.caller, known.details.endpoint), (None, Some(Endpoint::Person)));
}

#[test]
fn a_leg_to_an_ai_agent_is_the_agent_and_one_of_nobodys_call_is_not_added() {
    let mut scene = Scene::new();
    scene.starts("CA1");
    scene.at_provider("CA1", CallStatus::InProgress);
    scene.lists(leg("CA2", "sip:x@sip.vapi.ai", CallStatus::InProgress));
    let strange = leg("CA3", PERSON, CallStatus::InProgress);
    scene.lists(CallResource { parent_call_sid: Some("CA9".to_owned()), ..strange });
    scene.pass(60 * SECOND);
    assert_eq!(parties(&scene), [1, 0, 0, 0]);
    assert_eq!(scene.state.tracker().known(), 2);
    assert_eq!(scene.drift(), [], "a leg is no user who was missed");
}

#[test]
fn known_legs_are_ended_and_cost_nothing_more() {
    let mut scene = Scene::new();
    scene.starts("CA1");
    scene.at_provider("CA1", CallStatus::InProgress);
    let told = Evidence {
        parent: Some(id("CA1")),
        direction: Some(Direction::Dial),
        endpoint: Some(Endpoint::Person),
        ..Evidence::about(id("CA2"), Source::StatusCallback, Said::InProgress)
    };
    scene.receives(told.clone());
    scene.lists(leg("CA2", PERSON, CallStatus::InProgress));
    scene.pass(10 * MINUTE_MS);
    let heard = scene.state.tracker().call(&id("CA2")).unwrap().heard;
    assert_eq!(heard, Millis(1_000_000), "it is not confirmed, since its caller is");
    scene.lists(leg("CA2", PERSON, CallStatus::Completed));
    scene.pass(60 * SECOND);
    assert_eq!(parties(&scene), [1, 0, 0, 0]);
    // A leg of a call that nobody knows is not asked for.
    let asked = scene.singles();
    scene.receives(Evidence { call: id("CA7"), parent: Some(id("CA6")), ..told });
    scene.pass(10 * MINUTE_MS);
    assert_eq!(scene.singles(), asked);
}

#[test]
fn a_machine_in_the_list_is_no_person_at_once_and_later() {
    for (result, expected) in [
        (Result::Machine, [0, 0, 0, 1]),
        (Result::Fax, [0, 0, 0, 1]),
        (Result::Human, [1, 0, 0, 0]),
    ] {
        let mut scene = Scene::new();
        let told = Evidence::about(id("CA1"), Source::StatusCallback, Said::InProgress);
        scene.receives(Evidence { direction: Some(Direction::Outbound), ..told });
        scene.lists(dialled("CA1", None));
        scene.pass(60 * SECOND);
        assert_eq!(parties(&scene), [1, 0, 0, 0]);
        scene.lists(dialled("CA1", Some(result)));
        scene.pass(20 * SECOND);
        assert_eq!(parties(&scene), expected, "{result:?}");
        // A call that is added brings its result along.
        let mut scene = Scene::new();
        scene.lists(dialled("CA1", Some(result)));
        scene.pass(60 * SECOND);
        assert_eq!(parties(&scene), expected, "{result:?}");
    }
    let mut scene = Scene::new();
    scene.starts("CA1");
    let human = Evidence::about(id("CA1"), Source::StatusCallback, Said::Nothing);
    scene.receives(Evidence { answered_by: Some(AnsweredBy::Human), ..human });
    scene.lists(dialled("CA1", Some(Result::Machine)));
    scene.pass(60 * SECOND);
    assert_eq!(parties(&scene), [1, 0, 0, 0], "a webhook has said who it is");
}

#[test]
fn machine_detection_in_the_list_proves_that_a_call_is_no_colleagues() {
    for (result, expected) in [(Result::Machine, [1, 0, 0, 1]), (Result::Human, [2, 0, 0, 0])] {
        let mut scene = Scene::new();
        let booking = |call: &str, direction, source, said| Evidence {
            direction: Some(direction),
            agent: live_users_core::Agent::Id("booking".into()),
            ..Evidence::about(id(call), source, said)
        };
        scene.receives(booking("CA1", Direction::Inbound, Source::Voice, Said::Dialing));
        scene.at_provider("CA1", CallStatus::InProgress);
        let held = booking("CA3", Direction::Outbound, Source::StatusCallback, Said::InProgress);
        scene.receives(Evidence { endpoint: Some(Endpoint::Person), ..held });
        scene.lists(dialled("CA3", None));
        scene.pass(60 * SECOND);
        assert_eq!(parties(&scene), [1, 0, 0, 0]);
        scene.lists(dialled("CA3", Some(result)));
        scene.pass(20 * SECOND);
        assert_eq!(parties(&scene), expected, "{result:?}");
    }
}

#[test]
fn our_guess_yields_to_two_looks_that_began_after_it() {
    let goodbye = Evidence::about(id("CA1"), Source::Speech, Said::Over(EndReason::Goodbye));
    let over = Evidence::about(id("CA1"), Source::StatusCallback, Said::Over(EndReason::Completed));
    let begun = || {
        let mut scene = Scene::new();
        scene.starts("CA1");
        scene.at_provider("CA1", CallStatus::InProgress);
        scene.pass(5 * SECOND);
        scene.receives(goodbye.clone());
        scene
    };
    let mut scene = begun();
    scene.pass(15 * SECOND);
    assert_eq!(scene.live(), 0, "one look may lag behind");
    scene.pass(40 * SECOND);
    assert_eq!(scene.live(), 1);
    // The list lags behind for a while.
    let mut scene = begun();
    scene.pass(15 * SECOND);
    scene.at_provider("CA1", CallStatus::Completed);
    scene.pass(120 * SECOND);
    assert_eq!(scene.live(), 0);
    // The provider's own word stands, whatever its lists say.
    let mut scene = begun();
    scene.receives(over);
    scene.pass(600 * SECOND);
    assert_eq!(scene.live(), 0);
    let evicted = Evidence::about(id("CA1"), Source::Operator, Said::Over(EndReason::Evicted));
    let mut scene = begun();
    scene.receives(evicted);
    scene.pass(600 * SECOND);
    assert_eq!(scene.live(), 0);
}

#[test]
fn without_any_number_nothing_is_added_but_what_is_known_is_ended_and_confirmed() {
    let (agents, _) = Agents::parse("[[agent]]\nid = \"a\"\nname = \"A\"");
    for agents in [Agents::default(), agents] {
        let mut scene = Scene::with(agents, ReconcilerRules::default());
        scene.starts("CA1");
        scene.starts("CA2");
        scene.at_provider("CA1", CallStatus::InProgress);
        scene.at_provider("CA2", CallStatus::Completed);
        scene.at_provider("CA3", CallStatus::InProgress);
        scene.lists(CallResource {
            parent_call_sid: Some("CA1".to_owned()),
            ..leg("CA4", PERSON, CallStatus::InProgress)
        });
        scene.lists(dialled("CA5", None));
        scene.pass(300 * SECOND);
        assert_eq!((parties(&scene), scene.drift()), ([1, 0, 0, 0], vec![(Cause::MissedEnd, 1)]));
        let call = scene.state.tracker().call(&id("CA1")).unwrap();
        assert!(!is_suspect((call.heard, call.limits()), scene.now, 120 * SECOND));
        assert_eq!(scene.state.tracker().known(), 2);
    }
}

#[test]
fn the_far_end_of_our_own_leg_and_a_call_to_an_ai_agent_are_not_added() {
    let mut scene = Scene::new();
    let far_end = resource("CA1", CallStatus::InProgress);
    scene.lists(CallResource { from: Some("+15005550006".to_owned()), ..far_end });
    let to_ai = dialled("CA2", None);
    scene.lists(CallResource { to: Some("sip:x@sip.api.openai.com".to_owned()), ..to_ai });
    scene.pass(120 * SECOND);
    assert_eq!(scene.state.tracker().known(), 0);
    scene.lists(dialled("CA3", None));
    scene.pass(120 * SECOND);
    assert_eq!(parties(&scene), [1, 0, 0, 0]);
}
