//! Starts the real binaries for black-box tests: on port 0, with no environment but the given
//! one, ended when the test ends. Speaks to them as Twilio does and, with the feature `streams`,
//! listens to them; with the feature `browser` it looks at them with a real Chromium; with the
//! feature `nats` it starts the service that replicas share a journal by, and with `tls` it puts TLS in
//! front of a server.

#[cfg(feature = "browser")]
mod browser;
mod clock;
mod freeze;
mod http;
mod metrics;
#[cfg(feature = "nats")]
mod nats;
#[cfg(feature = "openapi")]
mod openapi;
mod raw;
mod relay;
mod server;
#[cfg(feature = "streams")]
mod streams;
#[cfg(feature = "tls")]
mod tls;
mod twilio;

#[cfg(feature = "browser")]
pub use browser::Browser;
pub use clock::{SettableClock, wrong_clock};
pub use http::{Answer, get, send, try_send};
pub use metrics::Metrics;
#[cfg(feature = "nats")]
pub use nats::{Nats, NatsLimits, NatsVersion, StreamCopy};
#[cfg(feature = "openapi")]
pub use openapi::{OpenApi, paths_in};
pub use raw::RawClient;
pub use relay::Relay;
pub use server::{Server, exit_in, exit_of};
#[cfg(feature = "streams")]
pub use streams::{Events, Heard, Socket};
#[cfg(feature = "tls")]
pub use tls::TlsFront;
pub use twilio::Twilio;
