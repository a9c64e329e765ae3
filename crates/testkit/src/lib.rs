//! Starts the real binaries for black-box tests: on port 0, with no environment but the given
//! one, ended when the test ends. Speaks to them as Twilio does and, with the feature `browser`,
//! looks at them with a real Chromium.

#[cfg(feature = "browser")]
mod browser;
mod http;
mod server;
mod twilio;

#[cfg(feature = "browser")]
pub use browser::Browser;
pub use http::{Answer, get, send, try_send};
pub use server::{Server, exit_of};
pub use twilio::Twilio;
