//! The first answers of agents, kept as they are sent. Nearly each call begins with one, and it depends
//! on nothing that the call says.

use std::collections::HashMap;

use actix_web::web::Bytes;
use live_users_intake::agents::Agent;
use live_users_twilio::twiml::Response;
use parking_lot::RwLock;

/// The most agents whose answers are kept. Those of a file that was read before are among them.
const AGENTS_MAX: usize = 10_000;

/// By the ids of the agents.
#[derive(Debug, Default)]
pub(super) struct Welcomes(RwLock<HashMap<String, Welcome>>);

#[derive(Debug, Default)]
struct Welcome {
    /// The name that the answers say.
    name: String,
    /// The one to who asks at a URL without the id of an agent, and at one with this agent's.
    answers: [Option<Bytes>; 2],
}

impl Welcomes {
    /// The answer of this agent at a URL with this id in it. It is written only if it is not known yet,
    /// or the agent has another name by now.
    pub(super) fn of(
        &self,
        agent: &Agent,
        agent_id: Option<&str>,
        write: impl FnOnce() -> Response,
    ) -> Bytes {
        let written = || Bytes::from(write().to_xml());
        let place = match agent_id {
            None => 0,
            Some(id) if id == agent.id => 1,
            // Anything may stand there, and each would be another answer.
            Some(_) => return written(),
        };
        if let Some(known) = self.0.read().get(&agent.id)
            && known.name == agent.name
            && let Some(answer) = &known.answers[place]
        {
            return answer.clone();
        }
        let answer = written();
        let mut all = self.0.write();
        if all.len() >= AGENTS_MAX {
            all.clear();
        }
        let welcome = all.entry(agent.id.clone()).or_default();
        if welcome.name != agent.name {
            *welcome = Welcome { name: agent.name.clone(), ..Welcome::default() };
        }
        welcome.answers[place] = Some(answer.clone());
        answer
    }
}

#[cfg(test)]
mod tests {
    use live_users_intake::agents::Agents;

    use super::*;

    fn agents(name: &str) -> Agents {
        Agents::parse(&format!("[[agent]]\nid = \"booking\"\nname = \"{name}\"")).0
    }

    #[test]
    fn an_answer_is_written_once_for_each_name_and_kind_of_url() {
        let welcomes = Welcomes::default();
        let (old, new) = (agents("Bookings"), agents("Tables"));
        let written = std::cell::Cell::new(0);
        let of = |agents: &Agents, id: Option<&str>| {
            let agent = agents.by_id("booking").unwrap();
            let answer = welcomes.of(agent, id, || {
                written.set(written.get() + 1);
                Response::new().say(format!("{} {id:?}", agent.name))
            });
            assert!(
                answer.ends_with(
                    format!("<Say>{} {id:?}</Say></Response>", agent.name)
                        .replace('"', "&quot;")
                        .as_bytes()
                )
            );
            written.get()
        };
        let own = Some("booking");
        assert_eq!((of(&old, None), of(&old, None), of(&old, own), of(&old, own)), (1, 1, 2, 2));
        // After the file was read anew, and with an id that is none of the agent's.
        assert_eq!((of(&new, own), of(&new, own), of(&new, None)), (3, 3, 4));
        assert_eq!((of(&new, Some("x")), of(&new, Some("x"))), (5, 6));
    }
}
