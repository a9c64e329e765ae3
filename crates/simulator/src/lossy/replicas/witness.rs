//! Reads the journal as it grows and is told nothing else: each replica is held against it.

use live_users_core::Numbers;
use live_users_journal::{Memory, Position};
use live_users_state::{State, Writer, replay, snapshot};

use crate::lossy::live_users::{COMPARE_ALWAYS_CALLS, MAX_CALL_MS};

/// What the journal tells.
pub(super) struct Witness {
    writer: Writer,
}

/// What a replica told when it was last looked at.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Seen {
    at: Position,
    numbers: Numbers,
}

impl Seen {
    pub(super) fn of(writer: &Writer) -> Self {
        Self { at: writer.position(), numbers: writer.state().tracker().numbers() }
    }
}

impl Witness {
    pub(super) fn new(log: &Memory) -> Result<Self, String> {
        let (journal, _) = log.open_shared().map_err(|error| error.to_string())?;
        let replayed = replay(&*journal).map_err(|error| error.to_string())?;
        let writer = Writer::new(journal, replayed, Box::new(|_, _| {}), None, MAX_CALL_MS);
        Ok(Self { writer })
    }

    pub(super) fn state(&self) -> &State {
        self.writer.state()
    }

    pub(super) fn seq(&self) -> u64 {
        self.writer.position().seq
    }

    /// Holds a replica that has just done something, and has seen this before, against the
    /// journal: it is where it was, or at the journal's end.
    ///
    /// # Errors
    /// What it tells that the journal does not.
    pub(super) fn check(
        &mut self,
        n: usize,
        before: Seen,
        writer: &Writer,
    ) -> Result<Seen, String> {
        if !self.writer.refresh() {
            return Err("the journal cannot be followed".to_owned());
        }
        let now = Seen::of(writer);
        let end = Seen::of(&self.writer);
        if writer.has_ended() {
            return Err(format!("replica {n} does not understand the journal"));
        }
        if now != before && now != end {
            let Seen { at, numbers } = now;
            return Err(format!(
                "replica {n} counts {numbers:?} at {at}, and was at {} before; the journal tells \
                 {:?} at {}",
                before.at, end.numbers, end.at
            ));
        }
        Ok(now)
    }

    /// Compares the state of a replica byte for byte, if it is at the end of the journal and it is
    /// not too much to do so often.
    ///
    /// # Errors
    /// If it is another one.
    pub(super) fn compare(&self, n: usize, writer: &Writer) -> Result<(), String> {
        let few = self.state().tracker().known() <= COMPARE_ALWAYS_CALLS;
        if !few || writer.position() != self.writer.position() {
            return Ok(());
        }
        match snapshot::encode(writer.state()) == snapshot::encode(self.state()) {
            true => Ok(()),
            false => Err(format!("the state of replica {n} is not what the journal tells")),
        }
    }
}

/// The state of the journal as somebody finds it who comes now, in bytes.
pub(super) fn fresh(log: &Memory) -> Result<Vec<u8>, String> {
    let (journal, _) = log.open_shared().map_err(|error| error.to_string())?;
    let replayed = replay(&*journal).map_err(|error| error.to_string())?;
    Ok(snapshot::encode(&replayed.state))
}
