//! The queue and the writer thread behind it.

use std::time::Duration;

use live_users_core::{CallId, Evidence, Millis, Outcome, Said, Source};
use live_users_journal::{FaultKind, Journal, Memory, ReplicationStatus};
use live_users_replica::{
    AUDIT_CALLS_MAX, AuditReport, Check, FRESH_MS, Publication, Rules, check_invariants,
};
use live_users_state::record::{Change, Record};
use live_users_state::{Replayed, replay};
use tokio::sync::watch;

use super::*;
use crate::parts::latest::LatestReader;

fn start_of(call: &str) -> Evidence {
    Evidence::about(CallId::parse(call).unwrap(), Source::Voice, Said::Dialing)
}

/// Starts a replica on this journal. Returns its queue, its publications and its thread.
fn started(journal: Box<dyn Journal>, clock: Clock) -> (Queue, LatestReader, JoinHandle<()>) {
    started_from(replay(&*journal).unwrap(), journal, clock)
}

fn started_from(
    replayed: Replayed,
    journal: Box<dyn Journal>,
    clock: Clock,
) -> (Queue, LatestReader, JoinHandle<()>) {
    let (queue, reader, _, thread) = started_with(replayed, journal, clock, check_invariants);
    (queue, reader, thread)
}

fn started_with(
    replayed: Replayed,
    journal: Box<dyn Journal>,
    clock: Clock,
    check: Check,
) -> (Queue, LatestReader, StatusReader, JoinHandle<()>) {
    let numbers = replayed.state.tracker().numbers();
    let publication = Publication { numbers, at: replayed.at, as_of: Millis(0), stale: None };
    let replica = Replica::new(replayed, journal.is_shared(), Rules::default(), None);
    let replica = replica.auditing(check);
    let (latest, reader) = watch::channel(LatestCount::new(publication));
    let outlets = Outlets {
        latest: CountOutlet::new(latest, <_>::default()),
        gives_agents: false,
        shard: None,
        requests: mpsc::unbounded_channel().0,
        questions: mpsc::unbounded_channel().0,
        renewals: mpsc::unbounded_channel().0,
    };
    let (queue, status, thread) = start(Node::new(replica, journal), clock, outlets).unwrap();
    (queue, reader, status, thread)
}

fn known(view: View<'_>) -> usize {
    view.state.tracker().known()
}

#[actix_web::test]
async fn evidence_is_acknowledged_after_it_is_published() {
    let journal = live_users_journal::open("memory:").unwrap();
    let (queue, reader, thread) = started(journal, Clock::of_one_process(Millis(0)));
    let outcome = queue.record(start_of("a")).await;
    assert_eq!(outcome.map(|done| done.outcome), Ok(Outcome::Started));
    assert_eq!(reader.borrow().live_users, 1);
    assert_eq!(queue.query(known).await, Ok(1));
    queue.stop().await;
    thread.join().unwrap();
    assert_eq!(queue.state(), Err(NotRecorded::Stopped));
    let late = queue.record(start_of("b")).await;
    assert_eq!(late, Err(NotRecorded::Stopped));
}

#[actix_web::test]
async fn a_call_is_evicted_in_one_turn_and_only_once() {
    let journal = live_users_journal::open("memory:").unwrap();
    let (queue, reader, thread) = started(journal, Clock::of_one_process(Millis(0)));
    let id = || CallId::parse("a").unwrap();
    assert!(matches!(queue.evict(id()).await, Ok(Evicted::Unknown)));
    queue.record(start_of("a")).await.unwrap();
    let Ok(Evicted::Done { call, .. }) = queue.evict(id()).await else { panic!("it is live") };
    assert_eq!(call.phase, Phase::Ended(EndReason::Evicted));
    assert_eq!(reader.borrow().live_users, 0);
    assert!(matches!(queue.evict(id()).await, Ok(Evicted::OverAlready)));
    queue.stop().await;
    thread.join().unwrap();
}

#[actix_web::test]
async fn a_read_that_panics_loses_its_own_answer_and_nothing_else() {
    let journal = live_users_journal::open("memory:").unwrap();
    let (queue, reader, thread) = started(journal, Clock::of_one_process(Millis(0)));
    let panics = |_: View<'_>| -> usize { panic!("as a mistake in a read does") };
    assert_eq!(queue.query(panics).await, Err(NotRecorded::Failed));
    queue.record(start_of("a")).await.unwrap();
    assert_eq!((queue.query(known).await, reader.borrow().live_users), (Ok(1), 1));
    queue.stop().await;
    thread.join().unwrap();
}

#[actix_web::test]
async fn a_full_queue_says_so_at_once() {
    let (queue, _stuck) = Queue::broken(1);
    queue.catch_up();
    assert_eq!(queue.state(), Err(NotRecorded::Full));
    let outcome = queue.record(start_of("a")).await;
    assert_eq!(outcome, Err(NotRecorded::Full));
}

#[actix_web::test]
async fn what_was_noticed_a_moment_ago_makes_nobody_unready() {
    let (queue, _stuck) = Queue::broken(2);
    queue.growth.end(queue.growth.begin(), Millis(queue.growth.uptime_ms()));
    queue.catch_up();
    // A test may stand still here for long, so only the growth is asked at other uptimes.
    let growth = &queue.growth;
    growth.end(growth.begin(), Millis(1_000));
    queue.catch_up();
    assert_eq!(growth.age_ms(5, 1_200), 200, "the state covers the moment 1000");
    assert_eq!(growth.age_ms(300, 1_200), 300, "and what is known may be older");
    assert_eq!(growth.age_ms(5, 4_000), 3_000, "what is not applied for long makes it old");
    growth.end(growth.begin(), Millis(3_990));
    assert_eq!(growth.age_ms(5, 4_000), 5);
}

/// A replica without contact to the journal's servers since long before its start.
#[actix_web::test]
async fn what_may_be_old_is_looked_up_in_the_journal_before_it_is_told() {
    let log = Memory::with_epoch(1);
    let (journal, link) = log.open_shared().unwrap();
    let (mut other, _) = log.open_shared().unwrap();
    let replication_status =
        ReplicationStatus::with_service_unheard_for(Duration::from_millis(FRESH_MS));
    let (queue, mut reader, thread) = started(journal, Clock::of_service(replication_status));

    let change = Change::Evidence(start_of("a"));
    other.append(&[Record { at: Millis(1), change }.encode()]).unwrap();
    assert_eq!(queue.query(known).await, Ok(1), "it asks before it answers");
    assert_eq!(queue.freshen().await, Ok(()));
    link.set_partitioned(true);
    assert!(matches!(queue.query(known).await, Err(NotRecorded::Stale { age_ms: FRESH_MS.. })));
    assert!(matches!(queue.freshen().await, Err(NotRecorded::Stale { .. })));
    assert_eq!(queue.record(start_of("b")).await, Err(NotRecorded::Trouble(FaultKind::Other)));
    assert!(reader.borrow().stale.is_some(), "the streams say so");

    // The replica retries by itself, and records its retry buffer.
    link.set_partitioned(false);
    reader.wait_for(|latest| latest.live_users == 2).await.unwrap();
    assert_eq!(queue.query(known).await, Ok(2));
    queue.stop().await;
    thread.join().unwrap();
}

#[actix_web::test]
async fn what_others_append_is_applied_when_it_is_told() {
    let log = Memory::with_epoch(1);
    let (mut other, _) = log.open_shared().unwrap();
    let (mut journal, _) = log.open_shared().unwrap();
    let change = Change::Evidence(start_of("a"));
    let replayed = replay(&*journal).unwrap();
    other.append(&[Record { at: Millis(1), change }.encode()]).unwrap();
    journal.refresh().unwrap();
    let (queue, mut reader, thread) =
        started_from(replayed, journal, Clock::of_one_process(Millis(0)));
    queue.catch_up();
    queue.catch_up();
    reader.wait_for(|latest| latest.live_users == 1).await.unwrap();
    queue.stop().await;
    thread.join().unwrap();
}

#[actix_web::test]
async fn a_journal_that_is_not_understood_ends_the_writer() {
    let log = Memory::with_epoch(1);
    let (journal, _) = log.open_shared().unwrap();
    let (mut later, _) = log.open_shared().unwrap();
    let replication_status =
        ReplicationStatus::with_service_unheard_for(Duration::from_millis(FRESH_MS));
    let (queue, _reader, thread) = started(journal, Clock::of_service(replication_status));
    later.append(&[br#"{"v":99,"at":1,"forget":1}"#.to_vec()]).unwrap();
    queue.ended().await;
    thread.join().unwrap();
}

/// Waits until the calls were recounted once. Each query lets the writer take another turn.
async fn recounted(queue: &Queue, status: &StatusReader) -> AuditReport {
    let turns = async {
        while status.get().audit.checks == 0 {
            queue.query(known).await.unwrap();
        }
    };
    let patience = Duration::from_secs(60);
    tokio::time::timeout(patience, turns).await.expect("a recount at the start");
    status.get().audit
}

#[actix_web::test]
async fn a_recount_that_differs_makes_the_backend_unready_and_it_goes_on_counting() {
    let journal = live_users_journal::open("memory:").unwrap();
    let (replayed, clock) = (replay(&*journal).unwrap(), Clock::of_one_process(Millis(0)));
    let differs: Check = |_| Err("I1 in all".to_owned());
    let (queue, reader, status, thread) = started_with(replayed, journal, clock, differs);
    let report = recounted(&queue, &status).await;
    assert_eq!((report.violations, report.violated.as_deref()), (1, Some("I1 in all")));
    assert!(queue.violation().is_some_and(|why| why.contains("(I1 in all)")));
    assert_eq!(queue.record(start_of("a")).await.map(|it| it.outcome), Ok(Outcome::Started));
    assert_eq!(reader.borrow().live_users, 1);
    queue.stop().await;
    thread.join().unwrap();
}

#[actix_web::test]
async fn many_calls_are_recounted_beside_the_writer() {
    let mut journal = live_users_journal::open("memory:").unwrap();
    let record = |n: usize| {
        let change = Change::Evidence(start_of(&n.to_string()));
        Record { at: Millis(1), change }.encode()
    };
    let records: Vec<_> = (0..=AUDIT_CALLS_MAX).map(record).collect();
    for batch in records.chunks(BATCH_MAX) {
        journal.append(batch).unwrap();
    }
    let (replayed, clock) = (replay(&*journal).unwrap(), Clock::of_one_process(Millis(1)));
    let (queue, _, status, thread) = started_with(replayed, journal, clock, check_invariants);
    let report = recounted(&queue, &status).await;
    assert_eq!(report, AuditReport { checks: 1, ..AuditReport::default() });
    assert_eq!(queue.violation(), None);
    queue.stop().await;
    thread.join().unwrap();
}
