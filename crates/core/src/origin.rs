//! Who tells of a call beside Twilio's webhooks, and what that says of its end.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::cmp::max;
use core::num::NonZeroU64;

use crate::{CallId, Millis, SECOND_MS};

/// The source that said something, if it is not Twilio's own webhooks and lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Its id in the configuration.
    pub source: Arc<str>,
    /// Whether it is a carrier: it knows when the call is over, whoever talks with the caller.
    pub is_carrier: bool,
}

/// What follows from silence, where a source promises to be heard or cannot tell an end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Limits {
    /// A call of which nothing was heard for longer than this is over, in seconds.
    pub quiet_s: Option<u32>,
    /// A call that is up for longer than this is over, in seconds.
    pub longest_s: Option<u32>,
    /// So long nothing is heard of a call that goes on, in seconds: until then silence is no doubt.
    pub silent_s: Option<u32>,
}

impl Limits {
    /// Whether nothing follows from silence.
    pub fn is_none(self) -> bool {
        self == Self::default()
    }

    /// After how long a silence it is in doubt whether a call goes on, in milliseconds, where that is
    /// so after `usual_ms` for others.
    pub fn in_doubt_after_ms(self, usual_ms: u64) -> u64 {
        self.silent_s.map_or(usual_ms, |silent_s| usual_ms.max(u64::from(silent_s) * SECOND_MS))
    }

    /// The longer of both, each by itself: a call lives as long as any of its sources lets it.
    fn join(self, other: Self) -> Self {
        let longer = |a: Option<u32>, b: Option<u32>| Some(max(a?, b?));
        Self {
            quiet_s: longer(self.quiet_s, other.quiet_s),
            longest_s: longer(self.longest_s, other.longest_s),
            silent_s: longer(self.silent_s, other.silent_s),
        }
    }
}

/// Who has told of a call, and under which names. A call of which only Twilio has told has none of
/// it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// The sources that have told of it, in the order of their ids.
    pub sources: Vec<Arc<str>>,
    /// Whether Twilio's webhooks or lists have, too.
    pub by_twilio: bool,
    /// Whether a carrier has told of it, Twilio among them: then it tells the end.
    pub by_carrier: bool,
    /// The account of who has told of it, Twilio's known accounts aside; of several the greatest.
    pub account: Option<Arc<str>>,
    /// Twilio's account that it is a call of, if Twilio has said so.
    pub twilio_account: Option<TwilioAccount>,
    /// The Twilio account that the first other source has spoken for: as good as Twilio's word among
    /// these sources.
    pub spoken_for: Option<NonZeroU64>,
    /// The account of its agent, which outweighs both: see [`Told::owner`].
    pub agent_account: Option<Arc<str>>,
    /// Other ids of the same call, in their order.
    pub names: Vec<CallId>,
    /// The room that it is in, at platforms where an end may be told of a room alone.
    pub room: Option<CallId>,
    /// The session of a carrier that it shares with its legs.
    pub session: Option<CallId>,
    /// What follows from silence: only while each source that tells of it has such limits.
    pub limits: Limits,
    /// When the last word about who is with the caller was said, by the clock of its source.
    pub word_at: Option<Millis>,
    /// The ids of the last events that said who is with the caller, in the order in which they came.
    pub words: Vec<NonZeroU64>,
}

/// An account of Twilio's, as its webhooks and lists name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TwilioAccount {
    /// A digest of its id.
    pub digest: NonZeroU64,
    /// What answers call it, if the configuration names it.
    pub name: Option<Arc<str>>,
}

/// So many names of one call are kept, and no more are taken: a source that gives one id to all its
/// calls would otherwise make them one.
pub(crate) const NAMES_MAX: usize = 8;

/// So many events of one call are remembered that said who is with its caller. Whoever has no answer
/// sends an event again within minutes.
const WORDS_MAX: usize = 64;

impl Told {
    /// Whether nothing is known beside that Twilio has told of it.
    pub(crate) fn is_plain(&self) -> bool {
        *self == Self { by_twilio: true, by_carrier: true, ..Self::default() }
    }

    /// Takes in that this source has told of it.
    pub(crate) fn add_source(&mut self, source: &Arc<str>) {
        if let Err(at) = self.sources.binary_search(source) {
            self.sources.insert(at, source.clone());
        }
    }

    /// Takes in that it is a call of this account of Twilio's, for good.
    pub(crate) fn be_of_twilio_account(&mut self, digest: NonZeroU64, name: Option<&Arc<str>>) {
        let new = || TwilioAccount { digest, name: None };
        let known = self.twilio_account.get_or_insert_with(new);
        // The configuration may have got another name for it.
        if known.digest == digest && name.is_some() {
            known.name = name.cloned();
        }
    }

    /// Remembers an event that said who is with the caller.
    pub(crate) fn remember(&mut self, id: NonZeroU64) {
        if self.words.contains(&id) {
            return;
        }
        if self.words.len() >= WORDS_MAX {
            self.words.remove(0);
        }
        self.words.push(id);
    }

    /// Takes in the limits of who tells of it. `is_first` says that nobody has before.
    pub(crate) fn limit(&mut self, limits: Limits, is_first: bool) {
        self.limits = if is_first { limits } else { self.limits.join(limits) };
    }

    /// What is known of both, of two that are one call.
    pub(crate) fn join(&mut self, other: &Self) {
        other.sources.iter().for_each(|source| self.add_source(source));
        self.by_twilio |= other.by_twilio;
        self.by_carrier |= other.by_carrier;
        self.account = max(self.account.take(), other.account.clone());
        if let Some(TwilioAccount { digest, name }) = &other.twilio_account {
            self.be_of_twilio_account(*digest, name.as_ref());
        }
        self.spoken_for = self.spoken_for.or(other.spoken_for);
        self.room = max(self.room.take(), other.room.clone());
        self.session = max(self.session.take(), other.session.clone());
        self.limits = self.limits.join(other.limits);
        self.word_at = max(self.word_at, other.word_at);
        other.words.iter().for_each(|id| self.remember(*id));
    }
}
