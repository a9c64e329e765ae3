//! The hooks that are configured, each with its secret: whom our own webhooks go to.

use std::fmt;
use std::sync::Arc;

use live_users_http_kit::SettingsReader;
use live_users_intake::agents::Agents;
use live_users_intake::hooks::{HookFormat, HookTable};
use live_users_intake::sources::is_variable;
use live_users_sources::StandardWebhooksSecret;
use reqwest::Url;

use super::public_url::UrlRule;

/// The shortest secret, in characters of Base64: 24 bytes, as Standard Webhooks asks for.
const SECRET_CHARACTERS_MIN: usize = 32;

/// All hooks, in the order of the file.
pub(crate) type Hooks = Arc<[Arc<Hook>]>;

/// A hook that can be told.
pub(crate) struct Hook {
    pub(crate) table: HookTable,
    pub(crate) target: Target,
}

/// Where a hook is told.
pub(crate) enum Target {
    /// By requests that are signed with this secret.
    Signed(Url, StandardWebhooksSecret),
    /// By requests to a URL that is the secret itself.
    Posted(Url),
    /// By the command of its table.
    Mail,
}

impl Hook {
    pub(crate) fn id(&self) -> &str {
        &self.table.id
    }
}

/// Without the secret, and without the URL: there may be another one in it.
impl fmt::Debug for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hook({:?})", self.id())
    }
}

/// Reads the secrets of the hooks, and checks their URLs. Errors go to the reader.
pub(crate) fn read(reader: &mut SettingsReader<'_>, agents: &Agents, url_rule: &UrlRule) -> Hooks {
    let hooks = agents.hooks().iter().filter_map(|table| {
        let target = match table.format() {
            HookFormat::LiveUsers => {
                let secret = read_secret(reader, table);
                let url = read_url(reader, table, url_rule);
                Target::Signed(url?, secret?)
            }
            HookFormat::Slack | HookFormat::Teams => {
                Target::Posted(read_url(reader, table, url_rule)?)
            }
            HookFormat::Mail => Target::Mail,
        };
        Some(Arc::new(Hook { table: table.clone(), target }))
    });
    hooks.collect()
}

/// Its URL, from the file or from the environment. No message repeats it.
fn read_url(reader: &mut SettingsReader<'_>, table: &HookTable, url_rule: &UrlRule) -> Option<Url> {
    let id = &table.id;
    let (text, what) = match (&table.url, &table.url_env) {
        (Some(url), _) => (url.clone(), format!("agents: hook {id:?}: url")),
        (None, Some(name)) if is_variable(name) => {
            let Some(text) = reader.word(name).map(str::to_owned) else {
                reader.error(format!("{name} is not set: it has the URL of hook {id:?}"));
                return None;
            };
            (text, format!("{name} (hook {id:?})"))
        }
        // The file is refused already.
        (None, _) => return None,
    };
    let is_http = |url: &Url| matches!(url.scheme(), "http" | "https") && url.has_host();
    let url = Url::parse(&text).ok().filter(is_http);
    if url.is_none() {
        reader.error(format!("{what}: expected a URL with a host"));
    }
    let public_url = match url_rule {
        UrlRule::Fixed(public_url) => Some(public_url),
        UrlRule::Forwarded(_) | UrlRule::AsReceived => None,
    };
    if public_url.is_some_and(|it| it.is_ours(&text)) {
        reader.error(format!(
            "{what} leads back to PUBLIC_URL; expected the address of an application of your own"
        ));
    }
    url
}

fn read_secret(
    reader: &mut SettingsReader<'_>,
    table: &HookTable,
) -> Option<StandardWebhooksSecret> {
    let (id, name) = (&table.id, table.secret_env.as_ref()?);
    let expected = "expected Base64 of 24 bytes or more, usually with `whsec_` before it";
    if !is_variable(name) {
        return None;
    }
    let Some(text) = reader.word(name) else {
        reader.error(format!("{name} is not set: hook {id:?} is signed with it; {expected}"));
        return None;
    };
    let encoded = text.strip_prefix("whsec_").unwrap_or(text).trim_end_matches('=');
    let is_long = encoded.len() >= SECRET_CHARACTERS_MIN;
    let secret = StandardWebhooksSecret::new(text).ok().filter(|_| is_long);
    if secret.is_none() {
        reader.error(format!("{name} cannot be the secret of hook {id:?}: {expected}"));
    }
    secret
}

#[cfg(test)]
mod tests {
    use live_users_http_kit::Env;

    use super::*;
    use crate::parts::public_url::PublicUrl;

    const HOOK: &str = "[[hook]]\nid = \"crm\"\nurl = \"https://crm.example.com/x?key=s3cr3t\"\n\
                        secret_env = \"CRM_SECRET\"\nevents = [\"call.started\"]\n";
    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    fn told(file: &str, secret: &str) -> Result<usize, String> {
        let env = Env::of([("CRM_SECRET", secret)]);
        let mut reader = SettingsReader::new(&env);
        let (agents, mistakes) = Agents::parse(file);
        assert_eq!(mistakes, [""; 0]);
        let rule = UrlRule::Fixed(PublicUrl::parse("https://calls.example.com/live").unwrap());
        let hooks = read(&mut reader, &agents, &rule);
        assert!(!format!("{hooks:?}").contains("s3cr3t"));
        reader.finish(hooks.len()).map_err(|errors| errors.0.join("; "))
    }

    #[test]
    fn a_hook_needs_a_secret_that_can_be_one_and_no_message_repeats_it() {
        assert_eq!(told(HOOK, SECRET), Ok(1));
        assert_eq!(told(HOOK, SECRET.trim_start_matches("whsec_")), Ok(1));
        for (secret, says) in [
            ("", "CRM_SECRET is not set: hook \"crm\" is signed with it"),
            ("whsec_", "CRM_SECRET cannot be the secret of hook \"crm\": expected Base64"),
            ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLa", "cannot be the secret"),
            ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLa!w", "cannot be the secret"),
            (&format!("\"{SECRET}\""), "CRM_SECRET has quotation marks around it"),
            (&format!("{SECRET} "), "CRM_SECRET has white space (U+0020) at its end"),
            (&format!("\u{feff}{SECRET}"), "CRM_SECRET has a byte order mark"),
        ] {
            let told = told(HOOK, secret).unwrap_err();
            assert!(told.contains(says), "{told}");
            assert!(!told.contains("MfKQ9r8G") && !told.contains("s3cr3t"), "{told}");
        }
    }

    #[test]
    fn a_url_that_leads_back_here_or_nowhere_is_refused() {
        for (url, says) in [
            ("https://calls.example.com/live/call-status", "leads back to PUBLIC_URL"),
            ("http://CALLS.example.com/live/sources/a", "leads back to PUBLIC_URL"),
            ("https://calls.example.com/live/api/events?x=1", "leads back to PUBLIC_URL"),
            ("https://crm.example.com:port/", "url: expected a URL with a host"),
        ] {
            let file = HOOK.replace("https://crm.example.com/x?key=s3cr3t", url);
            let told = told(&file, SECRET).unwrap_err();
            assert!(told.contains(says), "{url}: {told}");
        }
        let beside = HOOK.replace("crm.example.com/x", "calls.example.com/crm");
        assert_eq!(told(&beside, SECRET), Ok(1));
    }

    #[test]
    fn a_url_that_is_a_secret_is_read_from_the_environment_and_never_repeated() {
        let file = "[[hook]]\nid = \"ops\"\nformat = \"slack\"\nurl_env = \"CRM_SECRET\"\n\
                    events = [\"alert\"]\n";
        assert_eq!(told(file, "https://hooks.example.com/services/T0/B0/s3cr3t"), Ok(1));
        for (url, says) in [
            ("", "CRM_SECRET is not set: it has the URL of hook \"ops\""),
            ("s3cr3t", "CRM_SECRET (hook \"ops\"): expected a URL with a host"),
            ("file:///s3cr3t", "CRM_SECRET (hook \"ops\"): expected a URL with a host"),
            ("https://calls.example.com/live/voice?k=s3cr3t", "leads back to PUBLIC_URL"),
        ] {
            let told = told(file, url).unwrap_err();
            assert!(told.contains(says) && !told.contains("s3cr3t"), "{url}: {told}");
        }
    }
}
