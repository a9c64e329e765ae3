//! Rows of the backend, which are passed on while they come.
//!
//! While an answer waits for whoever reads it, nothing asks for its next bytes. So a task of its own takes
//! them from the backend and watches the pace of the reader: the place ends with the task.

use std::time::Duration;

use actix_web::http::header;
use actix_web::web::Bytes;
use futures_util::{Stream, TryStreamExt, stream};
use live_users_http_kit::Format;
use reqwest::Response;
use tokio::sync::mpsc::error::SendTimeoutError;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

use super::backend_client::{BackendClient, Failure, failure};
use super::exports::Place;
use crate::error::UpstreamError;

/// The most that is passed on at once, in bytes.
const SLICE_BYTES_MAX: usize = 16 * 1024;

/// In so much time that was spent waiting for a reader, it takes at least so many bytes.
const PACE_TIME: Duration = Duration::from_secs(30);
const PACE_BYTES_MIN: usize = 128 * 1024;

/// An answer of many rows whose rest is still to come.
pub(crate) struct Rows {
    slices: Receiver<Bytes>,
    /// What takes them from the backend, and how that has ended.
    task: JoinHandle<Result<(), UpstreamError>>,
}

/// Somebody who reads rows, and how fast.
struct Reader {
    slices: Sender<Bytes>,
    waited: Duration,
    taken: usize,
}

impl Rows {
    /// Begins to take them from the backend. The place is kept until all are passed on, the reader is
    /// gone or too slow, or the backend is.
    pub(super) fn pass_on(response: Response, place: Place, backend: &BackendClient) -> Self {
        let (sender, slices) = channel(1);
        let silence = backend.timeout;
        let task = backend.runtime.spawn(async move {
            let mut reader = Reader { slices: sender, waited: Duration::ZERO, taken: 0 };
            let result = pass_on(chunks(response), &mut reader, silence).await;
            // Before the reader learns of the end, which may ask for other rows at once.
            drop(place);
            result
        });
        Self { slices, task }
    }

    /// The bytes, as long as whoever asked for them may read. After a failure they break off, so that a
    /// part of them does not look whole.
    pub(crate) fn bytes(
        self,
        may_read: impl Fn() -> bool,
    ) -> impl Stream<Item = Result<Bytes, UpstreamError>> {
        stream::unfold(Some((self, may_read)), async |rows| {
            let (mut rows, may_read) = rows?;
            let slice = rows.slices.recv().await;
            if !may_read() {
                return Some((Err(UpstreamError::AccessEnded), None));
            }
            match slice {
                Some(slice) => Some((Ok(slice), Some((rows, may_read)))),
                None => match rows.task.await {
                    Ok(Ok(())) => None,
                    Ok(Err(why)) => Some((Err(why), None)),
                    Err(_) => Some((Err(UpstreamError::Interrupted), None)),
                },
            }
        })
    }
}

/// What comes of an answer.
fn chunks(response: Response) -> impl Stream<Item = Result<Bytes, UpstreamError>> {
    stream::try_unfold(response, async |mut response| match response.chunk().await {
        Ok(bytes) => Ok(bytes.map(|bytes| (bytes, response))),
        Err(_) => Err(UpstreamError::Broken),
    })
}

/// Passes all of an answer on. `silence` is how long the backend may say nothing.
async fn pass_on(
    chunks: impl Stream<Item = Result<Bytes, UpstreamError>>,
    reader: &mut Reader,
    silence: Duration,
) -> Result<(), UpstreamError> {
    let mut chunks = std::pin::pin!(chunks);
    loop {
        let next = tokio::select! {
            next = timeout(silence, chunks.try_next()) => next,
            () = reader.slices.closed() => return Err(UpstreamError::Interrupted),
        };
        match next {
            Ok(Ok(Some(bytes))) => reader.give(bytes).await?,
            Ok(Ok(None)) => return Ok(()),
            Ok(Err(why)) => return Err(why),
            Err(_) => return Err(UpstreamError::Slow),
        }
    }
}

impl Reader {
    async fn give(&mut self, mut bytes: Bytes) -> Result<(), UpstreamError> {
        while !bytes.is_empty() {
            let slice = bytes.split_to(bytes.len().min(SLICE_BYTES_MAX));
            self.give_slice(slice).await?;
        }
        Ok(())
    }

    /// Waits until the reader has taken enough for this slice. Only such time counts: that the backend
    /// is slow is not the reader's fault.
    async fn give_slice(&mut self, mut slice: Bytes) -> Result<(), UpstreamError> {
        let length = slice.len();
        loop {
            let since = Instant::now();
            let given = self.slices.send_timeout(slice, PACE_TIME - self.waited).await;
            self.waited += since.elapsed();
            slice = match given {
                Ok(()) => {
                    self.taken += length;
                    return self.check_pace();
                }
                Err(SendTimeoutError::Closed(_)) => return Err(UpstreamError::Interrupted),
                Err(SendTimeoutError::Timeout(slice)) => slice,
            };
            self.check_pace()?;
        }
    }

    fn check_pace(&mut self) -> Result<(), UpstreamError> {
        if self.waited < PACE_TIME {
            return Ok(());
        }
        if self.taken < PACE_BYTES_MIN {
            log::info!(
                "an export was cut: its reader has taken less than {PACE_BYTES_MIN} bytes in {} s",
                PACE_TIME.as_secs()
            );
            return Err(UpstreamError::SlowReader);
        }
        (self.waited, self.taken) = (Duration::ZERO, 0);
        Ok(())
    }
}

/// The answer, if it has this form.
pub(super) fn checked(response: Response, format: Format) -> Result<Response, Failure> {
    let kind = response.headers().get(header::CONTENT_TYPE.as_str());
    match kind.is_some_and(|kind| kind.as_bytes() == format.content_type().as_bytes()) {
        true => Ok(response),
        false => Err(failure(UpstreamError::NotRows, "another content type".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use futures_util::StreamExt;

    use super::*;

    const ALL: usize = 1024 * 1024;

    /// How much a reader gets that takes a slice each so many seconds, and how that ends.
    async fn read_at(pause_s: u64, backend: Vec<Duration>) -> (usize, Result<(), UpstreamError>) {
        let (sender, mut slices) = channel(1);
        let n = backend.len();
        let chunks = stream::iter(backend).then(move |pause| async move {
            tokio::time::sleep(pause).await; // not a wait for time: the clock is paused
            Ok(Bytes::from(vec![b'x'; ALL / n]))
        });
        let task = tokio::spawn(async move {
            let mut reader = Reader { slices: sender, waited: Duration::ZERO, taken: 0 };
            pass_on(chunks, &mut reader, Duration::from_secs(3_600)).await
        });
        let mut n = 0;
        while let Some(slice) = slices.recv().await {
            assert!(slice.len() <= SLICE_BYTES_MAX);
            n += slice.len();
            tokio::time::sleep(Duration::from_secs(pause_s)).await; // not a wait for time: as above
        }
        (n, task.await.unwrap())
    }

    #[tokio::test(start_paused = true)]
    async fn a_reader_that_takes_too_little_is_cut_and_a_slower_backend_is_not_its_fault() {
        let at_once = vec![Duration::ZERO];
        // 8 slices in half a minute are enough, and the last one may be waited for.
        assert_eq!(read_at(0, at_once.clone()).await, (ALL, Ok(())));
        assert_eq!(read_at(3, at_once.clone()).await, (ALL, Ok(())));
        for pause_s in [5, 29, 31, 3_000] {
            let (n, result) = read_at(pause_s, at_once.clone()).await;
            assert_eq!(result, Err(UpstreamError::SlowReader), "{pause_s}");
            // What is on its way at first may carry it over the first half a minute.
            assert!(n < 2 * PACE_BYTES_MIN, "{pause_s}: {n}");
        }
        let seldom = vec![Duration::from_secs(600); 64];
        assert_eq!(read_at(0, seldom.clone()).await, (ALL, Ok(())));
        assert_eq!(read_at(20, seldom).await, (ALL, Ok(())), "it is there before the next one");
    }

    #[tokio::test(start_paused = true)]
    async fn a_reader_that_takes_nothing_is_cut_after_half_a_minute() {
        let (sender, slices) = channel(1);
        let mut reader = Reader { slices: sender, waited: Duration::ZERO, taken: 0 };
        let chunks = stream::iter([Ok(Bytes::from(vec![b'x'; ALL]))]);
        let begun = Instant::now();
        let result = pass_on(chunks, &mut reader, Duration::from_secs(5)).await;
        assert_eq!((result, begun.elapsed()), (Err(UpstreamError::SlowReader), PACE_TIME));
        drop(slices);
        let gone = pass_on(stream::pending(), &mut reader, Duration::from_secs(5)).await;
        assert_eq!(gone, Err(UpstreamError::Interrupted), "nobody waits for the backend");
    }
}
