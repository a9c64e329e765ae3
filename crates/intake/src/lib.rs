//! What the provider says becomes evidence. There is no clock, no socket and no runtime here; time
//! is an argument.
//!
//! - [`evidence`], [`CallerKey`], [`Farewell`], [`agents`]: from a webhook, or from the provider's
//!   list of calls, to evidence.
//! - [`Reconciler`]: what to ask the provider when webhooks are silent, and what its answers mean.

pub mod agents;
mod caller;
mod country;
pub mod evidence;
mod farewell;
mod reconciler;

pub use caller::{CallerKey, KEY_BYTES_MIN, KeyTooShort};
pub use farewell::Farewell;
pub use reconciler::{Reconciler, ReconcilerRules, Status, Step};
