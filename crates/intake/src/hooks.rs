//! The hooks in the configuration file: who is told by webhooks of our own.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::agents::{ID_BYTES_MAX, is_id, is_url};
use crate::sources::is_variable;

/// The most hooks in one file.
const HOOKS_MAX: usize = 20;

/// The longest time between two changes of the number that are told, in seconds.
const EVERY_S_MAX: u32 = 3_600;

/// What a hook can be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HookEvent {
    /// The number of live users is another one.
    LiveUsersChanged,
    /// A call has begun.
    CallStarted,
    /// A call is over.
    CallEnded,
    /// The number has reached the threshold, or has fallen below it again.
    Threshold,
}

/// A `[[hook]]` of the file.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HookTable {
    /// Its name: letters, digits, `-` and `_`.
    pub id: String,
    /// Where the events go.
    pub url: String,
    /// The name of the environment variable that has the secret that they are signed with.
    pub secret_env: String,
    events: Vec<String>,
    /// Only what this agent has.
    #[serde(default)]
    pub agent: Option<String>,
    /// Changes of the number are told at most this often, in seconds.
    #[serde(default)]
    every_seconds: Option<u32>,
    /// The number of live users that is told when it is reached.
    #[serde(default)]
    pub threshold: Option<u32>,
}

impl HookEvent {
    /// All of them.
    pub const ALL: [Self; 4] =
        [Self::LiveUsersChanged, Self::CallStarted, Self::CallEnded, Self::Threshold];

    /// Its name in the file and in what is sent.
    pub fn name(self) -> &'static str {
        match self {
            Self::LiveUsersChanged => "live_users.changed",
            Self::CallStarted => "call.started",
            Self::CallEnded => "call.ended",
            Self::Threshold => "threshold",
        }
    }
}

impl HookTable {
    /// Whether it is told of these.
    pub fn takes(&self, event: HookEvent) -> bool {
        self.events.iter().any(|name| name == event.name())
    }

    /// Whether it is told of calls.
    pub fn takes_calls(&self) -> bool {
        self.takes(HookEvent::CallStarted) || self.takes(HookEvent::CallEnded)
    }

    /// Changes of the number are told at most this often, in seconds.
    pub fn every_seconds(&self) -> u32 {
        self.every_seconds.unwrap_or(1)
    }

    /// What is wrong with it: a field, and what was expected.
    fn mistakes(&self, agents: &[&str]) -> Vec<(&'static str, String)> {
        // What stands in it may be the secret itself, so it is not repeated.
        let variable = "expected the name of an environment variable such as CRM_HOOK_SECRET, and \
                        never the secret itself";
        let names = HookEvent::ALL.map(HookEvent::name);
        let unknown = self.events.iter().find(|it| !names.contains(&it.as_str()));
        let takes = |event| self.takes(event);
        let is_without = |event, is_set: bool| is_set && unknown.is_none() && !takes(event);
        let (changed, threshold) = (HookEvent::LiveUsersChanged, HookEvent::Threshold);
        let for_nothing = |event: HookEvent| format!("expected only with \"{}\"", event.name());
        let expected = format!("expected some of {}", names.join(", "));
        let agent = self.agent.as_deref();
        let checks = [
            (
                "id",
                !is_id(&self.id),
                format!("expected 1 to {ID_BYTES_MAX} letters, digits, '-' or '_'"),
            ),
            (
                "url",
                !is_url(&self.url),
                "expected a URL that starts with https:// or http://".into(),
            ),
            ("secret_env", !is_variable(&self.secret_env), variable.to_owned()),
            ("events", self.events.is_empty(), expected.clone()),
            (
                "events",
                unknown.is_some(),
                format!("{:?} is unknown; {expected}", unknown.map_or("", |it| it)),
            ),
            (
                "agent",
                agent.is_some_and(|id| !agents.contains(&id)),
                "expected the id of an agent in this file".into(),
            ),
            (
                "every_seconds",
                self.every_seconds.is_some_and(|it| !(1..=EVERY_S_MAX).contains(&it)),
                format!("expected 1 to {EVERY_S_MAX}"),
            ),
            (
                "every_seconds",
                is_without(changed, self.every_seconds.is_some()),
                for_nothing(changed),
            ),
            ("threshold", self.threshold == Some(0), "expected a whole number from 1 up".into()),
            ("threshold", is_without(threshold, self.threshold.is_some()), for_nothing(threshold)),
            (
                "threshold",
                takes(threshold) && self.threshold.is_none(),
                "expected a number of live users".into(),
            ),
        ];
        let wrong = checks.into_iter().filter(|(_, is_wrong, _)| *is_wrong);
        wrong.map(|(field, _, what)| (field, what)).collect()
    }
}

/// All that is wrong with the hooks of a file, but for their secrets. `agents` has the ids of its
/// agents.
pub(crate) fn mistakes_in_hooks(hooks: &[HookTable], agents: &[&str]) -> Vec<String> {
    let mut mistakes = Vec::new();
    if hooks.len() > HOOKS_MAX {
        mistakes.push(format!("{} hooks; expected at most {HOOKS_MAX}", hooks.len()));
    }
    let mut ids = BTreeMap::new();
    for (hook, place) in hooks.iter().zip(1..) {
        let mut wrong = |field: &str, what: String| {
            mistakes.push(format!("hook {place} ({:?}): {field}: {what}", hook.id));
        };
        if let Some(first) = ids.insert(&hook.id, place) {
            wrong("id", format!("already the id of hook {first}; expected a different one"));
        }
        hook.mistakes(agents).into_iter().for_each(|(field, what)| wrong(field, what));
    }
    mistakes
}

#[cfg(test)]
mod tests {
    use crate::agents::Agents;

    use super::*;

    const GOOD: &str = "id = \"crm\"\nurl = \"https://crm.example.com/x?key=s3cr3t\"\n\
                        secret_env = \"CRM_SECRET\"\nevents = [\"call.started\", \"threshold\"]\n\
                        threshold = 50";

    fn mistakes(lines: &str) -> Vec<String> {
        Agents::parse(&format!("[[hook]]\n{lines}\n")).1
    }

    #[test]
    fn each_mistake_names_its_field_and_what_is_expected() {
        assert_eq!(mistakes(GOOD), [""; 0]);
        for (lines, expected) in [
            (GOOD.replace("\"crm\"", "\"a b\""), "hook 1 (\"a b\"): id: expected 1 to 64 letters"),
            (GOOD.replace("https:", "ftp:"), "url: expected a URL that starts with https://"),
            (GOOD.replace("CRM_SECRET", "whsec_1"), "secret_env: expected the name of an environ"),
            (
                GOOD.replace("\"call.started\", \"threshold\"", "").replace("threshold = 50", ""),
                "events: expected some of live_users.changed, call.started, call.ended, threshold",
            ),
            (GOOD.replace("call.started", "call.begun"), "events: \"call.begun\" is unknown"),
            (GOOD.replace("call.started", "*"), "events: \"*\" is unknown; expected some of"),
            (format!("{GOOD}\nagent = \"booking\""), "agent: expected the id of an agent in this"),
            (format!("{GOOD}\nevery_seconds = 5"), "every_seconds: expected only with \"live_us"),
            (GOOD.replace("50", "0"), "threshold: expected a whole number from 1 up"),
            (GOOD.replace("threshold = 50", ""), "threshold: expected a number of live users"),
            (GOOD.replace(", \"threshold\"", ""), "threshold: expected only with \"threshold\""),
            (format!("{GOOD}\nsecret = \"x\""), "unknown field `secret`"),
        ] {
            let found = mistakes(&lines);
            assert!(found.len() == 1 && found[0].contains(expected), "{found:?}: {expected}");
            assert!(!found[0].contains("whsec_1") && !found[0].contains("s3cr3t"), "{found:?}");
        }
        let slow = GOOD.replace("call.started", "live_users.changed");
        assert_eq!(mistakes(&format!("{slow}\nevery_seconds = 3600")), [""; 0]);
        let found = mistakes(&format!("{slow}\nevery_seconds = 3601"));
        assert!(found.len() == 1 && found[0].contains("expected 1 to 3600"), "{found:?}");
        let twice = mistakes(&format!("{GOOD}\n[[hook]]\n{GOOD}"));
        assert!(twice.len() == 1 && twice[0].contains("already the id of hook 1"), "{twice:?}");
        let many: String = (0..=HOOKS_MAX)
            .map(|n| format!("[[hook]]\n{}\n", GOOD.replace("\"crm\"", &format!("\"h{n}\""))))
            .collect();
        assert_eq!(Agents::parse(&many).1, ["21 hooks; expected at most 20"]);
    }

    #[test]
    fn a_hook_takes_what_it_names_for_the_agent_that_it_names() {
        let agent = "[[agent]]\nid = \"booking\"\nname = \"Bookings\"\n";
        let (agents, mistakes) =
            Agents::parse(&format!("{agent}[[hook]]\n{GOOD}\nagent = \"booking\"\n"));
        assert_eq!(mistakes, [""; 0]);
        let [hook] = agents.hooks() else { panic!("one hook") };
        let taken = HookEvent::ALL.map(|event| hook.takes(event));
        assert_eq!(taken, [false, true, false, true]);
        assert!(hook.takes_calls() && hook.agent.as_deref() == Some("booking"));
        assert_eq!((hook.every_seconds(), hook.threshold), (1, Some(50)));
    }
}
