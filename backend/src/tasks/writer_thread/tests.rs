//! The queue and the thread behind it.

use std::time::Duration;

use live_users_core::{CallId, Evidence, Millis, Outcome, Said, Source};
use live_users_journal::{Contact, Memory};
use live_users_state::record::{Change, Record};
use live_users_state::{State, replay};
use tokio::sync::watch;

use super::*;
use crate::parts::queue::FRESH_MS;

fn start_of(call: &str) -> Evidence {
    Evidence::about(CallId::parse(call).unwrap(), Source::Voice, Said::Dialing)
}

#[actix_web::test]
async fn evidence_is_acknowledged_after_it_is_published() {
    let journal = live_users_journal::open("memory:").unwrap();
    let (publisher, reader) = watch::channel(0);
    let publish = move |state: &State, _| {
        publisher.send_replace(state.tracker().numbers().users);
    };
    let replayed = replay(&*journal).unwrap();
    let writer = Writer::new(journal, replayed, Box::new(publish), None, 1);
    let (queue, thread) = start(writer, Clock::default()).unwrap();
    let outcome = queue.record(start_of("a")).await;
    assert_eq!(outcome, Ok(Outcome::Started));
    assert_eq!(*reader.borrow(), 1);
    let known = queue.query(|view| view.state.tracker().known()).await;
    assert_eq!(known, Ok(1));
    queue.stop().await;
    thread.join().unwrap();
    assert_eq!(queue.state(), Err(NotRecorded::Stopped));
    let late = queue.record(start_of("b")).await;
    assert_eq!(late, Err(NotRecorded::Stopped));
}

#[actix_web::test]
async fn a_full_queue_says_so_at_once() {
    let (queue, _stuck) = Queue::broken(1);
    queue.sweep(true);
    assert_eq!(queue.state(), Err(NotRecorded::Full));
    let outcome = queue.record(start_of("a")).await;
    assert_eq!(outcome, Err(NotRecorded::Full));
}

/// A replica that has not heard of the journal's servers since long before it began.
#[actix_web::test]
async fn what_may_be_old_is_looked_up_in_the_journal_before_it_is_told() {
    let log = Memory::with_epoch(1);
    let (journal, line) = log.open_shared().unwrap();
    let (mut other, _) = log.open_shared().unwrap();
    let replayed = replay(&*journal).unwrap();
    let writer = Writer::new(journal, replayed, Box::new(|_, _| {}), None, 1);
    let contact = Contact::with_service_unheard_for(Duration::from_millis(FRESH_MS));
    let (queue, thread) = start(writer, Clock::of(contact)).unwrap();

    let change = Change::Evidence(start_of("a"));
    other.append(&[Record { at: Millis(1), change }.encode()]).unwrap();
    let live = |view: View<'_>| view.state.tracker().known();
    assert_eq!(queue.query(live).await, Ok(1), "it asks before it answers");
    assert_eq!(queue.freshen().await, Ok(()));
    line.set_cut(true);
    assert!(matches!(queue.query(live).await, Err(NotRecorded::Stale { age_ms: FRESH_MS.. })));
    assert!(matches!(queue.freshen().await, Err(NotRecorded::Stale { .. })));
    assert_eq!(queue.record(start_of("b")).await, Err(NotRecorded::Trouble));

    line.set_cut(false);
    queue.sweep(true);
    assert_eq!(queue.query(live).await, Ok(2), "and what was kept is recorded");
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
    let (publisher, mut reader) = watch::channel(0);
    let publish = move |state: &State, _| {
        publisher.send_replace(state.tracker().known());
    };
    let writer = Writer::new(journal, replayed, Box::new(publish), None, 1);
    let (queue, thread) = start(writer, Clock::default()).unwrap();
    queue.follow();
    queue.follow();
    reader.changed().await.unwrap();
    assert_eq!(*reader.borrow_and_update(), 1);
    queue.stop().await;
    thread.join().unwrap();
}

#[actix_web::test]
async fn a_journal_that_is_not_understood_ends_the_writer() {
    let log = Memory::with_epoch(1);
    let (mut journal, _) = log.open_shared().unwrap();
    let (mut later, _) = log.open_shared().unwrap();
    let replayed = replay(&*journal).unwrap();
    later.append(&[br#"{"v":99,"at":1,"forget":1}"#.to_vec()]).unwrap();
    journal.refresh().unwrap();
    let writer = Writer::new(journal, replayed, Box::new(|_, _| {}), None, 1);
    let (queue, thread) = start(writer, Clock::default()).unwrap();
    queue.follow();
    queue.ended().await;
    thread.join().unwrap();
}
