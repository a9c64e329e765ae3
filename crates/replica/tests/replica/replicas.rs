//! Replicas that share a journal: each counts the evidence that any of them received.

use std::collections::BTreeSet;

use live_users_core::{CallId, EndReason, Millis, Outcome, Phase};
use live_users_intake::agents::Agents;
use live_users_intake::{CallerKey, Reconciler, ReconcilerRules};
use live_users_journal::{Link, Memory, Part};
use live_users_replica::{Effect, FRESH_MS, Input, Now, Rules, Stale, StaleReason, Ticket};
use live_users_state::{State, replay, snapshot};
use live_users_twilio::rest::Failure;
use proptest::prelude::*;

use crate::harness::{Driver, HOUR, end, start};

const MAX_CALL_MS: u64 = 4 * HOUR;

struct Replica {
    driver: Driver,
    link: Link,
}

impl Replica {
    fn start(log: &Memory) -> Self {
        let (journal, link) = log.open_shared().expect("a log");
        Self { driver: Driver::on_short_log(journal), link }
    }

    fn users(&self) -> usize {
        self.driver.users()
    }
}

fn bytes(state: &State) -> Vec<Part> {
    snapshot::encode(state)
}

#[test]
fn evidence_at_one_replica_counts_in_all_and_a_repeat_at_another_counts_once() {
    let log = Memory::with_epoch(1);
    let [mut a, mut b] = [Replica::start(&log), Replica::start(&log)];
    assert_eq!(a.driver.record(Millis(5), vec![start(1), start(2)]).unwrap().len(), 2);
    assert_eq!(b.users(), 0);
    assert!(b.driver.refresh());
    assert_eq!(b.users(), 2);
    let outcomes = b.driver.record(Millis(6), vec![start(1), end(2)]).unwrap();
    assert_eq!(outcomes, [Outcome::Confirmed, Outcome::Ended(EndReason::Completed)]);
    // Without a refresh before it: the records of the other one are read with the batch.
    assert_eq!(a.driver.record(Millis(7), vec![end(2)]), Ok(vec![Outcome::Duplicate]));
    assert_eq!((a.users(), a.driver.replica().position().seq), (1, 5));
    assert!(b.driver.refresh());
    assert_eq!(bytes(a.driver.state()), bytes(b.driver.state()));
}

#[test]
fn many_records_of_others_before_a_large_batch_are_applied_first() {
    let log = Memory::with_epoch(1);
    let [mut a, mut b] = [Replica::start(&log), Replica::start(&log)];
    log.set_time(10 * HOUR);
    a.driver.record(Millis(5), (0..150).map(start).collect()).unwrap();
    log.set_time(11 * HOUR);
    let outcomes = b.driver.record(Millis(6), (100..250).map(start).collect()).unwrap();
    let expected = [[Outcome::Confirmed; 50].as_slice(), &[Outcome::Started; 100]].concat();
    assert_eq!(outcomes, expected);
    assert!(a.driver.refresh());
    assert_eq!((a.users(), b.users()), (250, 250));
    assert_eq!(bytes(a.driver.state()), bytes(b.driver.state()));
    let call = |n: usize| CallId::parse(&format!("call-{n}")).unwrap();
    let first = |n| b.driver.state().tracker().call(&call(n)).unwrap().first;
    assert_eq!((first(149), first(150)), (Millis(10 * HOUR), Millis(11 * HOUR)));
}

#[test]
fn the_time_is_that_of_the_log_and_not_of_a_replica_with_a_wrong_clock() {
    let log = Memory::with_epoch(1);
    let [mut right, mut wrong] = [Replica::start(&log), Replica::start(&log)];
    log.set_time(10 * HOUR);
    wrong.driver.record(Millis(11 * HOUR), vec![start(1)]).unwrap();
    log.set_time(10 * HOUR + 60_000);
    right.driver.record(Millis(10 * HOUR + 60_000), vec![end(1)]).unwrap();
    wrong.driver.refresh();
    assert_eq!(bytes(right.driver.state()), bytes(wrong.driver.state()));
    let call = CallId::parse("call-1").unwrap();
    let call = right.driver.state().tracker().call(&call).unwrap();
    assert_eq!((call.first, call.since), (Millis(10 * HOUR), Millis(10 * HOUR + 60_000)));
}

#[test]
fn only_the_leader_times_calls_out() {
    let log = Memory::with_epoch(1);
    let [mut leader, mut other] = [Replica::start(&log), Replica::start(&log)];
    leader.driver.record(Millis(0), vec![start(1)]).unwrap();
    other.driver.refresh();
    let late = Millis(MAX_CALL_MS + 1);
    log.set_time(late.0);
    other.driver.stand_by(late);
    assert_eq!((other.users(), other.driver.replica().position().seq), (1, 1));
    leader.driver.sweep(late);
    other.driver.refresh();
    assert_eq!((leader.users(), other.users(), other.driver.replica().position().seq), (0, 0, 2));
}

#[test]
fn evidence_deferred_while_partitioned_is_recorded_after_the_records_of_others() {
    let log = Memory::with_epoch(1);
    let [mut a, mut b] = [Replica::start(&log), Replica::start(&log)];
    b.link.set_partitioned(true);
    b.driver.record(Millis(1), vec![start(1)]).unwrap_err();
    b.driver.record(Millis(2), vec![start(2)]).unwrap_err();
    assert!(b.driver.replica().is_degraded() && !b.driver.refresh());
    a.driver.record(Millis(3), vec![start(3)]).unwrap();
    b.driver.stand_by(Millis(4));
    assert_eq!(b.users(), 0, "it is still partitioned");
    b.link.set_partitioned(false);
    b.driver.stand_by(Millis(5));
    assert!(!b.driver.replica().is_degraded() && a.driver.refresh());
    assert_eq!((a.users(), b.users()), (3, 3));
}

#[test]
fn a_replica_that_missed_trimmed_records_rebuilds_its_state() {
    let log = Memory::with_epoch(1);
    let [mut a, mut b] = [Replica::start(&log), Replica::start(&log)];
    a.driver.record(Millis(1), (0..9).map(start).collect()).unwrap();
    a.driver.stand_by(Millis(1));
    a.driver.checkpoint();
    a.driver.record(Millis(2), vec![end(1)]).unwrap();
    assert!(!b.driver.refresh(), "the records that it lacks are trimmed");
    b.driver.stand_by(Millis(3));
    assert!(b.driver.refresh());
    assert_eq!((a.users(), b.users()), (8, 8));
    assert_eq!(bytes(a.driver.state()), bytes(b.driver.state()));
}

#[test]
fn a_state_that_is_known_to_lack_records_is_not_shown_as_fresh() {
    let log = Memory::with_epoch(1);
    let [mut a, mut b] = [Replica::start(&log), Replica::start(&log)];
    let fresh = |uptime| Now { uptime: Millis(uptime), time: Millis(3), log_age_ms: 0 };
    let query = |b: &mut Replica| b.driver.step(Input::Query(Ticket(9)));
    b.driver.set_now(fresh(10_000));
    b.driver.step(Input::Tick);
    a.driver.record(Millis(1), (0..9).map(start).collect()).unwrap();
    a.driver.stand_by(Millis(1));
    a.driver.checkpoint();
    // It slept, and hears of the log again. The records that it lacks are trimmed.
    b.driver.set_now(fresh(20_000));
    b.driver.step(Input::Grown(a.driver.replica().position()));
    let stale = Some(Stale { age_ms: 10_000, reason: StaleReason::Behind });
    assert_eq!(b.driver.published.last().map(|it| it.stale), Some(stale));
    assert!(matches!(
        query(&mut b)[..],
        [Effect::Answer(_, Err(Stale { age_ms: 10_000, reason: StaleReason::Behind }))]
    ));
    b.driver.step(Input::Tick);
    assert_eq!(b.driver.published.last().map(|it| it.stale), Some(stale), "also later");
    b.driver.stand_by(Millis(4));
    assert!(matches!(query(&mut b)[..], [Effect::Answer(_, Ok(()))]));
    let last = b.driver.published.last().expect("it publishes");
    assert_eq!((last.stale, last.numbers.users), (None, 9));
}

#[test]
fn a_leader_asks_the_provider_also_after_its_lease_had_lapsed_in_the_middle_of_a_step() {
    let log = Memory::with_epoch(1);
    let (journal, _) = log.open_shared().unwrap();
    let key = CallerKey::new("a key that no caller has").expect("it is long enough");
    let reconciler = Reconciler::new(ReconcilerRules::default(), Agents::default(), key, |_| 0);
    let replayed = replay(&*journal).unwrap();
    let mut replica =
        live_users_replica::Replica::new(replayed, true, Rules::default(), Some(reconciler));
    let mut step = |uptime, input| {
        let now = Now { uptime: Millis(uptime), time: Millis(uptime), log_age_ms: 0 };
        replica.step(now, input).effects
    };
    let asks = |effects: &[Effect]| effects.iter().any(|it| matches!(it, Effect::Ask(..)));
    step(0, Input::Tick);
    step(0, Input::Lease(Some(true)));
    assert!(asks(&step(1, Input::Tick)), "it leads");
    step(2_500, Input::Tick);
    // The lease has lapsed when the answer comes, and its renewal is answered late.
    step(9_000, Input::Provider(0, Err(Failure::Timeout)));
    // By a driver that has sampled the time of both before.
    step(7_000, Input::Lease(Some(true)));
    let mut uptimes = (9_000..120_000).step_by(2_000);
    assert!(uptimes.any(|uptime| {
        let effects = step(uptime, Input::Tick);
        asks(&effects) || asks(&step(uptime, Input::Lease(Some(true))))
    }));
}

#[test]
fn all_replicas_notice_a_replaced_log_by_its_epoch_and_rebuild() {
    let log = Memory::with_epoch(1);
    let [mut a, mut b] = [Replica::start(&log), Replica::start(&log)];
    a.driver.record(Millis(1), vec![start(1), start(2)]).unwrap();
    b.driver.refresh();
    log.replace(2);
    // The first one to notice defers the evidence that it received meanwhile.
    a.driver.record(Millis(2), vec![start(3)]).unwrap_err();
    a.driver.stand_by(Millis(3));
    assert!(!b.driver.refresh());
    b.driver.stand_by(Millis(3));
    for replica in [&a, &b] {
        let position = replica.driver.replica().position();
        assert_eq!((position.epoch, position.seq, replica.users()), (2, 1, 1));
        assert!(!replica.driver.replica().is_degraded());
    }
}

#[test]
fn a_record_of_a_later_version_ends_a_replica_and_not_the_log() {
    let log = Memory::with_epoch(1);
    let [mut replica, mut other] = [Replica::start(&log), Replica::start(&log)];
    other.driver.record(Millis(1), (0..70).map(start).collect()).unwrap();
    let (mut later, _) = log.open_shared().unwrap();
    later.append(&[br#"{"v":99,"at":1,"forget":1}"#.to_vec()]).unwrap();
    assert!(!replica.driver.refresh() && replica.driver.replica().is_unreadable());
    assert_eq!(replica.users(), 70, "what lies before it is applied");
}

#[test]
fn a_replica_refreshes_an_old_number_and_publishes_that_it_is_stale_without_an_answer() {
    let log = Memory::with_epoch(1);
    let [mut a, mut b] = [Replica::start(&log), Replica::start(&log)];
    a.driver.record(Millis(1), vec![start(1)]).unwrap();
    // Without news of the log the replica asks by itself.
    let old = |uptime| Now { uptime: Millis(uptime), time: Millis(1), log_age_ms: FRESH_MS };
    b.driver.set_now(old(10_000));
    b.driver.step(Input::Tick);
    assert_eq!((b.users(), b.driver.published.last().unwrap().stale), (1, None));
    b.link.set_partitioned(true);
    b.driver.set_now(old(20_000));
    b.driver.step(Input::Tick);
    let stale = Some(Stale { age_ms: FRESH_MS, reason: StaleReason::Behind });
    assert_eq!(b.driver.published.last().unwrap().stale, stale);
    assert!(!b.driver.refresh());
    b.link.set_partitioned(false);
    b.driver.stand_by(Millis(2));
    assert!(b.driver.refresh());
    assert_eq!(b.driver.published.last().unwrap().stale, None);
}

#[derive(Clone, Debug)]
enum Step {
    Send { replica: usize, evidence: Vec<(usize, bool)> },
    Cut { replica: usize, is_cut: bool },
    Sweep { replica: usize },
    Follow { replica: usize },
    Snapshot { replica: usize },
    Restart { replica: usize },
    Wait { ms: u64 },
}

fn step() -> impl Strategy<Value = Step> {
    let replica = || 0..3_usize;
    let evidence = prop::collection::vec((0..20_usize, any::<bool>()), 1..5);
    prop_oneof![
        8 => (replica(), evidence).prop_map(|(replica, evidence)| Step::Send { replica, evidence }),
        2 => (replica(), any::<bool>()).prop_map(|(replica, is_cut)| Step::Cut { replica, is_cut }),
        2 => replica().prop_map(|replica| Step::Sweep { replica }),
        3 => replica().prop_map(|replica| Step::Follow { replica }),
        1 => replica().prop_map(|replica| Step::Snapshot { replica }),
        1 => replica().prop_map(|replica| Step::Restart { replica }),
        2 => (0..2 * HOUR).prop_map(|ms| Step::Wait { ms }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 256,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    /// Under any faults of links and replicas, nothing acknowledged is missing. In the end all
    /// replicas, and any later one, have the same state, byte for byte.
    #[test]
    fn replicas_agree_and_lose_nothing(steps in prop::collection::vec(step(), 1..80)) {
        let log = Memory::with_epoch(1);
        let mut replicas = [(); 3].map(|()| Replica::start(&log));
        let (mut now, mut ended) = (0, BTreeSet::new());
        for step in steps {
            log.set_time(now);
            // Their clocks are wrong by an hour either way, which must not matter.
            let of = |replica: usize| Millis((now + replica as u64 * HOUR).saturating_sub(HOUR));
            match step {
                Step::Send { replica, evidence } => {
                    let batch = evidence.iter().map(|&(call, is_end)| {
                        if is_end { end(call) } else { start(call) }
                    });
                    let recorded = replicas[replica].driver.record(of(replica), batch.collect());
                    if recorded.is_ok() {
                        ended.extend(evidence.iter().filter(|it| it.1).map(|it| it.0));
                    }
                }
                Step::Cut { replica, is_cut } => replicas[replica].link.set_partitioned(is_cut),
                Step::Sweep { replica } => replicas[replica].driver.stand_by(of(replica)),
                Step::Follow { replica } => drop(replicas[replica].driver.refresh()),
                Step::Snapshot { replica } => {
                    // It is refused if another replica has saved a later one.
                    replicas[replica].driver.checkpoint();
                }
                Step::Restart { replica } => replicas[replica] = Replica::start(&log),
                Step::Wait { ms } => now += ms,
            }
            for replica in &replicas {
                prop_assert!(replica.driver.state().tracker().check().is_ok());
            }
        }
        for replica in &mut replicas {
            replica.link.set_partitioned(false);
            // Twice, since the first time may only find that records are missing.
            for _ in 0..2 {
                replica.driver.stand_by(Millis(now));
                replica.driver.refresh();
            }
            replica.driver.stand_by(Millis(now));
        }
        for replica in &mut replicas {
            prop_assert!(replica.driver.refresh() && !replica.driver.replica().is_degraded());
        }
        let late = Replica::start(&log);
        let expected = bytes(late.driver.state());
        for replica in &replicas {
            prop_assert!(bytes(replica.driver.state()) == expected);
        }
        for call in ended {
            let id = CallId::parse(&format!("call-{call}")).unwrap();
            let call = late.driver.state().tracker().call(&id);
            let is_over = call.is_some_and(|call| matches!(call.phase, Phase::Ended(_)));
            prop_assert!(is_over, "{id} had ended");
        }
    }
}
