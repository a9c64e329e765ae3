//! Starts the real binaries for black-box tests: on port 0, with no environment but the given
//! one, ended when the test ends.

mod server;

pub use server::{Server, exit_of};
