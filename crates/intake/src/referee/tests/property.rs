//! Whatever is lost and fails.

use proptest::prelude::*;

use super::*;

/// What happens at the provider, and of what there is a webhook.
#[derive(Clone, Debug)]
enum Event {
    Begins(u8, bool),
    Ends(u8, bool),
    Fails(bool),
    Passes(u16),
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let event = prop_oneof![
        (0..6u8, any::<bool>()).prop_map(|(call, is_told)| Event::Begins(call, is_told)),
        (0..6u8, any::<bool>()).prop_map(|(call, is_told)| Event::Ends(call, is_told)),
        any::<bool>().prop_map(Event::Fails),
        (0..40_000u16).prop_map(Event::Passes),
    ];
    proptest::collection::vec(event, 1..60)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// No call that is up is ever ended, whatever is lost and fails; and in the end all is healed.
    #[test]
    fn no_list_ends_a_call_that_is_up(events in events()) {
        let mut scene = Scene::new();
        // A call is up once: what is over does not come back.
        let (mut begun, mut n) = (BTreeSet::new(), 0);
        let mut ids = ["0", "1", "2", "3", "4", "5"].map(|_| String::new());
        for event in events.into_iter().chain([Event::Fails(false), Event::Passes(u16::MAX)]) {
            match event {
                Event::Begins(call, is_told) if begun.insert(call) => {
                    n += 1;
                    let id = format!("call-{n}");
                    scene.listed.insert(id.clone());
                    if is_told { scene.starts(&id); }
                    ids[usize::from(call)] = id;
                }
                Event::Ends(call, is_told) if begun.remove(&call) => {
                    let id = ids[usize::from(call)].clone();
                    scene.listed.remove(&id);
                    if is_told {
                        scene.told("telnyx", &CallEvent::new(id, What::Ended(EndReason::Completed)));
                    }
                }
                Event::Fails(fails) => scene.fails = fails.then_some(Failure::Timeout),
                Event::Passes(ms) => {
                    let found = scene.passes(u64::from(ms));
                    for evidence in found {
                        let call = evidence.call.to_string();
                        let id = call.strip_prefix("telnyx/").unwrap_or(&call);
                        let is_end = matches!(evidence.claim(), Claim::Ended(_));
                        prop_assert!(!(is_end && scene.listed.contains(id)), "{call} is up");
                    }
                }
                Event::Begins(..) | Event::Ends(..) => {}
            }
        }
        scene.passes(1_200 * SECOND);
        let live = scene.state.tracker().open().filter(|it| it.is_live());
        let live: BTreeSet<_> = live.map(|it| it.id().to_string().replace("telnyx/", "")).collect();
        prop_assert_eq!(live, scene.listed);
    }
}
