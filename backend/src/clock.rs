//! What time it is: the journal's, which is this machine's unless the journal is shared.

use live_users_core::Millis;
use live_users_journal::Contact;

use crate::config::system_clock;

/// Tells the time, and how old what is known here is. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Clock(Contact);

impl Clock {
    pub(crate) fn of(contact: Contact) -> Self {
        Self(contact)
    }

    /// Now.
    pub(crate) fn now(&self) -> Millis {
        Millis(self.0.ms(system_clock().0))
    }

    /// For how long nothing is known of what other replicas may have recorded, in milliseconds.
    pub(crate) fn age_ms(&self) -> u64 {
        u64::try_from(self.0.age().as_millis()).unwrap_or(u64::MAX)
    }
}
