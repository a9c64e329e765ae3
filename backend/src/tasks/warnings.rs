//! Writes into the log what the journal warns of.

use std::collections::BTreeMap;
use std::time::Duration;

use live_users_journal::{ReplicationStatus, WarningKind};
use log::{info, warn};

/// How often the warnings are compared with those that are in the log.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Runs until it is aborted. Each warning is written once, until it changes or is over.
pub(crate) async fn run(status: ReplicationStatus) {
    let mut told = Told::default();
    loop {
        for line in told.changes(status.warnings()) {
            match line {
                Line::Begins(text) => warn!("{text}"),
                Line::Ends(kind) => info!("the warning {} of the journal is over", kind.name()),
            }
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// The warnings that are in the log and not over.
#[derive(Default)]
struct Told(BTreeMap<WarningKind, String>);

#[derive(Debug, PartialEq, Eq)]
enum Line {
    Begins(String),
    Ends(WarningKind),
}

impl Told {
    fn changes(&mut self, now: Vec<(WarningKind, String)>) -> Vec<Line> {
        let now: BTreeMap<_, _> = now.into_iter().collect();
        let ends = self.0.keys().filter(|it| !now.contains_key(it)).map(|it| Line::Ends(*it));
        let is_new = |(kind, text): &(&WarningKind, &String)| self.0.get(kind) != Some(text);
        let begins = now.iter().filter(is_new).map(|(_, text)| Line::Begins(text.clone()));
        let lines = ends.chain(begins).collect();
        self.0 = now;
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_warning_is_written_once_and_again_when_it_changes() {
        let (old, lost) = (WarningKind::OldServers, WarningKind::LostStream);
        let text = |text: &str| text.to_owned();
        let mut told = Told::default();
        assert_eq!(told.changes(vec![]), []);
        assert_eq!(told.changes(vec![(old, text("a"))]), [Line::Begins(text("a"))]);
        assert_eq!(told.changes(vec![(old, text("a"))]), []);
        let both = vec![(old, text("b")), (lost, text("c"))];
        assert_eq!(told.changes(both), [Line::Begins(text("b")), Line::Begins(text("c"))]);
        assert_eq!(told.changes(vec![(lost, text("c"))]), [Line::Ends(old)]);
    }
}
