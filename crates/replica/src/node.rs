//! A replica and its journal. Both drivers use this to carry out operations on the log.

use live_users_journal::{Journal, JournalError};
use live_users_state::replay_with;

use crate::io::{Effect, Input, LogAnswer, LogRequest, Now};
use crate::replica::Replica;

/// A replica, and the journal that takes its requests.
pub struct Node {
    replica: Replica,
    journal: Box<dyn Journal>,
}

impl Node {
    /// Joins the two. The replica has to be one that was replayed from this journal.
    pub fn new(replica: Replica, journal: Box<dyn Journal>) -> Self {
        Self { replica, journal }
    }

    /// The replica, for reading.
    pub fn replica(&self) -> &Replica {
        &self.replica
    }

    /// The journal, for reading.
    pub fn journal(&self) -> &dyn Journal {
        &*self.journal
    }

    /// The journal, for a driver that has to refresh it.
    ///
    /// Trap: do not append through it. The replica would not apply those records.
    pub fn journal_mut(&mut self) -> &mut dyn Journal {
        &mut *self.journal
    }

    /// Takes an input, answers each request to the log at once, and passes each effect to `perform`
    /// in order. Effects come before the next request, so an acknowledgement does not wait for it.
    ///
    /// It calls `now` once for each step of the replica.
    pub fn step(
        &mut self,
        mut now: impl FnMut() -> Now,
        input: Input,
        perform: &mut dyn FnMut(&Replica, Effect),
    ) {
        let mut input = input;
        loop {
            let output = self.replica.step(now(), input);
            for effect in output.effects {
                perform(&self.replica, effect);
            }
            let Some(request) = output.log else { return };
            input = Input::Log(execute(&mut *self.journal, request));
        }
    }

    /// Applies the records of other replicas that can be read here.
    ///
    /// Trap: this asks the journal for its end before it calls `now`. So `now` has to return a moment
    /// that was sampled before the call, or a state may pass for fresh that lacks a record.
    pub fn catch_up(
        &mut self,
        now: impl FnMut() -> Now,
        perform: &mut dyn FnMut(&Replica, Effect),
    ) {
        let end = self.journal.position();
        self.step(now, Input::Grown(end), perform);
    }
}

/// Carries out one operation on the log. It blocks for as long as the journal does.
fn execute(journal: &mut dyn Journal, request: LogRequest) -> LogAnswer {
    match request {
        LogRequest::Append(batch) => LogAnswer::Appended(journal.append(&batch)),
        LogRequest::Read { from_seq, limit } => {
            let page = journal.read(from_seq, limit).and_then(|page| match page.is_empty() {
                false => Ok(page),
                true => {
                    let (first, last) = (journal.first_seq(), from_seq.saturating_sub(1));
                    Err(JournalError::NotThere { wanted: from_seq, first, last })
                }
            });
            LogAnswer::Page(page)
        }
        LogRequest::Refresh => LogAnswer::Refreshed(journal.refresh()),
        LogRequest::Check => LogAnswer::Checked(journal.check()),
        LogRequest::Rewrite { snapshot } => {
            LogAnswer::Rewritten(journal.rewrite(&mut std::iter::empty(), &snapshot))
        }
        LogRequest::Recover => {
            let recovered = journal.recover();
            LogAnswer::Recovered(recovered.map(|()| journal.position()))
        }
        LogRequest::Rebuild(settings) => {
            let replayed = replay_with(journal, settings);
            LogAnswer::Rebuilt(Box::new(replayed.map(|replayed| (replayed, journal.position()))))
        }
        LogRequest::Trim { before_seq } => {
            let first = journal.first_seq();
            LogAnswer::Trimmed(match first < before_seq {
                true => journal.trim(before_seq),
                false => Ok(first),
            })
        }
    }
}
