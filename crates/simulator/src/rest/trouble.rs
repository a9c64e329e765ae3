//! How the stand-in behaves: how late it is, and when it refuses.

use std::ops::{Range, RangeInclusive};

use live_users_twilio::rest::PAGE_SIZE;

/// How the stand-in behaves. Everything may be changed while it runs; a lag counts for the changes
/// that are noted from then on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Behaviour {
    /// How long a change takes until lists show it, in milliseconds; drawn for each change.
    /// Twilio does not say how long it takes; the default is ours.
    pub list_lag_ms: RangeInclusive<u64>,
    /// The same for the single call.
    pub call_lag_ms: RangeInclusive<u64>,
    /// No page has more calls, whatever was asked for; at least 1.
    pub page_size_max: usize,
    /// How many of 1000 requests are refused as too many.
    pub too_many_per_mille: u32,
    /// Whether the credentials have stopped working, as after a rotation of the token.
    pub refuses_credentials: bool,
    /// When it does not work at all.
    pub outages: Vec<Outage>,
}

/// A time in which the stand-in does not work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outage {
    /// When, in milliseconds; without the end.
    pub window_ms: Range<u64>,
    /// What those who ask get.
    pub silence: Silence,
}

/// What those who ask during an outage get.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Silence {
    /// A status of 5xx, this one.
    Status(u16),
    /// No answer.
    NoAnswer,
}

/// How often the stand-in was asked, by kind, and how often it did not answer, by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// Requests for a page of a list, answered or not.
    pub lists: u64,
    /// Requests for a single call, answered or not.
    pub calls: u64,
    /// Requests refused as too many.
    pub too_many: u64,
    /// Requests refused for their credentials.
    pub refused: u64,
    /// Requests during an outage.
    pub in_outage: u64,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self {
            list_lag_ms: 0..=5_000,
            call_lag_ms: 0..=1_000,
            page_size_max: PAGE_SIZE,
            too_many_per_mille: 0,
            refuses_credentials: false,
            outages: Vec::new(),
        }
    }
}

impl Behaviour {
    /// Without any lag: a change shows at once.
    #[must_use]
    pub fn without_lag() -> Self {
        Self { list_lag_ms: 0..=0, call_lag_ms: 0..=0, ..Self::default() }
    }

    pub(super) fn silence_at(&self, now_ms: u64) -> Option<Silence> {
        let outage = self.outages.iter().find(|outage| outage.window_ms.contains(&now_ms));
        outage.map(|outage| outage.silence)
    }
}

impl Asked {
    /// All requests.
    pub fn total(&self) -> u64 {
        self.lists + self.calls
    }
}
