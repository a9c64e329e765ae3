//! Starts the real binaries for black-box tests: on port 0, with no environment but the given
//! one, ended when the test ends. Speaks to them as Twilio and as a browser would.

mod http;
mod server;
mod twilio;

pub use http::{Answer, get, send};
pub use server::{Server, exit_of};
pub use twilio::Twilio;
