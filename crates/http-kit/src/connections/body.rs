//! The body of a request, with a deadline and a least pace.

use std::cell::Cell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::error::PayloadError;
use actix_web::web::Bytes;
use futures_util::Stream;
use tokio::time::{Instant, Sleep, sleep_until};

use crate::client_limits::ClientLimits;

/// From when on the pace counts.
const GRACE: Duration = Duration::from_secs(5);

/// Why a body was cut off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cut {
    /// It was not there in time.
    Deadline,
    /// It was slower than the least pace.
    Pace,
}

impl Cut {
    /// All, with their names in metrics.
    pub(crate) const ALL: [(Self, &'static str); 2] =
        [(Self::Deadline, "deadline"), (Self::Pace, "pace")];
}

/// How far a body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// More may come.
    Open,
    /// It is there, or its client is gone.
    Whole,
    /// It was too slow.
    Cut(Cut),
}

/// A body that ends with an error when it is too slow.
pub(crate) struct TimedBody<F> {
    body: Payload,
    began: Instant,
    bytes: u64,
    limits: ClientLimits,
    /// Made when the body is waited for first: most come whole with the head.
    timer: Option<Pin<Box<Sleep>>>,
    progress: Rc<Cell<Progress>>,
    on_whole: F,
}

impl<F: Fn()> TimedBody<F> {
    /// `on_whole` is called when the body is there.
    pub(crate) fn new(
        body: Payload,
        limits: &ClientLimits,
        progress: Rc<Cell<Progress>>,
        on_whole: F,
    ) -> Self {
        let (began, limits) = (Instant::now(), *limits);
        Self { body, began, bytes: 0, limits, timer: None, progress, on_whole }
    }

    /// Whether the time for what is there so far is over. If not, wakes the task when it is.
    fn is_late(&mut self, context: &mut Context<'_>) -> bool {
        let (_, due) = due(&self.limits, self.began, self.bytes);
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(due)));
        if timer.deadline() != due {
            timer.as_mut().reset(due);
        }
        timer.as_mut().poll(context).is_ready()
    }
}

/// When a body of which so many bytes are there is too slow, and in which way.
fn due(limits: &ClientLimits, began: Instant, bytes: u64) -> (Cut, Instant) {
    let at_pace = Duration::from_millis(bytes.saturating_mul(1_000) / limits.body_bytes_per_s);
    let (whole, paced) = (limits.body, GRACE.saturating_add(at_pace));
    if paced < whole { (Cut::Pace, began + paced) } else { (Cut::Deadline, began + whole) }
}

impl<F: Fn() + Unpin> Stream for TimedBody<F> {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        let polled = Pin::new(&mut this.body).poll_next(context);
        let is_late = match &polled {
            Poll::Ready(None | Some(Err(_))) => {
                if this.progress.replace(Progress::Whole) == Progress::Open {
                    (this.on_whole)();
                }
                false
            }
            Poll::Ready(Some(Ok(chunk))) => {
                this.bytes += u64::try_from(chunk.len()).unwrap_or(u64::MAX);
                due(&this.limits, this.began, this.bytes).1 <= Instant::now()
            }
            Poll::Pending => this.is_late(context),
        };
        if !is_late {
            return polled;
        }
        this.progress.set(Progress::Cut(due(&this.limits, this.began, this.bytes).0));
        Poll::Ready(Some(Err(PayloadError::Io(io::ErrorKind::TimedOut.into()))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Env, SettingsReader, StreamsMax};
    use futures_util::StreamExt;
    use tokio::time::sleep;

    fn limits() -> ClientLimits {
        let env = Env::of([("REQUEST_BODY_BYTES_PER_SECOND", "100")]);
        ClientLimits::read(&mut SettingsReader::new(&env), StreamsMax { public: 10, reserved: 0 })
    }

    /// What becomes of a body that sends so many bytes each second, for so long.
    async fn after(bytes_per_s: usize, seconds: usize) -> (Progress, u64) {
        let sent = futures_util::stream::unfold(0, move |n| async move {
            // not a wait for time: the clock of the test is paused
            sleep(Duration::from_secs(1)).await;
            (n < seconds).then(|| (Ok(Bytes::from(vec![0; bytes_per_s])), n + 1))
        });
        let progress = Rc::new(Cell::new(Progress::Open));
        let began = Instant::now();
        let body = Payload::Stream { payload: sent.boxed_local() };
        let mut body = TimedBody::new(body, &limits(), progress.clone(), || {});
        while let Some(Ok(_)) = body.next().await {}
        (progress.get(), began.elapsed().as_secs())
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_drips_is_cut_off_by_its_pace_and_any_body_by_its_deadline() {
        assert_eq!(after(1_000, 5).await, (Progress::Whole, 6));
        assert_eq!(after(0, 60).await, (Progress::Cut(Cut::Pace), 5));
        assert_eq!(after(10, 60).await, (Progress::Cut(Cut::Pace), 5));
        assert_eq!(after(30, 60).await, (Progress::Cut(Cut::Pace), 6));
        assert_eq!(after(1_000, 60).await, (Progress::Cut(Cut::Deadline), 10));
    }
}
