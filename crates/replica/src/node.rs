//! A replica on its journal: what both drivers do with the log, in one place.

use live_users_journal::{Journal, JournalError};
use live_users_state::replay_keeping;

use crate::io::{Effect, Input, LogAnswer, LogRequest, Now};
use crate::replica::Replica;

/// A replica, and the journal that its requests go to.
pub struct Node {
    replica: Replica,
    journal: Box<dyn Journal>,
}

impl Node {
    /// Joins the two. The replica holds what this journal tells.
    pub fn new(replica: Replica, journal: Box<dyn Journal>) -> Self {
        Self { replica, journal }
    }

    /// The replica, to be read.
    pub fn replica(&self) -> &Replica {
        &self.replica
    }

    /// The journal, to be read.
    pub fn journal(&self) -> &dyn Journal {
        &*self.journal
    }

    /// The journal, for a driver that has to move it along. Appending past the replica would leave it
    /// behind.
    pub fn journal_mut(&mut self) -> &mut dyn Journal {
        &mut *self.journal
    }

    /// Takes an input in, answers each request to the log at once, and hands each effect to
    /// `perform` in its order: between two requests, so that an acknowledgement does not wait for
    /// what comes behind it.
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

    /// Applies what others have appended, as far as it is known here.
    pub fn catch_up(
        &mut self,
        now: impl FnMut() -> Now,
        perform: &mut dyn FnMut(&Replica, Effect),
    ) {
        let end = self.journal.position();
        self.step(now, Input::Grown(end), perform);
    }
}

/// Does what a replica asks of the log. It blocks for as long as the journal does.
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
        LogRequest::Recover => {
            let recovered = journal.recover();
            LogAnswer::Recovered(recovered.map(|()| journal.position()))
        }
        LogRequest::Rebuild(retention) => {
            let replayed = replay_keeping(journal, retention);
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
