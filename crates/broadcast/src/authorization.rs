//! Whether a reader may go on reading while its stream is open.

/// Says whether a reader may still read. It is asked before each frame and each heartbeat.
pub type Welcome = Box<dyn Fn() -> bool>;

/// Readers without such a check may always read.
pub(crate) fn is_welcome(welcome: Option<&Welcome>) -> bool {
    welcome.is_none_or(|welcome| welcome())
}
