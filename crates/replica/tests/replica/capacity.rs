//! Limits over replicas: the order of the log decides, and what could not be recorded in time is let in.

use live_users_core::{Admission, Bound, CallId, Evidence, Instead, Millis, Tracker};
use live_users_journal::{Link, Memory};
use live_users_replica::{Effect, Input, Now, Ticket};
use live_users_state::snapshot;
use proptest::prelude::*;

use crate::harness::{Driver, end, start};

const PLACES: usize = 3;

fn limited(n: usize) -> Evidence {
    let bound = Bound { places: 3, instead: Instead::Refuse };
    Evidence { admission: Some(Admission { agent: None, all: Some(bound) }), ..start(n) }
}

fn started(log: &Memory) -> (Driver, Link) {
    let (journal, link) = log.open_shared().expect("a log");
    (Driver::on_short_log(journal), link)
}

/// Records this, and says for each piece whether its call is turned away.
fn turned_away(driver: &mut Driver, at: u64, batch: Vec<Evidence>) -> Vec<bool> {
    driver.set_now(Now { uptime: Millis(at), time: Millis(at), log_age_ms: 0 });
    let effects = driver.step(Input::Record(Ticket(7), batch));
    let recorded = effects.into_iter().find_map(|effect| match effect {
        Effect::Recorded(Ticket(7), recorded) => Some(recorded.expect("it is recorded")),
        _ => None,
    });
    let each = recorded.expect("an answer").into_iter();
    each.map(|done| done.turned_away.is_some()).collect()
}

fn is_refused(tracker: &Tracker, n: usize) -> bool {
    let call = CallId::parse(&format!("call-{n}")).expect("an id");
    tracker.turned_away(&call).is_some()
}

#[test]
fn a_batch_is_decided_in_its_order_behind_what_others_have_appended() {
    let log = Memory::with_epoch(1);
    let [(mut a, _), (mut b, _)] = [started(&log), started(&log)];
    assert_eq!(turned_away(&mut a, 1, vec![limited(1), limited(2)]), [false, false]);
    // What the other one has appended was not read here before.
    let batch = vec![limited(3), limited(4), end(1), limited(5), limited(4)];
    assert_eq!(turned_away(&mut b, 2, batch), [false, true, false, false, true]);
    assert_eq!(turned_away(&mut a, 3, vec![limited(4), limited(5)]), [true, false]);
    assert_eq!((a.users(), b.users()), (PLACES, PLACES));
}

#[test]
fn who_could_not_be_recorded_in_time_was_let_in_and_stays_so() {
    let log = Memory::with_epoch(1);
    let [(mut a, _), (mut b, link)] = [started(&log), started(&log)];
    turned_away(&mut a, 1, (1..=3).map(limited).collect());
    link.set_partitioned(true);
    b.record(Millis(2), vec![limited(4)]).unwrap_err();
    link.set_partitioned(false);
    b.stand_by(Millis(3));
    assert!(!b.replica().is_degraded() && a.refresh());
    assert_eq!((a.users(), b.users()), (4, 4));
    assert!(!is_refused(a.state().tracker(), 4));
    assert_eq!(turned_away(&mut a, 4, vec![limited(4), limited(5)]), [false, true]);
}

proptest! {
    /// Whoever hears of which call: all agree who is in, and never are more in than there are places.
    #[test]
    fn all_replicas_decide_alike(
        steps in prop::collection::vec((0..3usize, 0..9usize, any::<bool>()), 0..60)
    ) {
        let log = Memory::with_epoch(1);
        let mut replicas = [(); 3].map(|()| started(&log).0);
        let mut decided = [None; 9];
        for (at, (who, call, is_end)) in (1..).zip(steps) {
            let replica = &mut replicas[who];
            if is_end {
                replica.record(Millis(at), vec![end(call)]).expect("it is recorded");
                decided[call].get_or_insert(false);
                continue;
            }
            let is_refused = turned_away(replica, at, vec![limited(call)])[0];
            let before = decided[call].get_or_insert(is_refused);
            prop_assert_eq!(*before, is_refused, "a retry is answered alike");
            prop_assert!(replica.users() <= PLACES);
        }
        replicas.iter_mut().for_each(|replica| assert!(replica.refresh()));
        let states = replicas.each_ref().map(|replica| snapshot::encode(replica.state()));
        prop_assert!(states[0] == states[1] && states[1] == states[2]);
    }
}
