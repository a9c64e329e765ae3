//! Starts the real binaries for black-box tests: on port 0, with no environment but the given
//! one, ended when the test ends. Speaks to them as Twilio does and, with the feature `streams`,
//! listens to them; with the feature `browser` it looks at them with a real Chromium.

#[cfg(feature = "browser")]
mod browser;
mod http;
mod server;
#[cfg(feature = "streams")]
mod streams;
mod twilio;

#[cfg(feature = "browser")]
pub use browser::Browser;
pub use http::{Answer, get, send, try_send};
pub use server::{Server, exit_of};
#[cfg(feature = "streams")]
pub use streams::{Events, Heard, Socket};
pub use twilio::Twilio;
