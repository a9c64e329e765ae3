//! Calls that move from agent to agent by `<Redirect>` to `/voice?agent=ID`.

use rand::{Rng, RngExt};

use super::{AgentLine, Writer};

impl<'a, R: Rng> Writer<'a, R> {
    pub(super) fn moves(&mut self) {
        // The agent stands in the URLs of the number, or follows from the number.
        if self.rng.random_bool(0.7) {
            self.number_agent = Some(self.line.id.to_owned());
            self.url_agent.clone_from(&self.number_agent);
        }
        let start_ms = self.begin();
        self.talk_share(20..50);
        for _ in 0..self.rng.random_range(1..4) {
            let other = self.another_agent();
            self.url_agent = Some(other.id.to_owned());
            self.move_to(other.id);
            self.send("/voice", "in-progress", &[]);
            self.talk_share(10..50);
        }
        self.close(start_ms);
    }

    /// An agent that does not have the call now.
    pub(super) fn another_agent(&mut self) -> AgentLine<'a> {
        let others: Vec<_> = self.agents.iter().filter(|agent| *agent.id != *self.agent).collect();
        match others.len() {
            0 => self.line,
            n => *others[self.rng.random_range(0..n)],
        }
    }
}
