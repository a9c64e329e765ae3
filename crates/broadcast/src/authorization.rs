//! Whether the reader of an open stream may still read.

/// Returns whether a reader may still read. It is called before each frame and each heartbeat.
pub type Authorization = Box<dyn Fn() -> bool>;

/// A reader without a check may always read.
pub(crate) fn is_authorized(authorization: Option<&Authorization>) -> bool {
    authorization.is_none_or(|authorization| authorization())
}
