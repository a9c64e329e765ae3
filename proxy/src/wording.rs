//! Errors in the language of a reader.

use crate::error::UpstreamError;
use crate::language::{Language, Value};
use crate::scope::ScopeError;
use crate::upstream::LookupError;

impl LookupError {
    /// The same in the language of a reader.
    pub(crate) fn in_words(self, language: Language) -> String {
        match self {
            Self::Upstream(error) => error.in_words(language),
            Self::Throttled => language.t("server.throttled").to_owned(),
            Self::Refused => language.t("server.refused").to_owned(),
            Self::Busy => language.t("server.manyLookups").to_owned(),
            Self::Scope(ScopeError::NotAnAccess) => UpstreamError::NotAnAccess.in_words(language),
            // It is for who has written the settings, and names one.
            Self::Scope(error @ ScopeError::TooLong) => error.to_string(),
        }
    }
}

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
