//! The interface of a scored system: it receives webhooks and shows a number.

use super::shown::{Belief, Shown};
use crate::rest::CallsApi;
use crate::world::Webhook;

/// The result of a webhook that has arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// It is acknowledged, and its evidence is durable.
    Recorded,
    /// It is answered for the person on the line, and its evidence is not durable yet.
    Answered,
    /// It is refused.
    Refused {
        /// After this many milliseconds.
        after_ms: u64,
    },
    /// There was no connection.
    NoConnection,
}

impl Delivery {
    /// The result of a webhook that could not be recorded. This was known after `after_ms`.
    pub(super) fn not_recorded(webhook: &Webhook, after_ms: u64) -> Self {
        if webhook.path == "/call-status" { Self::Refused { after_ms } } else { Self::Answered }
    }
}

/// A system that counts users. Times are in milliseconds from the beginning of the world.
pub trait System {
    /// Its name on the command line and in reports.
    fn name(&self) -> &'static str;

    /// Delivers a webhook.
    fn deliver(&mut self, now_ms: u64, webhook: &Webhook) -> Delivery;

    /// Advances the time. It is called at least once a second, and at [`System::wake_ms`] while the
    /// system is up.
    fn tick(&mut self, now_ms: u64, api: &mut CallsApi);

    /// The next moment at which it has work.
    fn wake_ms(&self) -> Option<u64>;

    /// The shown number. `None` while the system is down, or says that its number is too old.
    fn shown(&self) -> Option<u64>;

    /// All that is shown: the five numbers, in all and of each agent. `None` while nothing is
    /// shown, and from a system that knows one number only.
    fn shown_numbers(&self) -> Option<Shown> {
        None
    }

    /// Whether the caller of this call is with an agent, in the shown number. `None` from a system
    /// that does not know calls.
    fn is_live(&self, call_sid: &str) -> Option<bool>;

    /// With whom this call is believed to be. `None` from a system that does not know parties.
    fn party_of(&self, _call_sid: &str) -> Option<Belief> {
        None
    }

    /// Whether this call was answered and is not over, with whomever it is, by what is durable. That
    /// may be ahead of what is shown. `None` from a system that does not promise it.
    fn is_durably_up(&self, _call_sid: &str) -> Option<bool> {
        None
    }

    /// Kills it, or a part of it. Everything that is not durable is lost.
    fn kill(&mut self, now_ms: u64);

    /// Restarts it with everything that is durable.
    fn start(&mut self, now_ms: u64);

    /// Cuts a part of it off from its durable data, if it has parts.
    fn cut_off(&mut self, _now_ms: u64) {}

    /// Ends the cut.
    fn reconnect(&mut self, _now_ms: u64) {}

    /// Checks its invariants. It is called after every event.
    ///
    /// # Errors
    /// The violated invariant.
    fn check(&mut self) -> Result<(), String>;

    /// Checks that its parts agree. It is called after a long time without faults.
    ///
    /// # Errors
    /// How they differ.
    fn finish(&mut self, _now_ms: u64) -> Result<(), String> {
        Ok(())
    }
}
