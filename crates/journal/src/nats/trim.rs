//! Removing what a snapshot covers.

use serde_json::json;

use super::fault::Fault;
use super::log::Log;
use super::pages::find;
use super::state::Floor;
use crate::contract::TRIM_RECORDS_MAX;

/// Removes records before this one as [`crate::Journal::trim`] does, and returns the oldest that is
/// kept. What is said to be removed is removed from the service once its whole message is.
pub(super) async fn step(log: &Log, before_seq: u64) -> Result<u64, Fault> {
    let covered = log.state().manifest().await?.it.map_or(0, |it| it.seq);
    let floor = loop {
        let said = log.state().floor().await?;
        let (first, last) = {
            let known = log.known.lock();
            (known.first_seq, known.end.seq)
        };
        let first = said.it.map_or(1, |it| it.first_seq).max(first);
        let floor = before_seq.min(covered + 1).min(last + 1).min(first + TRIM_RECORDS_MAX);
        if floor <= first {
            log.known.lock().first_seq = first;
            return Ok(first);
        }
        match log.state().set_floor(&said, Floor::new(floor)).await {
            Ok(()) => break floor,
            Err(Fault::Conflict) => {}
            Err(fault) => return Err(fault),
        }
    };
    let last = {
        let mut known = log.known.lock();
        known.first_seq = known.first_seq.max(floor);
        known.end.seq
    };
    // The last message that counts stays: it says where the log is.
    let kept = match find(log, floor.min(last)).await {
        Ok(kept) => kept,
        // Another replica is trimming too. What stays is removed the next time.
        Err(Fault::NotFound) => return Ok(floor),
        Err(fault) => return Err(fault),
    };
    // To purge what is before the first message is taken for a wish to purge everything.
    if kept > 1 {
        log.service.purge(&log.names.log, json!({ "seq": kept })).await?;
    }
    let mut known = log.known.lock();
    known.first_message = known.first_message.max(kept);
    Ok(floor)
}
