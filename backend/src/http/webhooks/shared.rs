//! What the handlers of webhooks share.

use std::sync::Arc;

use live_users_intake::CallerKey;

use super::passing::Passing;
use super::repeats::Repeats;
use crate::http::signature::SignatureVerifier;
use crate::parts::agents::AgentRegistry;
use crate::parts::arrivals::Arrivals;
use crate::parts::chat::Chat;
use crate::parts::conversation::Conversation;
use crate::parts::counters::{Counters, Hook, Outcome};
use crate::parts::notices::Notices;
use crate::parts::old_callbacks::OldCallbacks;
use crate::parts::shards::Shards;
use crate::parts::telemetry;

/// What the three handlers share.
pub(crate) struct Webhooks {
    pub(crate) signature: SignatureVerifier,
    pub(crate) agents: Arc<AgentRegistry>,
    pub(crate) caller_key: CallerKey,
    /// The accounts whose calls count; all of them if it is empty.
    pub(crate) accounts: Vec<String>,
    pub(crate) conversation: Conversation,
    pub(crate) chat: Arc<Chat>,
    /// Where what they say is recorded.
    pub(crate) shards: Shards,
    pub(crate) counters: Arc<Counters>,
    pub(crate) arrivals: Arrivals,
    pub(crate) notices: Notices,
    pub(crate) old_callbacks: OldCallbacks,
    pub(crate) repeats: Repeats,
    pub(crate) passing: Passing,
}

impl Webhooks {
    /// Notes what became of a webhook.
    pub(super) fn became(&self, hook: Hook, outcome: Outcome) {
        self.counters.webhooks(hook, outcome).add();
        telemetry::note("live_users.outcome", outcome.name());
    }
}
