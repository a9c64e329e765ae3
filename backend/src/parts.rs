//! What handlers and tasks share.

pub(crate) mod accounts;
pub(crate) mod agents;
pub(crate) mod arrivals;
pub(crate) mod chat;
pub(crate) mod clock;
pub(crate) mod conversation;
pub(crate) mod counters;
pub(crate) mod counting_rules;
pub(crate) mod deliveries;
pub(crate) mod hooks;
pub(crate) mod journal_reader;
pub(crate) mod latest;
pub(crate) mod not_recorded;
pub(crate) mod notices;
pub(crate) mod passing_on;
pub(crate) mod presentation;
pub(crate) mod public_url;
pub(crate) mod queue;
pub(crate) mod replica_status;
pub(crate) mod signer;
pub(crate) mod source_counts;
pub(crate) mod sources;
pub(crate) mod streams;
pub(crate) mod summary;
pub(crate) mod twilio_api;
pub(crate) mod user_agent;
