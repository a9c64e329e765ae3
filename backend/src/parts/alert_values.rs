//! The value of each alert at the last look: for what is told between two changes of it.

use std::collections::BTreeMap;
use std::time::Duration;

use live_users_intake::alerts::AlertTable;
use tokio::sync::watch;
use tokio::time::timeout;

/// The longest wait for the first look at an alert. There is one each second.
const PATIENCE: Duration = Duration::from_secs(3);

/// The value of each alert at the last look, with its table then.
pub(crate) type Values = BTreeMap<String, (AlertTable, Option<u64>)>;

/// The values at the last look of this backend.
#[derive(Debug)]
pub(crate) struct AlertValues(watch::Sender<Values>);

impl Default for AlertValues {
    fn default() -> Self {
        Self(watch::Sender::new(Values::new()))
    }
}

impl AlertValues {
    /// Notes a look.
    pub(crate) fn set(&self, values: Values) {
        self.0.send_replace(values);
    }

    /// The value of the alert with this id, if it has one that is known.
    pub(crate) fn of(&self, alert: &str) -> Option<u64> {
        self.0.borrow().get(alert).and_then(|(_, value)| *value)
    }

    /// The value of an alert that the file may have had only for a moment.
    pub(crate) async fn of_table(&self, table: &AlertTable) -> Option<u64> {
        let mut values = self.0.subscribe();
        let is_it = |values: &Values| values.get(&table.id).is_some_and(|(it, _)| it == table);
        let _seen_or_not = timeout(PATIENCE, values.wait_for(is_it)).await;
        self.of(&table.id)
    }
}
