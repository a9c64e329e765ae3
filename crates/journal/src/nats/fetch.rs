//! Fetching single messages of the log from the service.

use super::client::Client;
use super::fault::Fault;
use super::frame::{End, Frame};
use super::subjects::Subjects;

/// The first frame that counts, from this message on. Void frames are skipped.
pub(super) async fn first_frame(
    client: &Client,
    subjects: &Subjects,
    first: u64,
    last: u64,
) -> Result<Option<Frame>, Fault> {
    for number in first..=last {
        let frame = frame(client, subjects, number).await?;
        if frame.counts() {
            return Ok(Some(frame));
        }
    }
    Ok(None)
}

/// The end of a log with these messages. `None` if none of their frames counts. The last message
/// may be void. Then the records end with an earlier frame, but the next frame has to follow the
/// void one.
pub(super) async fn last_end(
    client: &Client,
    subjects: &Subjects,
    first: u64,
    last: u64,
) -> Result<Option<End>, Fault> {
    let mut crc = None;
    for number in (first..=last).rev() {
        let frame = frame(client, subjects, number).await?;
        let crc = *crc.get_or_insert(frame.crc());
        if frame.counts() {
            return Ok(Some(End { message: last, crc, ..frame.end() }));
        }
    }
    Ok(None)
}

/// The frame in the message of this number.
pub(super) async fn frame(
    client: &Client,
    subjects: &Subjects,
    number: u64,
) -> Result<Frame, Fault> {
    let stored = client.message(&subjects.log, number).await?;
    let frame = Frame::parse(stored.message, stored.at_ms, &stored.payload);
    frame.map_err(|unreadable| Fault::Error(unreadable.to_error(&subjects.log)))
}
