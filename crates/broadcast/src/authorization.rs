//! Whether a reader may go on reading while its stream is open.

/// Says whether a reader may still read. It is asked before each frame and each heartbeat.
pub type Authorization = Box<dyn Fn() -> bool>;

/// Readers without such a check may always read.
pub(crate) fn is_authorized(authorization: Option<&Authorization>) -> bool {
    authorization.is_none_or(|authorization| authorization())
}
