//! The latch that stops appends after a failed one.
//!
//! After a failed append it is not known what is stored. A second append could then end up before
//! it, or be acknowledged in its place. So every engine has a latch. The first failure closes it.
//! Only a recovery, which reads what is stored, opens it again.

use crate::JournalError;

/// Closed by a failed append, opened by a recovery. Everything that writes records checks it first.
#[derive(Debug, Default)]
pub(crate) struct Latch {
    /// Why the append failed.
    closed_by: Option<String>,
}

impl Latch {
    /// Fails with [`JournalError::Latched`] while it is closed.
    pub(crate) fn check(&self) -> Result<(), JournalError> {
        match &self.closed_by {
            Some(why) => Err(JournalError::Latched { why: why.clone() }),
            None => Ok(()),
        }
    }

    #[cfg(any(feature = "nats", feature = "sqlite"))]
    pub(crate) fn is_closed(&self) -> bool {
        self.closed_by.is_some()
    }

    /// Returns the result of an append, and closes the latch if it is an error.
    pub(crate) fn watch<T>(&mut self, result: Result<T, JournalError>) -> Result<T, JournalError> {
        if let Err(error) = &result {
            self.closed_by = Some(error.to_string());
        }
        result
    }

    /// Only for a recovery that knows what is stored, or for a new log that replaced the old one.
    pub(crate) fn open(&mut self) {
        self.closed_by = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_closed_from_a_failure_until_it_is_opened() {
        let mut latch = Latch::default();
        assert_eq!(latch.watch(Ok(5)).unwrap(), 5);
        latch.check().unwrap();
        let failure = JournalError::Full { path: "the disk".into() };
        let why = failure.to_string();
        assert_eq!(latch.watch::<()>(Err(failure)).unwrap_err().to_string(), why);
        let error = latch.check().unwrap_err();
        assert_eq!(error.to_string(), format!("nothing is appended since an append failed: {why}"));
        latch.open();
        latch.check().unwrap();
    }
}
