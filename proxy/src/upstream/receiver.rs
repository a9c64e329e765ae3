//! What takes the frames of a backend's stream: for browsers as they come, or as a part of a sum.

use jiff::Timestamp;

use super::backend_client::Failure;
use crate::error::UpstreamError;

/// Which of the backend's streams is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Subscription {
    /// The summary, which has the total in it.
    Summary,
    /// The total alone.
    Total,
}

/// Takes what a stream tells.
pub(super) trait Receiver {
    /// Bytes came: what was told last is still true.
    fn hear(&mut self, now: Timestamp);

    /// A frame came: a value, or why there is none.
    ///
    /// # Errors
    /// If it is neither.
    fn take(
        &mut self,
        subscription: Subscription,
        json: String,
        now: Timestamp,
    ) -> Result<(), Failure>;

    /// There will be a total and no summary.
    fn have_no_summary(&mut self, why: &str);

    /// The stream is lost.
    fn lose(&mut self, why: UpstreamError);

    /// Nobody may read it any more.
    fn end(&mut self, why: UpstreamError);

    /// Whether nobody may read it any more.
    fn has_ended(&self) -> bool;

    /// Resolves when the backend was away and has answered something else: it need not be waited for any
    /// longer.
    fn is_back(&self) -> impl Future<Output = ()> + Send;

    /// Resolves when somebody waits for a whole summary that is known.
    fn lacks_whole(&self) -> impl Future<Output = ()> + Send;

    /// Gives it.
    ///
    /// # Errors
    /// If what is known is no summary.
    fn give_whole(&mut self) -> Result<(), Failure>;
}
