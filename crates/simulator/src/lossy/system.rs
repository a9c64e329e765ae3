//! What is scored: something that is told webhooks and shows a number.

use crate::rest::CallsApi;
use crate::world::Webhook;

/// A system that counts users. Times are in milliseconds from the beginning of the world.
pub trait System {
    /// Its name on the command line and in reports.
    fn name(&self) -> &'static str;

    /// Takes in a webhook, and says whether it is acknowledged. Only asked of one that is up.
    fn deliver(&mut self, now_ms: u64, webhook: &Webhook) -> bool;

    /// Lets time pass, at least once in each second and at [`System::wake_ms`] while it is up.
    fn tick(&mut self, now_ms: u64, api: &mut CallsApi);

    /// When it wants to be woken.
    fn wake_ms(&self) -> Option<u64>;

    /// The number of users that it shows; `None` while it is down.
    fn shown(&self) -> Option<u64>;

    /// Whether it takes this call for live; `None` from a system that does not know calls.
    fn is_live(&self, call_sid: &str) -> Option<bool>;

    /// Dies here and now: whatever is not on its disk is gone.
    fn kill(&mut self, now_ms: u64);

    /// Starts again with what is on its disk.
    fn start(&mut self, now_ms: u64);

    /// Whether its invariants hold; asked after every event.
    ///
    /// # Errors
    /// Which one does not.
    fn check(&mut self) -> Result<(), String>;
}
