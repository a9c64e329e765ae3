//! The queue and the thread behind it.

use live_users_core::{CallId, Said, Source};
use live_users_engine::State;
use live_users_engine::evidence::about;
use tokio::sync::watch;

use super::*;

fn start_of(call: &str) -> Evidence {
    about(CallId::parse(call).unwrap(), Source::Voice, Said::Dialing)
}

#[actix_web::test]
async fn evidence_is_acknowledged_after_it_is_published() {
    let journal = live_users_journal::open("memory:").unwrap();
    let (publisher, reader) = watch::channel(0);
    let publish = move |state: &State, _| {
        publisher.send_replace(state.tracker().numbers().users);
    };
    let writer = Writer::new(journal, State::default(), Box::new(publish), None, 1);
    let (queue, thread) = start(writer, || Millis(1)).unwrap();
    let outcome = queue.record(start_of("a")).await;
    assert_eq!(outcome, Ok(Outcome::Started));
    assert_eq!(*reader.borrow(), 1);
    let known = queue.look(|writer| writer.state().tracker().known()).await;
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
    queue.sweep();
    assert_eq!(queue.state(), Err(NotRecorded::Full));
    let outcome = queue.record(start_of("a")).await;
    assert_eq!(outcome, Err(NotRecorded::Full));
}
