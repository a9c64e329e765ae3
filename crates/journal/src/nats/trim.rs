//! Removes records that a snapshot covers.

use serde_json::json;

use super::cursor::find;
use super::fault::Fault;
use super::log::Log;
use super::state::LowWatermark;
use crate::contract::TRIM_RECORDS_MAX;

/// Removes records before this one as [`crate::Journal::trim`] does. Returns the oldest record that
/// is kept. First the low watermark rises, and then the service removes messages. A message stays
/// until all of its records are below the watermark.
pub(super) async fn step(log: &Log, before_seq: u64) -> Result<u64, Fault> {
    let covered = log.state().manifest().await?.it.map_or(0, |it| it.seq);
    let low_watermark = loop {
        let said = log.state().low_watermark().await?;
        let (first, last) = {
            let index = log.index.lock();
            (index.first_seq, index.end.seq)
        };
        let first = said.it.map_or(1, |it| it.first_seq).max(first);
        let low_watermark = before_seq.min(covered + 1).min(last + 1).min(first + TRIM_RECORDS_MAX);
        if low_watermark <= first {
            let mut index = log.index.lock();
            // Another task may have raised it since it was read.
            index.first_seq = index.first_seq.max(first);
            return Ok(first);
        }
        match log.state().set_low_watermark(&said, LowWatermark::new(low_watermark)).await {
            Ok(()) => break low_watermark,
            Err(Fault::Conflict) => {}
            Err(fault) => return Err(fault),
        }
    };
    let last = {
        let mut index = log.index.lock();
        index.first_seq = index.first_seq.max(low_watermark);
        index.end.seq
    };
    // The last message that counts stays: it shows where the log ends.
    let kept = match find(log, low_watermark.min(last)).await {
        Ok(kept) => kept,
        // Another replica trims, too. The rest is removed the next time.
        Err(Fault::NotFound | Fault::NoStream) => return Ok(low_watermark),
        Err(fault) => return Err(fault),
    };
    // Trap: for the service, a purge of everything before message 1 is a purge of everything.
    if kept > 1 {
        log.client.purge(&log.subjects.log, json!({ "seq": kept })).await?;
    }
    let mut index = log.index.lock();
    index.first_message = index.first_message.max(kept);
    Ok(low_watermark)
}
