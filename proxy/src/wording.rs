//! Errors in the language of a reader.

use crate::error::UpstreamError;
use crate::language::{Language, Value};

impl UpstreamError {
    /// The same in the language of a reader. `live-users-server-errors.js` does it in browsers.
    pub(crate) fn in_words(self, language: Language) -> String {
        let Self::Status(status) = self else { return language.t(self.key()).to_owned() };
        language.with(self.key(), &[("status", Value::Text(&status.to_string()))])
    }

    fn key(self) -> &'static str {
        match self {
            Self::Unreachable => "server.unreachable",
            Self::Broken => "server.broken",
            Self::Slow => "server.slow",
            Self::Redirect => "server.redirect",
            Self::Status(_) => "server.status",
            Self::TooBig => "server.tooBig",
            Self::NotJson => "server.notJson",
            Self::NotACount => "server.notACount",
            Self::NotAnObject => "server.notAnObject",
            Self::NotAPicture => "server.notAPicture",
            Self::NotRows => "server.notRows",
            Self::NotAStream => "server.notAStream",
            Self::NotAnAccess => "server.notAnAccess",
            Self::AccessEnded => "server.accessEnded",
            Self::NoSuchAgent => "server.noSuchAgent",
            Self::NotOfAgent => "server.notOfAgent",
            Self::Ended => "server.ended",
            Self::SlowReader => "server.slowReader",
            Self::Interrupted => "server.interrupted",
        }
    }
}
