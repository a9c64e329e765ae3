//! The stack on one machine: backend and proxy in one process, on loopback.

use std::collections::BTreeSet;
use std::fs::DirBuilder;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::process::ExitCode;
use std::{fs, io};

use live_users_backend::Tool;
use live_users_http_kit::{ConfigErrors, Env, ListenAddress, warn_of_misspelt};
use live_users_intake::agents::DEFAULT_FILE;
use tokio::sync::watch;

use crate::Failure;
use crate::args::Ports;
use crate::tokens::{ADMIN_TOKEN_FILE, API_TOKEN_FILE, Drawn, directory, draw, drawn};

/// The token that the simulator signs with when there is none of Twilio's. Everybody may know it:
/// whoever can reach loopback can then make up calls, in a demonstration that has no real ones.
const DEMO_TOKEN: &str = "live-users-demonstration-token";

/// The journal of a demonstration, which keeps its calls apart from those of an account.
const DEMO_JOURNAL: &str = "file:./data/demo";

/// The agents of a demonstration that has no others.
const DEMO_AGENTS: &str = include_str!("../../../examples/agents.toml");

/// What says that Twilio, and so the internet, is meant to reach the backend, or to be asked.
const MEANT: [&str; 7] = [
    "TWILIO_AUTH_TOKEN",
    "TWILIO_ACCOUNT_SID",
    "TWILIO_API_KEY_SID",
    "PUBLIC_URL",
    "TRUST_FORWARDED_HEADERS",
    "TRUSTED_PROXIES",
    "ALLOW_UNSIGNED_WEBHOOKS",
];

/// How often Twilio is asked where the number comes from asking alone, in seconds.
pub(crate) const LOOK_SECONDS: &str = "5";

/// A stack that has its settings and its ports, and does not serve yet.
pub(crate) struct Stack {
    backend: (live_users_backend::Backend, TcpListener, SocketAddr),
    proxy: (live_users_proxy::Config, TcpListener, SocketAddr),
}

/// What the stack is told.
pub(crate) struct Told {
    /// The environment of this process, with what was added to it here.
    pub(crate) env: Env,
    /// Whether this is a demonstration: then with a token of Twilio's that the simulator knows.
    pub(crate) is_demo: bool,
    /// Whether the number comes from asking Twilio, and from no webhook.
    pub(crate) watches: bool,
    /// The `ADMIN_TOKEN` that was drawn here, to be shown to whoever has started this.
    pub(crate) drawn_admin_token: Option<Drawn>,
}

/// Whether nothing says that calls of Twilio are meant.
pub(crate) fn is_demo(env: &Env) -> bool {
    MEANT.iter().all(|name| env.get(name).is_none())
}

/// The environment of this process for a tool. A backup is of the demonstration where there is no
/// other journal in the default place.
pub(crate) fn env_of(tool: &Tool) -> Env {
    let env = Env::process();
    let has_journal =
        |env: &Env| directory(env).is_some_and(|it| it.join("journal.sqlite3").exists());
    let is_read = matches!(tool, Tool::Backup { .. });
    if !is_read || !is_demo(&env) || env.get("JOURNAL_URL").is_some() || has_journal(&env) {
        return env;
    }
    let of_demo = env.clone().with("JOURNAL_URL", DEMO_JOURNAL);
    if has_journal(&of_demo) { of_demo } else { env }
}

/// Reads the environment of this process. A demonstration is never made of it where Twilio, and so
/// the internet, is meant to reach the backend.
pub(crate) fn read_env() -> Result<Told, Failure> {
    let mut env = Env::process();
    let is_demo = is_demo(&env);
    if is_demo {
        env = env.with("TWILIO_AUTH_TOKEN", DEMO_TOKEN);
    }
    let watches = watches(&env);
    if watches {
        env = watching(env)?;
    }
    let drawn_admin_token = match env.get("ADMIN_TOKEN") {
        Some(_) => None,
        None => Some(drawn(&env, ADMIN_TOKEN_FILE)?),
    };
    if let Some(Drawn { token, .. }) = &drawn_admin_token {
        env = env.with("ADMIN_TOKEN", token);
    }
    let api_token = match env.get("API_TOKEN") {
        Some(token) => token.to_owned(),
        None => drawn(&env, API_TOKEN_FILE)?.token,
    };
    let mut env = env.with("API_TOKEN", &api_token).with("BACKEND_TOKEN", &api_token);
    // The tokens stay where those of an account are, so that every command finds them.
    if is_demo && env.get("JOURNAL_URL").is_none() {
        env = with_demo_agents(env.with("JOURNAL_URL", DEMO_JOURNAL));
    }
    Ok(Told { env, is_demo, watches, drawn_admin_token })
}

/// Keeps the agents of the demonstration beside its journal, unless there are others. A file that is
/// there stays, with what somebody has changed in it.
fn with_demo_agents(env: Env) -> Env {
    let Some(folder) = directory(&env) else { return env };
    if env.get("AGENTS_FILE").is_some() || Path::new(DEFAULT_FILE).exists() {
        return env;
    }
    let file = folder.join(DEFAULT_FILE);
    let created = DirBuilder::new().recursive(true).mode(0o700).create(&folder);
    let written = match file.exists() {
        true => Ok(()),
        false => created.and_then(|()| fs::write(&file, DEMO_AGENTS)),
    };
    match written {
        Ok(()) => env.with("AGENTS_FILE", &file.display().to_string()),
        Err(error) => {
            log::warn!("{} cannot be written, so there are no agents: {error}", file.display());
            env
        }
    }
}

/// Whether Twilio can be asked, and has no address to send webhooks to.
pub(crate) fn watches(env: &Env) -> bool {
    let is_set = |name: &str| env.get(name).is_some();
    let key = is_set("TWILIO_API_KEY_SID") && is_set("TWILIO_API_KEY_SECRET");
    let reachable = ["PUBLIC_URL", "TRUST_FORWARDED_HEADERS", "TRUSTED_PROXIES"];
    is_set("TWILIO_ACCOUNT_SID")
        && (is_set("TWILIO_AUTH_TOKEN") || key)
        && !reachable.into_iter().any(is_set)
}

/// What is set where nothing but asking tells of calls.
fn watching(mut env: Env) -> Result<Env, Failure> {
    if env.get("REFEREE_LOOK_SECONDS").is_none() {
        env = env.with("REFEREE_LOOK_SECONDS", LOOK_SECONDS);
    }
    // With an API key alone, no webhook can be verified, so none is accepted.
    let unsigned = env.get("ALLOW_UNSIGNED_WEBHOOKS").is_some();
    if env.get("TWILIO_AUTH_TOKEN").is_none() && !unsigned {
        // The hashes of callers have to be the same after a restart.
        let secret = env.get("TWILIO_API_KEY_SECRET").unwrap_or_default().to_owned();
        if env.get("CALLER_HASH_KEY").is_none() {
            env = env.with("CALLER_HASH_KEY", &secret);
        }
        env = env.with("TWILIO_AUTH_TOKEN", &draw()?);
    }
    Ok(env)
}

/// Runs the stack until `shutdown` resolves.
pub(crate) async fn run(
    ports: &Ports,
    shutdown: impl Future<Output = ()>,
) -> Result<ExitCode, Failure> {
    warn_of_misspelt(&Env::process());
    let told = read_env()?;
    let stack = Stack::bind(&told, ports)?;
    stack.welcome(&told);
    stack.serve(shutdown).await.map_err(Failure::run)?;
    Ok(ExitCode::SUCCESS)
}

impl Stack {
    /// Reads the settings of both servers and takes the ports.
    pub(crate) fn bind(told: &Told, ports: &Ports) -> Result<Self, Failure> {
        let (backend, mut proxy) = settings(&told.env, ports).map_err(Failure::usage)?;
        let bind = |listen: ListenAddress, flag: &str| {
            let remedy = format!("give {flag} another port, or 0 to let the system choose one");
            listen.bind_or(&remedy).map_err(Failure::run)
        };
        let listen = backend.first().listen;
        let backend = live_users_backend::Backend::open(backend).map_err(Failure::run)?;
        let listener = bind(listen, "--backend-port")?;
        let backend_at = listener.local_addr().map_err(Failure::run)?;
        for url in &mut proxy.backends {
            url.set_port(Some(backend_at.port())).map_err(|()| {
                Failure::run("the backend's address takes no port, which cannot be")
            })?;
        }
        let proxy_listener = bind(proxy.listen, "--proxy-port")?;
        let proxy_at = proxy_listener.local_addr().map_err(Failure::run)?;
        let mut stack = Self {
            backend: (backend, listener, backend_at),
            proxy: (proxy, proxy_listener, proxy_at),
        };
        // The command names the ports, which are known only now.
        stack.proxy.0.simulate = told.is_demo.then(|| stack.simulate(&told.env));
        Ok(stack)
    }

    /// Where the backend is.
    pub(crate) fn backend_url(&self) -> String {
        format!("http://{}", self.backend.2)
    }

    /// Where the proxy is.
    pub(crate) fn proxy_url(&self) -> String {
        format!("http://{}", self.proxy.2)
    }

    /// The port of the backend.
    pub(crate) fn backend_port(&self) -> u16 {
        self.backend.2.port()
    }

    /// The port of the proxy.
    pub(crate) fn proxy_port(&self) -> u16 {
        self.proxy.2.port()
    }

    /// Serves until `shutdown` resolves, or until one of the two servers fails.
    pub(crate) async fn serve(self, shutdown: impl Future<Output = ()>) -> io::Result<()> {
        let (stop, stopping) = watch::channel(());
        let stopped = |mut stopping: watch::Receiver<()>| async move {
            let _the_sender_is_gone = stopping.changed().await;
        };
        let (backend, backend_listener, _) = self.backend;
        let (proxy_config, proxy_listener, _) = self.proxy;
        let backend = backend.run(backend_listener, stopped(stopping.clone()));
        let proxy = live_users_proxy::run(proxy_config, proxy_listener, stopped(stopping));
        let shutdown = async {
            shutdown.await;
            drop(stop);
            Ok(())
        };
        tokio::try_join!(backend, proxy, shutdown).map(|_| ())
    }
}

/// The settings of the backend, as often as it takes them, and of the proxy; or all that is wrong with
/// them.
fn settings(
    env: &Env,
    ports: &Ports,
) -> Result<(live_users_backend::Configs, live_users_proxy::Config), ConfigErrors> {
    let alone = ["SHARDS_HERE", "SHARD_BACKENDS", "BACKEND_URLS"];
    let alone = alone.into_iter().filter(|name| env.get(name).is_some());
    let alone: Vec<_> = alone
        .map(|name| {
            format!(
                "{name} is set: live-users runs one backend that has all shards, and its proxy; expected \
                 SHARDS alone, or live-users-backend and live-users-proxy as servers of their own"
            )
        })
        .collect();
    if !alone.is_empty() {
        return Err(ConfigErrors(alone));
    }
    let here = |port: u16| env.clone().with("HOST", "127.0.0.1").with("PORT", &port.to_string());
    let backend = live_users_backend::Configs::read(&here(ports.backend_port));
    // The port is set when it is known.
    let env = here(ports.proxy_port).with("BACKEND_URL", "http://127.0.0.1:1");
    let proxy = live_users_proxy::Config::read(&env).map_err(|ConfigErrors(proxys)| {
        // Here it has the backend's value, so a mistake in it is one in that.
        let named = proxys.iter().map(|mistake| mistake.replace("BACKEND_TOKEN", "API_TOKEN"));
        ConfigErrors(named.collect())
    });
    match (backend, proxy) {
        (Ok(backend), Ok(proxy)) => Ok((backend, proxy)),
        (Err(mistakes), Ok(_)) | (Ok(_), Err(mistakes)) => Err(mistakes),
        (Err(ConfigErrors(mut all)), Err(ConfigErrors(proxys))) => {
            // Both read the origins.
            all.extend(proxys);
            let mut told = BTreeSet::new();
            all.retain(|mistake| told.insert(mistake.clone()));
            Err(ConfigErrors(all))
        }
    }
}
