//! The configured agents. Their file can be read again while calls go on.

mod sharded;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use live_users_http_kit::{Env, SettingsReader, acts_on_text};
use live_users_intake::agents::{Agent, Agents, AgentsFile, Decision, mistakes_in_shared};
use live_users_intake::shards::Layout;
use log::{info, warn};
use parking_lot::RwLock;
use reqwest::Url;
use sha2::{Digest, Sha256};
use tokio::sync::{Mutex, watch};

use crate::parts::configured;
use crate::parts::hooks::{self, Hooks};
use crate::parts::public_url::UrlRule;
use crate::parts::queue::{Queue, Work};
use crate::parts::sources::SourceRegistry;
use crate::parts::tokens::TokenRegistry;

/// The agents, and the file that they come from.
#[derive(Debug)]
pub(crate) struct AgentRegistry {
    file: AgentsFile,
    url_rule: UrlRule,
    /// Numbers that many people call from, beside those in the file.
    shared: Vec<String>,
    layout: Layout,
    now: RwLock<Arc<Agents>>,
    /// Who tells of calls beside Twilio, by the same file.
    sources: Arc<SourceRegistry>,
    /// Who may read, by the same file.
    tokens: Arc<TokenRegistry>,
    hooks: watch::Sender<Hooks>,
    variables: Variables,
    /// The file was refused when it was read last.
    is_refused: AtomicBool,
    /// Held while the file is read again. Two at once could leave the older agents.
    reloading: Mutex<()>,
}

/// The environment variables, for the secrets that the file names.
struct Variables(Env);

/// Says nothing of them.
impl fmt::Debug for Variables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Variables(hidden)")
    }
}

impl AgentRegistry {
    /// Reads the file for the first time. Its errors go to the reader of the settings.
    pub(crate) fn read(
        reader: &mut SettingsReader<'_>,
        url_rule: &UrlRule,
        layout: Layout,
    ) -> Self {
        let file = AgentsFile::at(reader.text("AGENTS_FILE"));
        let shared: Vec<_> = reader.list("SHARED_NUMBERS").into_iter().map(str::to_owned).collect();
        let variables = Variables(reader.env().clone());
        let ((agents, hooks), mistakes) = read(&file, url_rule, &shared, &variables);
        let mistakes = mistakes.into_iter().chain(mistakes_in_shared("SHARED_NUMBERS", &shared));
        let mistakes = mistakes.chain(sharded::mistakes(&agents, layout));
        mistakes.for_each(|mistake| reader.error(mistake));
        let sources = Arc::new(SourceRegistry::read(reader, &agents));
        let tokens = Arc::new(TokenRegistry::read(reader, &agents));
        let now = RwLock::new(Arc::new(agents));
        let (url_rule, hooks) = (url_rule.clone(), watch::Sender::new(hooks));
        let (is_refused, reloading) = <_>::default();
        Self {
            file,
            url_rule,
            shared,
            layout,
            now,
            sources,
            tokens,
            hooks,
            variables,
            is_refused,
            reloading,
        }
    }

    /// What of the file is no mistake, and perhaps not as it was meant.
    pub(crate) fn warnings(&self) -> Vec<String> {
        let agents = self.now();
        let asks_twilio = self.variables.0.get("TWILIO_ACCOUNT_SID").is_some();
        let mut warnings = configured::lone_accounts(&agents);
        warnings.extend(configured::alerts_of_nobody(&agents, asks_twilio));
        warnings
    }

    /// For who looks after this server: that the file is another one than what is in force. What is wrong
    /// with it is in the log alone, since the file is the operator's.
    pub(crate) fn refusal(&self) -> Option<&'static str> {
        self.is_refused.load(Ordering::Acquire).then_some(
            "the agents file was refused when it was read last, and the agents are as they were before: \
             the log says why",
        )
    }

    /// The hooks from now on.
    pub(crate) fn hooks(&self) -> watch::Receiver<Hooks> {
        self.hooks.subscribe()
    }

    /// The agents at this moment. A later reload does not change the returned value.
    pub(crate) fn now(&self) -> Arc<Agents> {
        self.now.read().clone()
    }

    /// Who tells of calls beside Twilio's webhooks.
    pub(crate) fn sources(&self) -> &Arc<SourceRegistry> {
        &self.sources
    }

    /// Who may read the calls of some accounts.
    pub(crate) fn tokens(&self) -> &Arc<TokenRegistry> {
        &self.tokens
    }

    /// Reads the file again, takes its agents, and gives them to the writer of each of these queues: the
    /// number of agents.
    /// Calls go on, also those of agents that are gone. Once begun, it does not end half done.
    ///
    /// # Errors
    /// All errors in the file. Then the agents stay as they were.
    pub(crate) async fn reload_for(
        self: Arc<Self>,
        queues: Vec<Queue>,
    ) -> Result<usize, Vec<String>> {
        let panicked = |_| vec!["reading it has panicked".to_owned()];
        let reloading = tokio::spawn(async move {
            let _one_at_a_time = self.reloading.lock().await;
            let registry = self.clone();
            // A slow disk would block all other tasks of this thread.
            let reloaded = tokio::task::spawn_blocking(move || registry.reload()).await;
            let is_taken = matches!(reloaded, Ok(Ok(_)));
            self.is_refused.store(!is_taken, Ordering::Release);
            let agents = reloaded.map_err(panicked)??;
            let n = agents.iter().count();
            for queue in queues {
                queue.answer(Work::Agents(agents.clone())).await;
            }
            Ok(n)
        });
        reloading.await.map_err(panicked)?
    }

    /// The name of the file, as the settings have it; `None` if there is no such file.
    pub(crate) fn file(&self) -> Option<String> {
        (!self.file.is_missing()).then(|| self.file.to_string())
    }

    /// The SHA-256 of the file as it is now, in hexadecimal: whoever has written it can see that it is
    /// the same one. `None` if it cannot be read.
    pub(crate) fn digest(&self) -> Option<String> {
        let digest = Sha256::digest(self.file.bytes()?);
        Some(digest.iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// Reads the file again, and takes its agents.
    ///
    /// # Errors
    /// All errors in the file. Then the agents stay as they were.
    pub(crate) fn reload(&self) -> Result<Arc<Agents>, Vec<String>> {
        if self.file.is_missing() && !self.now().is_empty() {
            return Err(vec![format!("{} is gone", self.file)]);
        }
        let ((agents, hooks), mistakes) =
            read(&self.file, &self.url_rule, &self.shared, &self.variables);
        let mistakes: Vec<_> =
            mistakes.into_iter().chain(sharded::mistakes(&agents, self.layout)).collect();
        if !mistakes.is_empty() {
            return Err(mistakes);
        }
        if agents.accounts() != self.now().accounts() {
            let what = "the accounts are others: expected a restart of the backend to take them";
            return Err(vec![what.to_owned()]);
        }
        let (sources, tokens) = (self.sources.prepare(&agents)?, self.tokens.prepare(&agents)?);
        self.sources.take(sources);
        self.tokens.take(tokens);
        let agents = Arc::new(agents);
        let before = std::mem::replace(&mut *self.now.write(), agents.clone());
        self.hooks.send_replace(hooks);
        for line in configured::changes(&before, &agents) {
            info!("the agents file has changed: {line}");
        }
        self.warnings().iter().for_each(|line| warn!("{line}"));
        Ok(agents)
    }
}

/// The agents and the hooks of the file, and all that is wrong with them.
fn read(
    file: &AgentsFile,
    url_rule: &UrlRule,
    shared: &[String],
    Variables(env): &Variables,
) -> ((Agents, Hooks), Vec<String>) {
    let (agents, mut mistakes) = file.read();
    mistakes.extend(loops(&agents, url_rule));
    mistakes.extend(unusable(&agents));
    mistakes.extend(turned(&agents));
    let mut reader = SettingsReader::new(env);
    // What is wrong with this one is told with the settings.
    let agents = agents.with_own_account(SettingsReader::new(env).word("TWILIO_ACCOUNT_SID"));
    let hooks = hooks::read(&mut reader, &agents, url_rule);
    mistakes.extend(reader.finish(()).err().into_iter().flat_map(|errors| errors.0));
    ((agents.sharing(shared), hooks), mistakes)
}

/// A `voice_url`, a `fallback_url` or the URL of a redirect that leads to our own `/voice` would redirect the caller in
/// silence for ever, and a `status_callback_url` would bring back each callback.
fn loops(agents: &Agents, url_rule: &UrlRule) -> Vec<String> {
    let UrlRule::Fixed(public) = url_rule else { return Vec::new() };
    let urls = agents.iter().flat_map(|agent| {
        let of_calls = [("voice_url", &agent.voice_url), ("fallback_url", &agent.fallback_url)];
        let of_calls =
            of_calls.into_iter().flat_map(|(field, url)| url.iter().map(move |url| (field, url)));
        of_calls.chain(targets(agent)).map(|(field, url)| (&agent.id, field, url))
    });
    let looping = urls.filter(|(_, _, url)| public.is_above(url));
    let mistake = |(id, field, _)| {
        format!(
            "agents: agent {id:?}: {field} leads back to PUBLIC_URL; expected the address of the \
             agent's own application"
        )
    };
    let leads_back =
        |it: Option<&Decision>| it.and_then(Decision::url).is_some_and(|url| public.is_above(url));
    let elsewhere = "leads back to PUBLIC_URL; expected the address of somebody else";
    let at_capacity = agents.iter().filter(|agent| leads_back(agent.at_capacity()));
    let at_capacity =
        at_capacity.map(|it| format!("agents: agent {:?}: at_capacity {elsewhere}", it.id));
    let at_limit = leads_back(agents.at_limit()).then(|| format!("agents: at_limit {elsewhere}"));
    looping.map(mistake).chain(at_capacity).chain(at_limit).collect()
}

/// The URLs that status callbacks are passed on to, each with its key in the file.
fn targets(agent: &Agent) -> impl Iterator<Item = (&'static str, &String)> {
    let one = agent.status_callback_url.iter().map(|url| ("status_callback_url", url));
    one.chain(agent.status_callback_urls.iter().map(|url| ("status_callback_urls", url)))
}

/// Names with characters that show what stands beside them as something else.
fn turned(agents: &Agents) -> impl Iterator<Item = String> {
    let turned = agents.iter().filter(|agent| agent.name.chars().any(acts_on_text));
    turned.map(|agent| {
        let what = "name: expected no control character, also none of the direction of text";
        format!("agents: agent {:?}: {what}", agent.id)
    })
}

/// URLs for status callbacks that no request can be sent to.
fn unusable(agents: &Agents) -> Vec<String> {
    let all = agents.iter().flat_map(|agent| targets(agent).map(|target| (&agent.id, target)));
    let unusable = all.filter(|(_, (_, url))| Url::parse(url).is_err());
    let mistake =
        |(id, (field, _))| format!("agents: agent {id:?}: {field}: expected a URL with a host");
    unusable.map(mistake).collect()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::parts::public_url::PublicUrl;
    use live_users_http_kit::Env;

    const ONE: &str = "[[agent]]\nid = \"one\"\nname = \"One\"\n";

    fn registry(path: &str) -> AgentRegistry {
        let env = Env::of([("AGENTS_FILE", path)]);
        AgentRegistry::read(&mut SettingsReader::new(&env), &UrlRule::AsReceived, Layout::default())
    }

    #[test]
    fn a_url_that_leads_back_here_is_refused() {
        for field in ["voice_url", "fallback_url", "status_callback_url", "status_callback_urls"] {
            let url = "\"https://calls.example.com/voice?agent=loop\"";
            let url = if field.ends_with('s') { format!("[{url}]") } else { url.to_owned() };
            let (agents, _) = Agents::parse(&format!(
                "[[agent]]\nid = \"loop\"\nname = \"Loop\"\n{field} = {url}",
            ));
            let mistakes = |public_url| {
                let rule = UrlRule::Fixed(PublicUrl::parse(public_url).unwrap());
                loops(&agents, &rule)
            };
            let refused = mistakes("https://calls.example.com/");
            assert!(refused.len() == 1 && refused[0].contains(field), "{refused:?}");
            assert!(mistakes("https://elsewhere.example.com").is_empty());
        }
    }

    #[test]
    fn a_redirect_of_those_beyond_a_limit_that_leads_back_here_is_refused() {
        let back = "redirect:https://calls.example.com/voice?agent=one";
        let (agents, _) = Agents::parse(&format!(
            "limit = 1\nat_limit = \"{back}\"\n{ONE}capacity = 1\nat_capacity = \"{back}\""
        ));
        let mistakes =
            |public_url| loops(&agents, &UrlRule::Fixed(PublicUrl::parse(public_url).unwrap()));
        let refused = mistakes("https://calls.example.com");
        assert!(refused.len() == 2 && refused[0].contains("\"one\": at_capacity"), "{refused:?}");
        assert!(refused[1].contains("at_limit leads back to PUBLIC_URL"), "{refused:?}");
        assert!(mistakes("https://elsewhere.example.com").is_empty());
    }

    #[test]
    fn a_status_callback_url_that_nothing_can_be_sent_to_is_refused() {
        let with = |url: &str| Agents::parse(&format!("{ONE}status_callback_url = \"{url}\"")).0;
        assert!(unusable(&with("https://a.example/b?c=d#rc=2")).is_empty());
        let refused = unusable(&with("https://a.example:port/"));
        assert!(refused.len() == 1 && refused[0].contains("status_callback_url"), "{refused:?}");
        let list = "status_callback_urls = [\"https://a.example/\", \"https://a.example:port/\"]";
        let refused = unusable(&Agents::parse(&format!("{ONE}{list}")).0);
        assert!(refused.len() == 1 && refused[0].contains("status_callback_urls"), "{refused:?}");
    }

    #[test]
    fn shared_numbers_are_in_force_again_after_a_reload() {
        let env = Env::of([("SHARED_NUMBERS", "+14155550100, +14155550101")]);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("agents.toml");
        fs::write(&path, ONE).unwrap();
        let env = env.with("AGENTS_FILE", path.to_str().unwrap());
        let agents = AgentRegistry::read(
            &mut SettingsReader::new(&env),
            &UrlRule::AsReceived,
            Layout::default(),
        );
        let is_shared = |number| agents.now().is_shared_number(number);
        assert!(is_shared("+14155550100") && is_shared("14155550101"));
        fs::write(&path, format!("shared = [\"+14155550102\"]\n{ONE}")).unwrap();
        agents.reload().unwrap();
        assert!(is_shared("+14155550100") && is_shared("sip:+14155550102@a.example"));
        assert!(!is_shared("+14155550103"));
    }

    #[test]
    fn a_file_that_is_wrong_or_gone_leaves_the_agents_as_they_were() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("agents.toml");
        fs::write(&path, ONE).unwrap();
        let agents = registry(path.to_str().unwrap());
        let held = agents.now();
        assert!(held.by_id("one").is_some());
        fs::write(&path, ONE.replace("one", "two")).unwrap();
        assert!(agents.reload().unwrap().by_id("two").is_some());
        assert!(held.by_id("one").is_some(), "whoever has them keeps them");
        let turned = ONE.replace("One", "O\u{202e}ne");
        for wrong in [ONE.repeat(2), "[[agent".to_owned(), turned] {
            fs::write(&path, wrong).unwrap();
            assert!(agents.reload().is_err());
        }
        let told = agents.reload().unwrap_err();
        assert!(told.len() == 1 && told[0].contains("\"one\": name: "), "{told:?}");
        fs::remove_file(&path).unwrap();
        assert!(agents.reload().is_err());
        assert!(agents.now().by_id("two").is_some());
    }
}
