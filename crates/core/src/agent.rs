//! Which agent a call belongs to.

use alloc::sync::Arc;

/// The agent that a call belongs to, as far as it is known. In the order of this type a better
/// attribution is greater, so the maximum of all that was said is the best of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Agent {
    /// Nothing said which agent it is.
    #[default]
    Unknown,
    /// The number or address that was called (or, for an outbound call, that calls); no agent is
    /// configured for it, and so it shows up as itself.
    Address(Arc<str>),
    /// The id of a configured agent.
    Id(Arc<str>),
}

/// How it is known which agent a call belongs to. The later outweighs the earlier.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum AgentFrom {
    /// From the number or address.
    #[default]
    Address,
    /// The webhook's own URL names the agent.
    Url,
}
