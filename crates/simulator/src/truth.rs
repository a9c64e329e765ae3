//! With whom the person of a call talks, moment by moment.

use std::sync::Arc;

pub use live_users_core::Party;

/// The party of a call and the agent that it belongs to.
pub type Standing = (Party, Arc<str>);

/// A part of a call in which its party and its agent stay the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// With whom the person is connected.
    pub party: Party,
    /// The id of the agent. Where agents have no ids it is the number.
    pub agent: Arc<str>,
    /// From this moment on, in milliseconds from the beginning of the world.
    pub from_ms: u64,
    /// Until this moment.
    pub to_ms: u64,
}

impl Stretch {
    /// The party and the agent.
    pub fn standing(&self) -> Standing {
        (self.party, Arc::clone(&self.agent))
    }
}

/// Writes the stretches of one call down, in the order of time.
#[derive(Debug, Default)]
pub(crate) struct Course {
    stretches: Vec<Stretch>,
    open: Option<(u64, Standing)>,
}

impl Course {
    /// From this moment on the call stands so; `None`: it is over.
    pub(crate) fn turn(&mut self, now_ms: u64, standing: Option<Standing>) {
        if self.open.as_ref().map(|(_, open)| open) == standing.as_ref() {
            return;
        }
        if let Some((from_ms, (party, agent))) = self.open.take().filter(|open| open.0 < now_ms) {
            self.stretches.push(Stretch { party, agent, from_ms, to_ms: now_ms });
        }
        self.open = standing.map(|standing| (now_ms, standing));
    }

    /// The stretches of a call that is over.
    pub(crate) fn into_stretches(self) -> Vec<Stretch> {
        debug_assert!(self.open.is_none(), "the call is over");
        self.stretches
    }
}

/// The same course as a rule sees it that does not know parties: from the answer to the end with
/// the agent that was there first.
pub(crate) fn without_parties(stretches: &[Stretch]) -> Vec<Stretch> {
    let answered = stretches.iter().find(|stretch| stretch.party != Party::Waiting);
    let whole = answered.zip(stretches.last()).map(|(answered, last)| Stretch {
        party: Party::Agent,
        to_ms: last.to_ms,
        ..answered.clone()
    });
    whole.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stretches_follow_each_other_without_gaps_and_the_empty_ones_are_left_out() {
        let standing = |party, agent: &str| Some((party, Arc::from(agent)));
        let mut course = Course::default();
        course.turn(1, standing(Party::Waiting, "a"));
        course.turn(5, standing(Party::Agent, "a"));
        course.turn(6, standing(Party::Agent, "a"));
        course.turn(9, standing(Party::Person, "a"));
        course.turn(9, standing(Party::Agent, "b"));
        course.turn(12, None);
        let stretch = |party, agent: &str, from_ms, to_ms| Stretch {
            party,
            agent: Arc::from(agent),
            from_ms,
            to_ms,
        };
        let expected = [
            stretch(Party::Waiting, "a", 1, 5),
            stretch(Party::Agent, "a", 5, 9),
            stretch(Party::Agent, "b", 9, 12),
        ];
        let stretches = course.into_stretches();
        assert_eq!(stretches, expected);
        assert_eq!(without_parties(&stretches), [stretch(Party::Agent, "a", 5, 12)]);
        assert_eq!(without_parties(&expected[..1]), []);
    }
}
