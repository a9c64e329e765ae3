//! Reads the journal as it grows, without any rule of a replica. Each replica is compared with it.

use live_users_core::Numbers;
use live_users_journal::{Journal, Memory, PageLimit, Part, Position};
use live_users_replica::Replica;
use live_users_state::{Replayed, State, decode, replay_with, snapshot};

use crate::lossy::live_users::{COMPARE_ALWAYS_CALLS, settings};

/// The state by the journal alone.
pub(super) struct Observer {
    journal: Box<dyn Journal>,
    state: State,
    at: Position,
}

/// What was seen of a replica at the last check.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Seen {
    at: Position,
    numbers: Numbers,
}

impl Seen {
    pub(super) fn of(replica: &Replica) -> Self {
        Self { at: replica.position(), numbers: replica.state().tracker().numbers() }
    }
}

impl Observer {
    pub(super) fn new(log: &Memory) -> Result<Self, String> {
        let (journal, _) = log.open_shared().map_err(|error| error.to_string())?;
        let Replayed { state, at, .. } =
            replay_with(&*journal, settings()).map_err(|error| error.to_string())?;
        Ok(Self { journal, state, at })
    }

    pub(super) fn state(&self) -> &State {
        &self.state
    }

    pub(super) fn seq(&self) -> u64 {
        self.at.seq
    }

    fn read_on(&mut self) -> Result<(), String> {
        let end = self.journal.refresh().map_err(|error| error.to_string())?;
        while self.at.seq < end.seq {
            let page = self.journal.read(self.at.seq + 1, PageLimit::default());
            for stored in page.map_err(|error| error.to_string())? {
                self.state.apply(&decode(&stored).map_err(|error| error.to_string())?);
                self.at.seq = stored.seq;
            }
        }
        Ok(())
    }

    /// Compares a replica with the journal after it has done something. It has to be where it was,
    /// or at the journal's end.
    ///
    /// # Errors
    /// How the replica differs from the journal.
    pub(super) fn check(
        &mut self,
        n: usize,
        before: Seen,
        replica: &Replica,
    ) -> Result<Seen, String> {
        self.read_on().map_err(|why| format!("the journal cannot be followed: {why}"))?;
        let now = Seen::of(replica);
        let end = Seen { at: self.at, numbers: self.state.tracker().numbers() };
        if replica.is_unreadable() {
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

    /// Compares the state of a replica byte for byte, if it is at the journal's end, and not so
    /// large that it takes too long.
    ///
    /// # Errors
    /// If the states differ.
    pub(super) fn compare(&self, n: usize, replica: &Replica) -> Result<(), String> {
        let few = self.state.tracker().known() <= COMPARE_ALWAYS_CALLS;
        if !few || replica.position() != self.at {
            return Ok(());
        }
        match snapshot::encode(replica.state()) == snapshot::encode(&self.state) {
            true => Ok(()),
            false => Err(format!("the state of replica {n} is not what the journal tells")),
        }
    }
}

/// The bytes of the state that a replay of the whole journal gives now.
pub(super) fn fresh(log: &Memory) -> Result<Vec<Part>, String> {
    let (journal, _) = log.open_shared().map_err(|error| error.to_string())?;
    let replayed = replay_with(&*journal, settings()).map_err(|error| error.to_string())?;
    Ok(snapshot::encode(&replayed.state))
}
