//! What is scored: something that is told webhooks and shows a number.

use crate::rest::CallsApi;
use crate::world::Webhook;

/// What became of a webhook that has arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// It is acknowledged: what it said is durable.
    Recorded,
    /// It is answered, since there is a person on the line, and what it said is not durable yet.
    Answered,
    /// It is refused, after so many milliseconds.
    Refused {
        /// Milliseconds.
        after_ms: u64,
    },
    /// Nobody listens.
    NoConnection,
}

impl Delivery {
    /// What becomes of a webhook that could not be recorded, which was known after so many
    /// milliseconds.
    pub(super) fn not_recorded(webhook: &Webhook, after_ms: u64) -> Self {
        if webhook.path == "/call-status" { Self::Refused { after_ms } } else { Self::Answered }
    }
}

/// A system that counts users. Times are in milliseconds from the beginning of the world.
pub trait System {
    /// Its name on the command line and in reports.
    fn name(&self) -> &'static str;

    /// Takes in a webhook.
    fn deliver(&mut self, now_ms: u64, webhook: &Webhook) -> Delivery;

    /// Lets time pass, at least once in each second and at [`System::wake_ms`] while it is up.
    fn tick(&mut self, now_ms: u64, api: &mut CallsApi);

    /// When it wants to be woken.
    fn wake_ms(&self) -> Option<u64>;

    /// The number of users that it shows; `None` while it is down, or says that it does not know.
    fn shown(&self) -> Option<u64>;

    /// Whether what is shown has this call among the live; `None` from a system that does not know
    /// calls.
    fn is_live(&self, call_sid: &str) -> Option<bool>;

    /// The same by what is durable, where that may be ahead of what is shown.
    fn is_durably_live(&self, call_sid: &str) -> Option<bool> {
        self.is_live(call_sid)
    }

    /// Dies here and now, or a part of it does: whatever is not durable is gone.
    fn kill(&mut self, now_ms: u64);

    /// Starts again with what is durable.
    fn start(&mut self, now_ms: u64);

    /// A part of it is cut off from what is durable, if it has parts.
    fn cut_off(&mut self, _now_ms: u64) {}

    /// And can reach it again.
    fn reconnect(&mut self, _now_ms: u64) {}

    /// Whether its invariants hold; asked after every event.
    ///
    /// # Errors
    /// Which one does not.
    fn check(&mut self) -> Result<(), String>;

    /// Whether its parts agree, when nothing has been wrong for long.
    ///
    /// # Errors
    /// Which one does not.
    fn finish(&mut self, _now_ms: u64) -> Result<(), String> {
        Ok(())
    }
}
