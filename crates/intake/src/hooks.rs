//! The hooks in the configuration file: who is told by webhooks of our own.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::agents::{ID_BYTES_MAX, is_id, is_url};
use crate::sources::is_variable;

/// The most hooks in one file.
const HOOKS_MAX: usize = 20;

/// The longest time between two changes of the number that are told, in seconds.
const EVERY_S_MAX: u32 = 3_600;

/// The most addresses that one hook sends mail to.
const MAIL_TO_MAX: usize = 20;

/// The longest address of mail, in bytes (RFC 5321).
const ADDRESS_BYTES_MAX: usize = 254;

/// The form of what a hook is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HookFormat {
    /// `live-users`: our own, signed by Standard Webhooks.
    LiveUsers,
    /// `slack`: that of Slack's incoming webhooks.
    Slack,
    /// `teams`: an Adaptive Card, for a webhook of Workflows in Microsoft Teams.
    Teams,
    /// `mail`: a message on the standard input of a command such as `sendmail -t`.
    Mail,
}

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
    /// An `[[alert]]` has begun, goes on, or is over.
    Alert,
}

/// A `[[hook]]` of the file.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HookTable {
    /// Its name: letters, digits, `-` and `_`.
    pub id: String,
    /// Where the events go.
    #[serde(default)]
    pub url: Option<String>,
    /// The name of the environment variable that has this URL in place of the file.
    #[serde(default)]
    pub url_env: Option<String>,
    /// The name of the environment variable that has the secret that they are signed with.
    #[serde(default)]
    pub secret_env: Option<String>,
    #[serde(default)]
    format: Option<String>,
    /// The program that sends mail, and its arguments. No shell reads them.
    #[serde(default)]
    pub mail_command: Vec<String>,
    /// Whom mail is for.
    #[serde(default)]
    pub mail_to: Vec<String>,
    /// Whom mail is from.
    #[serde(default)]
    pub mail_from: Option<String>,
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

impl HookFormat {
    /// Each with its name in the file.
    const ALL: [(Self, &'static str); 4] = [
        (Self::LiveUsers, "live-users"),
        (Self::Slack, "slack"),
        (Self::Teams, "teams"),
        (Self::Mail, "mail"),
    ];

    fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(_, it)| *it == name).map(|(format, _)| format)
    }
}

impl HookEvent {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::LiveUsersChanged, Self::CallStarted, Self::CallEnded, Self::Threshold, Self::Alert];

    /// Its name in the file and in what is sent.
    pub fn name(self) -> &'static str {
        match self {
            Self::LiveUsersChanged => "live_users.changed",
            Self::CallStarted => "call.started",
            Self::CallEnded => "call.ended",
            Self::Threshold => "threshold",
            Self::Alert => "alert",
        }
    }
}

impl HookTable {
    /// The form of what it is sent.
    pub fn format(&self) -> HookFormat {
        let named = self.format.as_deref().and_then(HookFormat::parse);
        named.unwrap_or(HookFormat::LiveUsers)
    }

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
        let wrong = wrong.map(|(field, _, what)| (field, what));
        wrong.chain(self.mistakes_of_format()).collect()
    }

    /// The same of where it is told, and in which form.
    fn mistakes_of_format(&self) -> Vec<(&'static str, String)> {
        let Some(format) =
            self.format.as_deref().map_or(Some(HookFormat::LiveUsers), HookFormat::parse)
        else {
            let names = HookFormat::ALL.map(|(_, name)| name).join(", ");
            return vec![("format", format!("expected one of {names}"))];
        };
        let is_mail = format == HookFormat::Mail;
        let mut mistakes = match format {
            HookFormat::Mail => self.mistakes_of_mail(),
            HookFormat::LiveUsers | HookFormat::Slack | HookFormat::Teams => {
                self.mistakes_of_url(format)
            }
        };
        let mut wrong = |field, is_wrong: bool, what: &str| {
            if is_wrong {
                mistakes.push((field, what.to_owned()));
            }
        };
        let only_mail = "expected only with format = \"mail\"";
        wrong("mail_command", !is_mail && !self.mail_command.is_empty(), only_mail);
        wrong("mail_to", !is_mail && !self.mail_to.is_empty(), only_mail);
        wrong("mail_from", !is_mail && self.mail_from.is_some(), only_mail);
        let is_ours = format == HookFormat::LiveUsers;
        let is_other = |name: &String| name != HookEvent::Alert.name();
        let of_alerts = "expected only \"alert\" with this format";
        wrong("events", !is_ours && self.events.iter().any(is_other), of_alerts);
        wrong(
            "secret_env",
            !is_ours && self.secret_env.is_some(),
            "expected only with format = \"live-users\", which is signed",
        );
        mistakes
    }

    fn mistakes_of_url(&self, format: HookFormat) -> Vec<(&'static str, String)> {
        // What stands in these may be the secret itself, so it is not repeated.
        let variable = |example: &str, what: &str| {
            format!(
                "expected the name of an environment variable such as {example}, and never {what} \
                 itself"
            )
        };
        let is_wrong_variable =
            |name: &Option<String>| name.as_ref().is_some_and(|it| !is_variable(it));
        let mut mistakes = Vec::new();
        let mut wrong = |field, is_wrong: bool, what: String| {
            if is_wrong {
                mistakes.push((field, what));
            }
        };
        let is_ours = format == HookFormat::LiveUsers;
        let of_url = variable("OPS_HOOK_URL", "the URL");
        let is_bad = self.url.as_ref().is_some_and(|url| !is_url(url));
        let expected = "expected a URL that starts with https:// or http://";
        let is_without = self.url.is_none() && self.url_env.is_none();
        wrong("url", is_ours && (is_bad || is_without), expected.to_owned());
        let secret = "the URL is a secret with this format: expected url_env in its place";
        wrong("url", !is_ours && self.url.is_some(), secret.to_owned());
        let both = "expected it without url";
        wrong("url_env", is_ours && self.url.is_some() && self.url_env.is_some(), both.to_owned());
        wrong("url_env", !is_ours && self.url_env.is_none(), of_url.clone());
        wrong("url_env", is_wrong_variable(&self.url_env), of_url);
        let of_secret = variable("CRM_HOOK_SECRET", "the secret");
        let is_missing = is_ours && self.secret_env.is_none();
        wrong("secret_env", is_missing || is_wrong_variable(&self.secret_env), of_secret);
        mistakes
    }

    fn mistakes_of_mail(&self) -> Vec<(&'static str, String)> {
        let Self { mail_command, mail_to, mail_from, .. } = self;
        let is_argument = |it: &String| !it.is_empty() && !it.contains('\0');
        let is_command = !mail_command.is_empty() && mail_command.iter().all(is_argument);
        let is_to =
            (1..=MAIL_TO_MAX).contains(&mail_to.len()) && mail_to.iter().all(|it| is_address(it));
        let is_from = mail_from.as_ref().is_some_and(|it| is_address(it));
        let address = "such as \"ops@example.com\"";
        let checks = [
            (
                "mail_command",
                is_command,
                "expected a program and its arguments, such as [\"sendmail\", \"-t\"]".to_owned(),
            ),
            ("mail_to", is_to, format!("expected 1 to {MAIL_TO_MAX} addresses {address}")),
            ("mail_from", is_from, format!("expected an address {address}")),
            ("url", self.url.is_none(), "expected none with format = \"mail\"".to_owned()),
            ("url_env", self.url_env.is_none(), "expected none with format = \"mail\"".to_owned()),
        ];
        let wrong = checks.into_iter().filter(|(_, is_right, _)| !is_right);
        wrong.map(|(field, _, what)| (field, what)).collect()
    }
}

/// Whether this can stand in a header of a message as it is. Whoever delivers it knows more.
fn is_address(text: &str) -> bool {
    let is_part = |it: &str| !it.is_empty() && !it.starts_with('-');
    let is_plain = |it: char| it.is_ascii_graphic() && !"<>()[],;:\\\"".contains(it);
    text.len() <= ADDRESS_BYTES_MAX
        && text.chars().all(is_plain)
        && text.split_once('@').is_some_and(|(local, domain)| {
            is_part(local) && is_part(domain) && !domain.contains('@')
        })
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
mod tests;
