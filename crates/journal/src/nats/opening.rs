//! Opens a log: creates missing streams, and finds the end.

use std::time::Duration;

use async_nats::jetstream::stream::Info;
use tokio::try_join;

use super::client::Client;
use super::fault::Fault;
use super::history::{Kept, order_before};
use super::log_index::LogIndex;
use super::order::Order;
use super::state::State;
use super::subjects::{Subjects, epoch_of};
use crate::JournalError;

/// Indexes the log of the service, and creates the log if there is none.
pub(super) async fn begin(client: &Client, subjects: &Subjects) -> Result<LogIndex, JournalError> {
    // It counts only if this call creates the stream, because the epoch is in its configuration.
    let drawn = super::draw()?;
    let [state, parts, leases] = subjects.other_configs();
    let log = subjects.log_config(drawn);
    let mut attempts = 0;
    loop {
        attempts += 1;
        let (info, ..) = try_join!(
            client.ensure(&log),
            client.ensure(&state),
            client.ensure(&parts),
            client.ensure(&leases)
        )?;
        match read(client, subjects, &info).await {
            Ok(index) => return Ok(index),
            // Another replica has trimmed the log meanwhile, or its leader is gone.
            Err(Fault::NotFound | Fault::NoStream | Fault::Silent(_)) if attempts < 10 => {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            Err(fault) => return Err(fault.into_error("opening the journal")),
        }
    }
}

async fn read(client: &Client, subjects: &Subjects, info: &Info) -> Result<LogIndex, Fault> {
    let epoch = epoch_of(info).map_err(Fault::Error)?;
    let (first, last) = (info.state.first_sequence.max(1), info.state.last_sequence);
    let damaged = |what: String| Fault::Error(JournalError::Damaged { what });
    let said = State { client, subjects, epoch };
    let writer = super::draw().map_err(Fault::Error)?;
    let low_watermark = said.low_watermark().await?.it;
    let low_seq = low_watermark.as_ref().map_or(1, |it| it.first_seq);
    if last == 0 {
        let mut index = LogIndex::new(epoch, Order::default(), writer);
        index.first_seq = low_seq;
        return Ok(index);
    }
    let base = low_watermark.and_then(|it| it.base());
    let kept = Kept { first, last, base: base.clone() };
    let order = order_before(client, subjects, &kept, last + 1).await?;
    let oldest = match kept.begin() {
        Some(order) => order,
        None => order_before(client, subjects, &kept, first).await?,
    };
    let (first_seq, last_seq) = (low_seq.max(oldest.end.seq + 1), order.end.seq);
    let covered = said.manifest().await?.it.map_or(0, |it| it.seq);
    // A record that is neither kept nor in a snapshot is lost. The snapshot is read last: between
    // the two, another replica may only save a newer one.
    if first_seq > covered + 1 || first_seq > last_seq + 1 {
        return Err(damaged(format!(
            "stream {} has the records {first_seq} to {last_seq} and a snapshot up to {covered}: \
             what is between is missing",
            subjects.log
        )));
    }
    let mut index = LogIndex::new(epoch, order, writer);
    (index.first_seq, index.first_message, index.base) = (first_seq, first, base);
    Ok(index)
}
