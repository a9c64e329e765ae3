//! Whether the reader of an open stream may still read.

/// Returns whether a reader may still read. It is called before each frame and each heartbeat, on a
/// thread of the streams.
pub type Authorization = Box<dyn Fn() -> bool + Send>;

/// A reader without a check may always read.
pub(crate) fn is_authorized(authorization: Option<&Authorization>) -> bool {
    authorization.is_none_or(|authorization| authorization())
}

/// Who reads a stream.
pub enum Reader {
    /// Anybody, in a place for everybody.
    Public,
    /// The same, while what is read is for everybody.
    PublicWhile(Authorization),
    /// Somebody who has shown that it is allowed. Places are kept for such readers.
    Authorized(Option<Authorization>),
}

impl Reader {
    pub(crate) fn authorization(self) -> Option<Authorization> {
        match self {
            Self::Public => None,
            Self::PublicWhile(authorization) => Some(authorization),
            Self::Authorized(authorization) => authorization,
        }
    }
}
