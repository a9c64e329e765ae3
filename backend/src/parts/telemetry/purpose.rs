//! Why requests go out.

/// Why a request goes out.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Purpose {
    /// The chat of an agent is asked.
    Chat,
    /// A hook is told.
    Hook,
    /// A status callback is passed on.
    StatusCallback,
}

impl Purpose {
    /// Its name in a span.
    #[cfg(feature = "otlp")]
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Hook => "hook",
            Self::StatusCallback => "status_callback",
        }
    }
}
