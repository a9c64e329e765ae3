//! The writer by itself, with time as an argument.

use live_users_core::{CallId, Direction};
use tokio::sync::watch;

use super::*;
use crate::cell::Reader;
use crate::journal::Position;

const HOUR: u64 = 3_600_000;

fn writer() -> (Writer, Reader) {
    let journal = Journal::new(7);
    let (cell, reader) = watch::channel(Published::new(Default::default()));
    (Writer::new(journal, cell, 4 * HOUR), reader)
}

fn evidence(sid: &str, source: Source, said: Said) -> Evidence {
    Evidence {
        call: CallId::parse(sid).unwrap(),
        parent: None,
        source,
        said,
        direction: Some(Direction::Inbound),
        agent: Agent::Unknown,
        agent_from: AgentFrom::Address,
        caller: None,
        place: Place::default(),
    }
}

fn live(reader: &Reader) -> String {
    String::from_utf8(reader.borrow().body.to_vec()).unwrap()
}

#[test]
fn a_batch_is_recorded_and_published_as_one() {
    let (mut writer, reader) = writer();
    let start = |sid| evidence(sid, Source::Voice, Said::Dialing);
    let outcomes = writer.record(Millis(5), vec![start("a"), start("b"), start("a")]);
    assert_eq!(outcomes, [Outcome::Started, Outcome::Started, Outcome::Confirmed]);
    assert_eq!(writer.journal.position, Position { epoch: 7, seq: 3 });
    assert_eq!(live(&reader), r#"{"liveUsers":2}"#);
}

#[test]
fn a_silent_call_is_over_after_the_longest_time_a_call_can_take_and_not_before() {
    let (mut writer, reader) = writer();
    writer.record(Millis(0), vec![evidence("a", Source::Voice, Said::Dialing)]);
    writer.sweep(Millis(4 * HOUR));
    assert_eq!(live(&reader), r#"{"liveUsers":1}"#);
    writer.sweep(Millis(4 * HOUR + 1));
    assert_eq!(live(&reader), r#"{"liveUsers":0}"#);
    // Its end was a record.
    assert_eq!(writer.journal.position.seq, 2);
}

#[test]
fn a_call_that_is_still_heard_of_is_not_given_up_however_old() {
    let (mut writer, reader) = writer();
    writer.record(Millis(0), vec![evidence("a", Source::Voice, Said::Dialing)]);
    writer.record(Millis(4 * HOUR), vec![evidence("a", Source::Speech, Said::InProgress)]);
    writer.sweep(Millis(4 * HOUR + QUIET_MS));
    assert_eq!(live(&reader), r#"{"liveUsers":1}"#);
    writer.sweep(Millis(4 * HOUR + QUIET_MS + 1));
    assert_eq!(live(&reader), r#"{"liveUsers":0}"#);
}

#[test]
fn a_call_that_waits_in_the_providers_queue_may_still_become_live() {
    let (mut writer, reader) = writer();
    let status = |said| Evidence {
        direction: Some(Direction::Outbound),
        ..evidence("a", Source::StatusCallback, said)
    };
    writer.record(Millis(0), vec![status(Said::Dialing)]);
    writer.sweep(Millis(DIALING_MS_MAX));
    writer.record(Millis(DIALING_MS_MAX), vec![status(Said::InProgress)]);
    assert_eq!(live(&reader), r#"{"liveUsers":1}"#);
}

#[test]
fn a_late_webhook_finds_the_tombstone_until_it_is_swept_away() {
    let (mut writer, _reader) = writer();
    let voice = || evidence("a", Source::Voice, Said::Dialing);
    let end = evidence("a", Source::StatusCallback, Said::Over(EndReason::Completed));
    writer.record(Millis(0), vec![voice(), end]);
    writer.sweep(Millis(TOMBSTONE_MS));
    assert_eq!(writer.record(Millis(TOMBSTONE_MS), vec![voice()]), [Outcome::Late]);
    writer.sweep(Millis(TOMBSTONE_MS + 1));
    assert_eq!(writer.tracker.known(), 0);
    // Four records: the start, the end, the late webhook and the forgetting.
    assert_eq!(writer.journal.position.seq, 4);
}

#[test]
fn a_sweep_with_nothing_to_do_writes_nothing() {
    let (mut writer, _reader) = writer();
    writer.sweep(Millis(HOUR));
    assert_eq!(writer.journal.position.seq, 0);
}

#[actix_web::test]
async fn evidence_is_acknowledged_after_it_is_published() {
    let (writer, reader) = writer();
    let (queue, thread) = start(writer, || Millis(1)).unwrap();
    let outcome = queue.record(evidence("a", Source::Voice, Said::Dialing)).await;
    assert_eq!(outcome, Ok(Outcome::Started));
    assert_eq!(live(&reader), r#"{"liveUsers":1}"#);
    queue.stop().await;
    thread.join().unwrap();
    assert_eq!(queue.state(), Err(NotRecorded::Stopped));
    let late = queue.record(evidence("b", Source::Voice, Said::Dialing)).await;
    assert_eq!(late, Err(NotRecorded::Stopped));
}

#[actix_web::test]
async fn a_full_queue_says_so_at_once() {
    let (queue, _stuck) = Queue::broken(1);
    queue.sweep();
    assert_eq!(queue.state(), Err(NotRecorded::Full));
    let outcome = queue.record(evidence("a", Source::Voice, Said::Dialing)).await;
    assert_eq!(outcome, Err(NotRecorded::Full));
}
