//! Calls that are asked for by name, and what begins of a whole account.

use live_users_core::{Agent, Direction};

use super::*;

/// Plivo has pages without a cursor, and is asked for each call by its name.
const PLIVO: &str = r#"
[[agent]]
id = "booking"
name = "Bookings"
numbers = ["+15005550006"]

[[source]]
id = "plivo"
kind = "plivo"
secret_env = "A"
api_key_env = "KEY"
auth_id = "MA1"
"#;

/// Goes on until it asks for a call by its name, with these calls in its lists.
fn until_named(scene: &mut Scene) -> Ask {
    for _ in 0..500 {
        match scene.referee.next(scene.now) {
            Action::Wait(until) => scene.now = until.max(scene.now),
            Action::Ask(ask) if !ask.id.is_empty() => return ask,
            Action::Ask(_) => {
                let answer = scene.answer();
                scene.referee.receive(scene.now, answer);
            }
            Action::Compare => {
                let found = scene.referee.compare(scene.now, scene.state.tracker());
                assert!(found.is_empty(), "a list alone says nothing: {found:?}");
            }
        }
    }
    panic!("no call was asked for by its name");
}

fn one(event: CallEvent) -> Result<Answer, Unanswered> {
    Ok(Answer { calls: vec![Listed { event, session: None, up_s: 0 }], ..Answer::default() })
}

#[test]
fn where_a_provider_is_asked_by_name_its_word_ends_a_call_and_nothing_else_does() {
    let mut scene = Scene::of(PLIVO, "plivo");
    scene.told("plivo", &CallEvent::new("a", What::Answered));
    let ask = until_named(&mut scene);
    assert_eq!((ask.id.as_str(), ask.path.as_str()), ("a", "/v1/Account/MA1/Call/a/"));
    // It is trouble, not known, or still up: nothing follows, and it is not asked again at once.
    let unanswered = Unanswered { why: Failure::Server(503), again_after_ms: None };
    for answer in [Err(unanswered), Ok(Answer::default()), one(CallEvent::new("a", What::Answered))]
    {
        assert!(scene.referee.receive(scene.now, answer).is_empty());
        assert_eq!(scene.phase("a"), Some(Phase::Live));
        until_named(&mut scene);
    }
    // The end of another call is none of this one.
    let other = one(CallEvent::new("b", What::Ended(EndReason::Completed)));
    assert!(scene.referee.receive(scene.now, other).is_empty());
    until_named(&mut scene);
    let over = CallEvent {
        duration_s: Some(31),
        ..CallEvent::new("a", What::Ended(EndReason::Completed))
    };
    let found = scene.referee.receive(scene.now, one(over));
    assert_eq!((found.len(), found[0].duration_s), (1, Some(31)));
    scene.apply(found[0].clone());
    scene.listed.insert("a".to_owned());
    scene.passes(120 * SECOND);
    assert_eq!(scene.phase("a"), Some(Phase::Ended(EndReason::Completed)), "it is no guess");
}

#[test]
fn of_an_account_only_what_comes_in_at_a_number_of_an_agent_begins() {
    let call = |direction, to: &str| CallEvent {
        direction: Some(direction),
        from: Some("+15005550100".to_owned()),
        to: Some(to.to_owned()),
        ..CallEvent::new("a", What::Answered)
    };
    let inbound = Direction::Inbound;
    let outbound = Direction::Outbound;
    for (event, begins) in [
        (call(inbound, "+15005550006"), true),
        (call(inbound, "+15005550199"), false),
        (call(outbound, "+15005550100"), false),
    ] {
        let mut scene = Scene::of(PLIVO, "plivo");
        scene.listed.insert("a".to_owned());
        let ask = until_named(&mut scene);
        assert_eq!(ask.path, "/v1/Account/MA1/Call/a/?status=live");
        let found = scene.referee.receive(scene.now, one(event));
        assert_eq!(found.len(), usize::from(begins));
        assert!(found.iter().all(|it| it.agent == Agent::Id(Arc::from("booking"))));
    }
}
