//! Whose numbers the last piece of evidence has touched, so that whoever follows them need not
//! look at all agents after each.

use crate::crowd::Crowd;
use crate::intern::Key;
use crate::tracker::{Crowds, Standing};
use crate::{Agent, Numbers, Tracker};

/// The numbers of one agent before and after a piece of evidence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Move {
    /// Whose.
    pub agent: Agent,
    /// Before it.
    pub before: Numbers,
    /// After it: the same as before it, if a call has only taken the place of another caller.
    pub after: Numbers,
}

/// At most two: a call that turns out to be another agent's leaves one and enters the other.
pub(crate) type Moves = [Option<Move>; 2];

impl Tracker {
    /// The agents whose live calls the last [`Tracker::apply`] has touched: at most two, and none
    /// if it touched none.
    pub fn moves(&self) -> impl Iterator<Item = &Move> {
        self.moves.iter().flatten()
    }

    /// Notes what a call does that moves from one standing to another; `numbers` are those of the
    /// two agents before it did.
    pub(crate) fn note_moves(&mut self, was: Standing, is: Standing, numbers: [Numbers; 2]) {
        let [first, second] = [was.agent, is.agent];
        let noted = |key, before| Move {
            agent: self.agents.value(key).clone(),
            before,
            after: self.crowds.of_agent(key),
        };
        let second = (second != first).then(|| noted(second, numbers[1]));
        self.moves = [Some(noted(first, numbers[0])), second];
    }
}

impl Crowds {
    pub(crate) fn of_agent(&self, Key(key): Key) -> Numbers {
        self.by_agent.get(key as usize).map(Crowd::numbers).unwrap_or_default()
    }
}
