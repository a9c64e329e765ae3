//! A provider whose lists do not end, and one that has trouble with a single call.

use super::*;

/// A provider with its own idea of what follows page `n`: the calls of that page, and the next.
fn listen(pages: impl Fn(usize) -> (Vec<String>, Option<String>), seconds: u64) -> Scene {
    let mut scene = Scene::new();
    scene.starts("CA1");
    let end = Millis(scene.now.0 + seconds * SECOND);
    let mut n = 0;
    while scene.now < end {
        match scene.referee.next(scene.now) {
            Action::Wait(until) => scene.now = until.max(Millis(scene.now.0 + 1)).min(end),
            Action::Ask(request) => {
                n = match &request {
                    Request::List { next_page_uri: None, .. } => 0,
                    _ => n + 1,
                };
                let (calls, next_page_uri) = pages(n);
                let listed = |sid: String| resource(&sid, CallStatus::InProgress);
                let calls = calls.into_iter().map(listed).collect();
                scene.provider.asked.push(request);
                let page = CallPage { calls, next_page_uri };
                let found = scene.referee.receive(scene.now, Ok(Answer::Page(page)));
                assert_eq!(found, [], "nothing follows from a list that does not end");
            }
            Action::Compare => panic!("a list that does not end is compared"),
        }
    }
    scene
}

fn assert_given_up(scene: &Scene, why: &str) {
    let status = scene.referee.status(scene.now);
    let failure = status.failure.map(|failure| failure.to_string()).unwrap_or_default();
    assert!(failure.contains(why), "{failure:?} does not say {why:?}");
    assert!(status.failures > 0 && status.polled.is_none());
    assert_eq!(scene.live(), 1, "no list is no proof");
}

#[test]
fn a_list_that_leads_in_a_circle_is_given_up_and_seldom_asked_for() {
    for length in [1, 2, 7] {
        let scene = listen(
            |n| (vec![format!("CB{}", n % length)], Some(format!("/page{}", n % length))),
            600,
        );
        assert_given_up(&scene, "leads back");
        let asked = scene.provider.asked.len();
        assert!(asked < 30 * (length + 2), "{asked} requests in ten minutes");
    }
}

#[test]
fn pages_that_repeat_the_same_calls_are_given_up() {
    let scene = listen(|n| (vec!["CB1".to_owned()], Some(format!("/page{n}"))), 600);
    assert_given_up(&scene, "repeat");
    // Empty ones as well.
    let scene = listen(|n| (vec![], Some(format!("/page{n}"))), 600);
    assert_given_up(&scene, "repeat");
}

#[test]
fn a_page_that_moved_while_it_was_read_is_no_repeat() {
    // Each second page is the one before it again.
    let rules = ReconcilerRules::default();
    let mut poll = Poll::new(Millis(0));
    for n in 0..20 {
        let calls = vec![resource(&format!("CB{}", n / 2), CallStatus::InProgress)];
        let page = CallPage { calls, next_page_uri: Some(format!("/page{n}")) };
        assert_eq!(poll.turn(Millis(rules.poll_every_ms), page), Ok(None));
    }
}

#[test]
fn a_list_that_goes_on_for_ever_with_new_calls_is_given_up_in_time() {
    let scene = listen(|n| (vec![format!("CB{n}")], Some(format!("/page{n}"))), 900);
    assert_given_up(&scene, "more than 5 minutes");
}

#[test]
fn after_a_list_that_did_not_end_a_whole_one_makes_it_right() {
    let mut scene = listen(|_| (vec![], Some("/again".to_owned())), 60);
    assert_given_up(&scene, "leads back");
    scene.at_provider("CA1", CallStatus::Completed);
    scene.pass(400 * SECOND);
    assert_eq!((scene.live(), scene.referee.status(scene.now).failure), (0, None));
}

#[test]
fn a_call_that_the_provider_has_trouble_with_holds_up_no_other() {
    let mut scene = Scene::new();
    for call in ["CA1", "CA2", "CA3"] {
        scene.starts(call);
        scene.at_provider(call, CallStatus::Completed);
    }
    scene.provider.broken.insert("CA1".to_owned());
    scene.pass(120 * SECOND);
    assert_eq!(scene.live(), 1, "the one that cannot be asked for");
}
