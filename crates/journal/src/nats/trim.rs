//! Removes records that a snapshot covers.

use serde_json::json;

use super::fault::Fault;
use super::history::order_before_record;
use super::log::Log;
use super::state::LowWatermark;
use crate::contract::TRIM_RECORDS_MAX;

/// Removes records before this one as [`crate::Journal::trim`] does. Returns the oldest record that
/// is kept. First the low watermark rises, and then the service removes messages. A message stays
/// until all of its records are below the watermark.
///
/// The order of the log before the first message that stays is stored with the watermark, because
/// it could not be told any more without the messages before it.
pub(super) async fn step(log: &Log, before_seq: u64) -> Result<u64, Fault> {
    let covered = log.state().manifest().await?.it.map_or(0, |it| it.seq);
    loop {
        let said = log.state().low_watermark().await?;
        let (known_first, last, mut kept) = {
            let index = log.index.lock();
            (index.first_seq, index.end().seq, index.kept())
        };
        let first = said.it.as_ref().map_or(1, |it| it.first_seq).max(known_first);
        let low_watermark = before_seq.min(covered + 1).min(last + 1).min(first + TRIM_RECORDS_MAX);
        if low_watermark <= first {
            let mut index = log.index.lock();
            // Another task may have raised it since it was read.
            index.first_seq = index.first_seq.max(first);
            return Ok(first);
        }
        if let Some(base) = said.it.as_ref().and_then(LowWatermark::base) {
            kept.first = kept.first.max(base.end.message + 1);
            kept.base = Some(base);
        }
        // The last message with records stays: it shows where the log ends.
        let order = order_before_record(&log.client, &log.subjects, &kept, low_watermark.min(last));
        let order = match order.await {
            Ok(order) => order,
            // Another replica trims, too. The rest is removed the next time.
            Err(Fault::NotFound | Fault::NoStream) => return Ok(first),
            Err(fault) => return Err(fault),
        };
        match log.state().set_low_watermark(&said, LowWatermark::new(low_watermark, &order)).await {
            Ok(()) => {}
            Err(Fault::Conflict) => continue,
            Err(fault) => return Err(fault),
        }
        let first_message = order.end.message + 1;
        {
            let mut index = log.index.lock();
            index.first_seq = index.first_seq.max(low_watermark);
            index.base = Some(order);
        }
        // Trap: for the service, a purge of everything before message 1 is a purge of everything.
        if first_message > 1 {
            log.client.purge(&log.subjects.log, json!({ "seq": first_message })).await?;
        }
        let mut index = log.index.lock();
        index.first_message = index.first_message.max(first_message);
        return Ok(low_watermark);
    }
}
