//! With whom a caller is connected.

use crate::Numbers;

/// With whom the caller of a call that is up is connected. Every such call has exactly one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Party {
    /// An AI agent: this is a live user.
    Agent,
    /// Nobody yet, or nobody for now: dialling, ringing, in a queue, on hold.
    Waiting,
    /// A person, to whom the agent has handed the caller over.
    Person,
    /// No caller at all: a voicemail or a fax has answered.
    Machine,
}

impl Party {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 4] = [Self::Agent, Self::Waiting, Self::Person, Self::Machine];
}

/// Who or what has answered a call, as the provider's machine detection says. Of several answers
/// the greatest counts: a machine may be recognised late, and never turns into a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AnsweredBy {
    /// A person.
    Human,
    /// A voicemail or another machine.
    Machine,
    /// A fax.
    Fax,
}

/// What is at the other end of a leg.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Endpoint {
    /// A person, such as a colleague.
    Person,
    /// An AI agent.
    Agent,
}

/// What a request that belongs to the call itself says about the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Connection {
    /// The agent talks to the caller.
    Agent,
    /// The caller waits in a queue.
    Waiting,
    /// Somebody takes the caller out of the queue.
    Person,
    /// There is no caller: a voicemail has answered, or a fax.
    Machine,
}

/// The numbers of each party, and the number that is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Breakdown {
    /// The live users and live calls: those with an agent, and also those with a person if
    /// [`Counting::handed_over`] says so.
    pub live: Numbers,
    /// The users and calls of each party, in the order of [`Party::ALL`].
    pub parties: [Numbers; 4],
}

impl Breakdown {
    /// The users and calls of one party.
    pub fn of(&self, party: Party) -> Numbers {
        self.parties[party as usize]
    }

    /// All users and calls that are up: the sum of the four parties. A person with two calls that
    /// differ in their party is in it twice.
    pub fn on_the_line(&self) -> Numbers {
        self.parties.iter().fold(Numbers::default(), |sum, it| Numbers {
            users: sum.users + it.users,
            calls: sum.calls + it.calls,
        })
    }
}

/// What is counted as a live user.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counting {
    /// Callers who were handed over to a person count too.
    pub handed_over: bool,
    /// Each call is a user, also of two calls of one person.
    pub by_call: bool,
}

impl Counting {
    /// Whether calls with this party are counted as live.
    pub fn counts(self, party: Party) -> bool {
        match party {
            Party::Agent => true,
            Party::Person => self.handed_over,
            Party::Waiting | Party::Machine => false,
        }
    }
}
