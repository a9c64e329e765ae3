//! The writer's thread: it takes what waits in the queue, and records, applies and answers it.

use std::io;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;

use live_users_state::{BATCH_MAX, Kept, Writer};
use tokio::sync::mpsc;

use crate::parts::clock::Clock;
use crate::parts::queue::{NotRecorded, QUEUE_MAX, Queue, View, Work, is_fresh, stale};

/// Gives the writer a thread of its own, since a durable journal blocks it at every sync.
///
/// # Errors
/// The system's own, when there can be no thread.
pub(crate) fn start(mut writer: Writer, clock: Clock) -> io::Result<(Queue, JoinHandle<()>)> {
    let (sender, mut inbox) = mpsc::channel(QUEUE_MAX);
    let queue = Queue::through(sender, clock);
    let Queue { trouble, grown, kept, clock, .. } = queue.clone();
    let thread = std::thread::Builder::new().name("writer".to_owned()).spawn(move || {
        let mut work = Vec::with_capacity(BATCH_MAX);
        while inbox.blocking_recv_many(&mut work, BATCH_MAX) > 0 {
            let stop = work.iter().any(|work| matches!(work, Work::Stop));
            // Before the writer follows, or what comes then would not be told.
            grown.store(false, Ordering::Release);
            process_batch(&mut writer, &clock, work.drain(..));
            kept.store(writer.kept(), Ordering::Relaxed);
            trouble.store(writer.is_in_trouble(), Ordering::Relaxed);
            if stop || writer.has_ended() {
                break;
            }
        }
        if writer.is_in_trouble() && !writer.has_ended() {
            writer.retry(clock.now());
        }
    })?;
    Ok((queue, thread))
}

fn process_batch(writer: &mut Writer, clock: &Clock, work: impl Iterator<Item = Work>) {
    let now = clock.now();
    let (mut batch, mut waiting, mut queries) = (Vec::new(), Vec::new(), Vec::new());
    let (mut many, mut sweep, mut follows) = (Vec::new(), None, false);
    for work in work {
        match work {
            Work::Evidence(evidence, acknowledge) => {
                batch.push(evidence);
                waiting.push(acknowledge);
            }
            Work::Many(evidence, acknowledge) => many.push((evidence, acknowledge)),
            Work::Query(query) => queries.push(query),
            Work::Sweep { leads } => sweep = Some(leads),
            Work::Follow => follows = true,
            Work::Stop => {}
        }
    }
    match writer.record(now, batch) {
        Ok(outcomes) => {
            for (outcome, acknowledge) in outcomes.into_iter().zip(waiting) {
                // Whoever asked may have given up waiting; the evidence counts all the same.
                let _gave_up = acknowledge.send(Ok(outcome));
            }
        }
        Err(Kept) => {
            for acknowledge in waiting {
                let _gave_up = acknowledge.send(Err(NotRecorded::Trouble));
            }
        }
    }
    for (evidence, acknowledge) in many {
        let recorded = writer.record(now, evidence).map(|_| ());
        let _gave_up = acknowledge.send(recorded.map_err(|Kept| NotRecorded::Trouble));
    }
    if follows {
        writer.follow();
    }
    match sweep {
        Some(true) => writer.sweep(now),
        Some(false) => writer.stand_by(now),
        None => {}
    }
    if !queries.is_empty() {
        let is_known = is_fresh(clock) || writer.refresh();
        let (state, at) = (writer.state(), writer.position());
        let view = View { state, now: clock.now().max(state.tracker().now()), at };
        for query in queries {
            query(if is_known { Ok(view) } else { Err(stale(clock)) });
        }
    }
}

#[cfg(test)]
mod tests;
