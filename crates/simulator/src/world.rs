//! A world from a seed: which calls there are, what Twilio sends of them and when, and with whom
//! each person is truly connected.

use std::collections::BTreeSet;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::caller::Caller;
use crate::life::{AgentLine, Life, Talk, Writer};
use crate::truth::{Party, Stretch};

/// How much there is in a world.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorldSize {
    /// How many calls.
    pub calls: usize,
    /// Within which time they begin, in milliseconds.
    pub starts_within_ms: u64,
    /// The numbers that the agents answer; at least one.
    pub agent_numbers: Vec<String>,
}

/// All that will happen. The same seed and size give the same world.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct World {
    /// The calls, in the order in which they begin.
    pub calls: Vec<Call>,
}

/// One call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// Its CallSid.
    pub sid: String,
    /// Who the person is; `None` if the number is withheld or shared.
    pub person: Option<String>,
    /// With whom the person is connected, in the order of time and without gaps.
    pub truth: Vec<Stretch>,
    /// What Twilio sends of it and its legs, in the order of time.
    pub webhooks: Vec<Webhook>,
}

/// One webhook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Webhook {
    /// When it is sent, in milliseconds from the beginning of the world.
    pub at_ms: u64,
    /// The path that it is sent to.
    pub path: &'static str,
    /// The id of the agent in the query: `?agent=booking`.
    pub agent: Option<String>,
    /// The fields of its form.
    pub fields: Vec<(String, String)>,
}

impl Call {
    /// When nobody is connected any more, in milliseconds from the beginning of the world.
    pub fn end_ms(&self) -> Option<u64> {
        self.truth.last().map(|stretch| stretch.to_ms)
    }

    /// How long it is up after it was answered, in milliseconds.
    pub fn answered_ms(&self) -> u64 {
        let answered = self.truth.iter().find(|stretch| stretch.party != Party::Waiting);
        answered.zip(self.end_ms()).map_or(0, |(answered, end_ms)| end_ms - answered.from_ms)
    }

    /// The party at a moment; `None` while the call is not up.
    pub fn party_at(&self, ms: u64) -> Option<Party> {
        let is_now = |stretch: &&Stretch| (stretch.from_ms..stretch.to_ms).contains(&ms);
        self.truth.iter().find(is_now).map(|stretch| stretch.party)
    }
}

impl Webhook {
    /// The path, and the query if there is one.
    pub fn target(&self) -> String {
        match &self.agent {
            Some(agent) => format!("{}?agent={agent}", self.path),
            None => self.path.to_owned(),
        }
    }

    /// The value of a field, blank if there is none.
    pub fn field(&self, name: &str) -> &str {
        let found = self.fields.iter().find(|(n, _)| n == name);
        found.map_or("", |(_, value)| value.as_str())
    }
}

/// One caller in so many withholds the number.
const WITHHELD_ONE_IN: u32 = 15;
/// One call in so many comes from somebody who has called before.
const AGAIN_ONE_IN: u32 = 8;

impl World {
    /// The world that this seed makes.
    ///
    /// # Panics
    /// If there is no agent number.
    pub fn of_seed(seed: u64, size: &WorldSize) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut starts: Vec<u64> =
            (0..size.calls).map(|_| rng.random_range(0..size.starts_within_ms.max(1))).collect();
        starts.sort_unstable();
        let mut callers: Vec<Caller> = Vec::new();
        let mut calls = Vec::new();
        for start_ms in starts {
            let caller = match callers.len() {
                0 => Caller::any(&mut rng),
                _ if rng.random_ratio(1, WITHHELD_ONE_IN) => Caller::withheld(),
                n if rng.random_ratio(1, AGAIN_ONE_IN) => callers[rng.random_range(0..n)].clone(),
                _ => Caller::any(&mut rng),
            };
            let number = &size.agent_numbers[rng.random_range(0..size.agent_numbers.len())];
            let life = Life::any(&mut rng);
            let line = AgentLine { id: number, number };
            calls.push(Writer::new(&mut rng, &caller, line, start_ms, Talk::Brief).write(life));
            callers.push(caller);
        }
        Self { calls }
    }

    /// How many people are truly connected with an agent at a moment.
    pub fn live_users_at(&self, ms: u64) -> usize {
        let live = || self.calls.iter().filter(|call| call.party_at(ms) == Some(Party::Agent));
        let known: BTreeSet<_> = live().filter_map(|call| call.person.as_ref()).collect();
        known.len() + live().filter(|call| call.person.is_none()).count()
    }

    /// When the last webhook is sent, in milliseconds from the beginning.
    pub fn length_ms(&self) -> u64 {
        let last = self.calls.iter().flat_map(|call| &call.webhooks).map(|webhook| webhook.at_ms);
        last.max().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn size(calls: usize) -> WorldSize {
        let agent_numbers = vec!["+15005550006".to_owned()];
        WorldSize { calls, starts_within_ms: 30_000, agent_numbers }
    }

    proptest! {
        #[test]
        fn a_seed_makes_one_world(seed: u64) {
            let world = World::of_seed(seed, &size(25));
            prop_assert_eq!(&world, &World::of_seed(seed, &size(25)));
            prop_assert_ne!(&world, &World::of_seed(seed.wrapping_add(1), &size(25)));
        }

        #[test]
        fn every_call_begins_and_is_over_in_the_end(seed: u64) {
            let world = World::of_seed(seed, &size(40));
            prop_assert_eq!(world.calls.len(), 40);
            prop_assert_eq!(world.live_users_at(world.length_ms()), 0);
            for call in &world.calls {
                let own = |w: &&Webhook| w.field("CallSid") == call.sid;
                let last = call.webhooks.iter().rfind(own).unwrap();
                let over = ["completed", "busy", "no-answer"].contains(&last.field("CallStatus"));
                prop_assert!(over && last.path == "/call-status");
                prop_assert!(call.webhooks.is_sorted_by_key(|w| w.at_ms));
                prop_assert!(call.truth.windows(2).all(|pair| pair[0].to_ms == pair[1].from_ms));
                prop_assert!(call.truth.iter().all(|stretch| stretch.from_ms < stretch.to_ms));
                let first = &call.webhooks[0];
                let outbound = first.field("Direction") == "outbound-api";
                prop_assert_eq!(outbound, first.field("CallStatus") == "initiated");
                prop_assert_eq!(!outbound, first.path == "/voice");
            }
        }
    }

    #[test]
    fn a_large_world_has_every_kind_of_life_in_it() {
        let world = World::of_seed(1, &size(500));
        let webhooks = || world.calls.iter().flat_map(|call| &call.webhooks);
        let some = |is: &dyn Fn(&Webhook) -> bool| webhooks().any(is);
        assert!(some(&|w| w.field("CallStatus") == "busy"));
        assert!(some(&|w| w.field("CallStatus") == "no-answer"));
        assert!(some(&|w| w.field("Direction") == "outbound-dial"));
        assert!(some(&|w| w.field("Direction") == "outbound-api" && w.path == "/voice"));
        assert!(some(&|w| w.field("SpeechResult") == "okay, goodbye."));
        assert!(some(&|w| w.path == "/voice" && w.field("CallStatus") == "in-progress"));
        assert!(world.calls.iter().any(|call| call.person.is_none()));
        assert!(world.calls.iter().any(|c| c.webhooks.windows(2).any(|pair| pair[0] == pair[1])));
        let people: BTreeSet<_> = world.calls.iter().filter_map(|c| c.person.as_ref()).collect();
        assert!(people.len() < 480, "some call again");
    }
}
