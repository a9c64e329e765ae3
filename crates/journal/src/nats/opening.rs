//! Opens a log: creates missing streams, and finds the end.

use std::time::Duration;

use async_nats::jetstream::stream::Info;
use tokio::try_join;

use super::client::Client;
use super::fault::Fault;
use super::fetch::{first_frame, last_end};
use super::frame::End;
use super::log_index::LogIndex;
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
    let (first, last) = (info.state.first_sequence, info.state.last_sequence);
    let damaged = |what: String| Fault::Error(JournalError::Damaged { what });
    let said = State { client, subjects, epoch };
    let low_watermark = said.low_watermark().await?.it.map_or(1, |it| it.first_seq);
    if last == 0 {
        return Ok(LogIndex::new(epoch, End::default(), low_watermark, 1));
    }
    let end = last_end(client, subjects, first, last).await?;
    let oldest = first_frame(client, subjects, first, last).await?;
    let (Some(end), Some(oldest)) = (end, oldest) else {
        return Err(damaged(format!("stream {} has lost all of its messages", subjects.log)));
    };
    let first_seq = low_watermark.max(oldest.first_seq);
    let covered = said.manifest().await?.it.map_or(0, |it| it.seq);
    // A record that is neither kept nor in a snapshot is lost. The snapshot is read last: between
    // the two, another replica may only save a newer one.
    if first_seq > covered + 1 || first_seq > end.seq + 1 {
        return Err(damaged(format!(
            "stream {} has the records {first_seq} to {} and a snapshot up to {covered}: what is \
             between is missing",
            subjects.log, end.seq
        )));
    }
    Ok(LogIndex::new(epoch, end, first_seq, first))
}
