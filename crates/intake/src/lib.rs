//! What the provider says becomes evidence. There is no clock, no socket and no runtime here; time
//! is an argument.
//!
//! - [`Inbound`]: all that follows from one webhook, by the [`agents`] that are configured, the
//!   [`CallerKey`] and what is a [`Farewell`].
//! - [`of_source_event`]: what another source tells of a call, by its [`sources`] settings.
//! - [`Reconciler`]: what to ask the provider when webhooks are silent, and what its answers mean.
//! - [`Referees`]: the same for the providers of other sources.

mod accounts;
pub mod agents;
pub mod alerts;
mod callbacks;
mod caller;
mod caller_id;
mod country;
mod evidence;
mod farewell;
pub mod hooks;
mod inbound;
mod legs;
mod reconciler;
mod referee;
pub mod shards;
mod source_event;
pub mod sources;
mod tokens;

pub use accounts::AccountTable;
pub use caller::{CallerKey, KEY_BYTES_MIN, KeyTooShort};
pub use farewell::Farewell;
pub use inbound::{Inbound, InboundRules, Utterance, account_of, speaks_for_another};
pub use reconciler::{Action, Reconciler, ReconcilerRules, Status};
pub use referee::{Below, Found, RefereeRules, RefereeStatus, Referees, SourceReferee, Unanswered};
pub use source_event::{AskedOfCalls, Relatives, name, of_source_event, of_source_event_among};
pub use tokens::{Role, TokenTable};
