//! The small facts about a call, packed into two bytes: there may be a million calls.

use crate::{AgentFrom, AnsweredBy, Direction, Endpoint, Party};

/// How strong the word about a call's agent is that stands. The stronger one counts; of two equal
/// ones the greater agent, except that the last [`Word::LAST`] counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Word(u16);

impl Word {
    /// The number or address.
    pub(crate) const NUMBER: Self = Self(0);
    /// The URL of a status callback.
    pub(crate) const CALLBACK: Self = Self(1);
    /// The URL of a call's first voice request.
    pub(crate) const FIRST: Self = Self(2);
    /// The URL of a voice request of a call that is in progress: the last one counts.
    pub(crate) const LAST: Self = Self(3);

    pub(crate) fn agent_from(self) -> AgentFrom {
        if self == Self::NUMBER { AgentFrom::Address } else { AgentFrom::Url }
    }

    /// Its place in [`crate::Call::word`].
    pub(crate) fn level(self) -> u8 {
        u8::try_from(self.0).unwrap_or(u8::MAX)
    }

    /// The word of this level; of an older snapshot, which has none, by how the agent is known.
    pub(crate) fn of_level(level: u8, from: AgentFrom) -> Self {
        match (level, from) {
            (0, AgentFrom::Url) => Self::CALLBACK,
            (level, _) => Self(u16::from(level.min(3))),
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Flags(u16);

/// A field of [`Flags`]: where it begins, and how many bits it has.
#[derive(Clone, Copy)]
struct Field(u16, u16);

const DIRECTION: Field = Field(0, 2);
const WORD: Field = Field(2, 2);
const ANSWERED_BY: Field = Field(4, 2);
const ENDPOINT: Field = Field(6, 2);
const PARTY: Field = Field(8, 3);
const LEG: Field = Field(11, 1);
const PROVEN: Field = Field(12, 1);
const COLLEAGUE: Field = Field(13, 1);
const LINKED: Field = Field(14, 1);
const AWAITING: Field = Field(15, 1);

impl Flags {
    fn get(self, Field(at, bits): Field) -> u16 {
        self.0 >> at & ((1 << bits) - 1)
    }

    fn set(&mut self, Field(at, bits): Field, value: u16) {
        let mask: u16 = ((1 << bits) - 1) << at;
        self.0 = self.0 & !mask | value << at & mask;
    }

    pub(crate) fn direction(self) -> Option<Direction> {
        match self.get(DIRECTION) {
            1 => Some(Direction::Inbound),
            2 => Some(Direction::Outbound),
            3 => Some(Direction::Dial),
            _ => None,
        }
    }

    pub(crate) fn set_direction(&mut self, direction: Option<Direction>) {
        let value = match direction {
            None => 0,
            Some(Direction::Inbound) => 1,
            Some(Direction::Outbound) => 2,
            Some(Direction::Dial) => 3,
        };
        self.set(DIRECTION, value);
    }

    pub(crate) fn word(self) -> Word {
        Word(self.get(WORD))
    }

    pub(crate) fn set_word(&mut self, Word(word): Word) {
        self.set(WORD, word);
    }

    pub(crate) fn answered_by(self) -> Option<AnsweredBy> {
        match self.get(ANSWERED_BY) {
            1 => Some(AnsweredBy::Human),
            2 => Some(AnsweredBy::Machine),
            3 => Some(AnsweredBy::Fax),
            _ => None,
        }
    }

    pub(crate) fn set_answered_by(&mut self, answered_by: Option<AnsweredBy>) {
        let value = match answered_by {
            None => 0,
            Some(AnsweredBy::Human) => 1,
            Some(AnsweredBy::Machine) => 2,
            Some(AnsweredBy::Fax) => 3,
        };
        self.set(ANSWERED_BY, value);
    }

    pub(crate) fn is_machine(self) -> bool {
        matches!(self.answered_by(), Some(AnsweredBy::Machine | AnsweredBy::Fax))
    }

    pub(crate) fn endpoint(self) -> Option<Endpoint> {
        match self.get(ENDPOINT) {
            1 => Some(Endpoint::Person),
            2 => Some(Endpoint::Agent),
            _ => None,
        }
    }

    pub(crate) fn set_endpoint(&mut self, endpoint: Option<Endpoint>) {
        let value = match endpoint {
            None => 0,
            Some(Endpoint::Person) => 1,
            Some(Endpoint::Agent) => 2,
        };
        self.set(ENDPOINT, value);
    }

    /// With whom the caller is connected, as the sets have it: the present member of the sets.
    pub(crate) fn party(self) -> Option<Party> {
        let at = usize::from(self.get(PARTY)).checked_sub(1)?;
        Party::ALL.get(at).copied()
    }

    pub(crate) fn set_party(&mut self, party: Option<Party>) {
        self.set(PARTY, party.map_or(0, |party| party as u16 + 1));
    }

    /// Whether it is a leg of another call.
    pub(crate) fn is_leg(self) -> bool {
        self.get(LEG) == 1
    }

    pub(crate) fn set_leg(&mut self, is_leg: bool) {
        self.set(LEG, u16::from(is_leg));
    }

    /// Whether something said that the call talks with an agent.
    pub(crate) fn is_proven(self) -> bool {
        self.get(PROVEN) == 1
    }

    pub(crate) fn set_proven(&mut self, is_proven: bool) {
        self.set(PROVEN, u16::from(is_proven));
    }

    /// Whether it is held for a colleague's call.
    pub(crate) fn is_colleague(self) -> bool {
        self.get(COLLEAGUE) == 1
    }

    pub(crate) fn set_colleague(&mut self, is_colleague: bool) {
        self.set(COLLEAGUE, u16::from(is_colleague));
    }

    /// Whether the caller waits in a conference for somebody, as the sets have it.
    pub(crate) fn is_awaiting(self) -> bool {
        self.get(AWAITING) == 1
    }

    pub(crate) fn set_awaiting(&mut self, is_awaiting: bool) {
        self.set(AWAITING, u16::from(is_awaiting));
    }

    /// Whether the tracker has [`crate::links::Links`] of it.
    pub(crate) fn is_linked(self) -> bool {
        self.get(LINKED) == 1
    }

    pub(crate) fn set_linked(&mut self, is_linked: bool) {
        self.set(LINKED, u16::from(is_linked));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_fact_is_kept_apart() {
        let mut flags = Flags::default();
        flags.set_direction(Some(Direction::Dial));
        flags.set_word(Word::LAST);
        flags.set_answered_by(Some(AnsweredBy::Fax));
        flags.set_endpoint(Some(Endpoint::Agent));
        flags.set_leg(true);
        flags.set_proven(true);
        flags.set_colleague(true);
        flags.set_linked(true);
        for party in Party::ALL.map(Some).into_iter().chain([None]) {
            flags.set_party(party);
            assert_eq!(flags.party(), party);
            assert_eq!(flags.direction(), Some(Direction::Dial));
            assert_eq!((flags.word(), flags.answered_by()), (Word::LAST, Some(AnsweredBy::Fax)));
            assert_eq!(flags.endpoint(), Some(Endpoint::Agent));
            let all = [flags.is_leg(), flags.is_proven(), flags.is_colleague(), flags.is_linked()];
            assert_eq!(all, [true; 4]);
        }
        flags.set_answered_by(None);
        flags.set_endpoint(None);
        flags.set_colleague(false);
        assert_eq!((flags.answered_by(), flags.endpoint()), (None, None));
        assert_eq!((flags.is_colleague(), flags.is_linked()), (false, true));
    }
}
