//! The stack on one machine: backend and proxy in one process, on loopback.

use std::collections::BTreeSet;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::ExitCode;

use live_users_http_kit::{ConfigErrors, Env};
use tokio::sync::watch;

use crate::args::Ports;
use crate::{Failure, tell};

/// The token that the simulator signs with when there is none of Twilio's. Everybody may know it:
/// whoever can reach loopback can then make up calls, in a demonstration that has no real ones.
const DEMO_TOKEN: &str = "live-users-demonstration-token";

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
    is_demo: bool,
    /// The `ADMIN_TOKEN` of this process alone, to be shown to whoever has started it.
    drawn_admin_token: Option<String>,
}

/// Reads the environment of this process. A demonstration is never made of it where Twilio, and so
/// the internet, is meant to reach the backend.
pub(crate) fn read_env() -> Result<Told, Failure> {
    let mut env = Env::process();
    let meant = [
        "TWILIO_AUTH_TOKEN",
        "TWILIO_ACCOUNT_SID",
        "TWILIO_API_KEY_SID",
        "PUBLIC_URL",
        "TRUST_FORWARDED_HEADERS",
        "TRUSTED_PROXIES",
        "ALLOW_UNSIGNED_WEBHOOKS",
    ];
    let is_demo = meant.iter().all(|name| env.get(name).is_none());
    let mut drawn_admin_token = None;
    if is_demo {
        env = env.with("TWILIO_AUTH_TOKEN", DEMO_TOKEN);
        if env.get("ADMIN_TOKEN").is_none() {
            let token = draw_token()?;
            env = env.with("ADMIN_TOKEN", &token);
            drawn_admin_token = Some(token);
        }
    }
    let api_token = match env.get("API_TOKEN") {
        Some(token) => token.to_owned(),
        None => draw_token()?,
    };
    let env = env.with("API_TOKEN", &api_token).with("BACKEND_TOKEN", &api_token);
    Ok(Told { env, is_demo, drawn_admin_token })
}

/// The directory of the journal, if it is in files.
pub(crate) fn data_folder(env: &Env) -> Option<PathBuf> {
    let url = env.get("JOURNAL_URL").unwrap_or("file:./data");
    url.strip_prefix("file:").map(PathBuf::from)
}

/// The token of the backend's API: the first of `API_TOKEN`, or the one that was drawn and kept.
pub(crate) fn known_api_token(env: &Env) -> Option<String> {
    let first = |tokens: &str| tokens.split(',').next().map(|it| it.trim().to_owned());
    let kept = || std::fs::read_to_string(data_folder(env)?.join("api-token")).ok();
    env.get("API_TOKEN").and_then(first).or_else(|| kept().map(|it| it.trim().to_owned()))
}

/// A token that nobody can guess: 128 bits, in hexadecimal.
pub(crate) fn draw_token() -> Result<String, Failure> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)
        .map_err(|error| Failure::run(format!("cannot draw a token at random: {error}")))?;
    Ok(format!("{:032x}", u128::from_ne_bytes(bytes)))
}

/// Runs the stack until `shutdown` resolves.
pub(crate) async fn run(
    ports: &Ports,
    shutdown: impl Future<Output = ()>,
) -> Result<ExitCode, Failure> {
    let told = read_env()?;
    let stack = Stack::bind(&told.env, ports)?;
    stack.welcome(&told);
    stack.serve(shutdown).await.map_err(Failure::run)?;
    Ok(ExitCode::SUCCESS)
}

impl Stack {
    /// Reads the settings of both servers and takes the ports.
    pub(crate) fn bind(env: &Env, ports: &Ports) -> Result<Self, Failure> {
        let (backend, mut proxy) = settings(env, ports).map_err(Failure::usage)?;
        let taken = |flag: &str, error: io::Error| {
            Failure::run(format!("{error}; here that is {flag}, for one process or another"))
        };
        let listen = backend[0].listen;
        let backend = live_users_backend::Backend::open(backend).map_err(Failure::run)?;
        let listener = listen.bind().map_err(|e| taken("--backend-port", e))?;
        let backend_at = listener.local_addr().map_err(Failure::run)?;
        proxy
            .backend_url
            .set_port(Some(backend_at.port()))
            .map_err(|()| Failure::run("the backend's address takes no port, which cannot be"))?;
        let proxy_listener = proxy.listen.bind().map_err(|e| taken("--proxy-port", e))?;
        let proxy_at = proxy_listener.local_addr().map_err(Failure::run)?;
        Ok(Self {
            backend: (backend, listener, backend_at),
            proxy: (proxy, proxy_listener, proxy_at),
        })
    }

    /// Where the backend is.
    pub(crate) fn backend_url(&self) -> String {
        format!("http://{}", self.backend.2)
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

    pub(crate) fn welcome(&self, told: &Told) {
        let (backend, proxy) = (self.backend.2, self.proxy.2);
        tell(format_args!("\nLive Users runs on this machine.\n"));
        tell(format_args!("  The page     http://{proxy}/admin/existing-agents"));
        tell(format_args!("  The count    http://{backend}/api/live-users\n"));
        match (&told.drawn_admin_token, told.env.get("ADMIN_TOKEN")) {
            (Some(token), _) => {
                tell(format_args!("The page asks for a token. It was drawn for this run:\n"));
                tell(format_args!("  {token}\n"));
                tell(format_args!("What is behind the number, as JSON:\n"));
                tell(format_args!("  curl -H 'Authorization: Bearer {token}' \\"));
                tell(format_args!("    http://{proxy}/api/live-users/summary\n"));
            }
            (None, Some(_)) => tell(format_args!("The page asks for your ADMIN_TOKEN.\n")),
            (None, None) => {
                tell(format_args!(
                    "Nobody can sign in to the page: ADMIN_TOKEN is not set. Set it"
                ));
                tell(format_args!("to the output of `openssl rand -hex 32`, and start again.\n"));
            }
        }
        match (told.is_demo, told.env.get("PUBLIC_URL")) {
            (true, _) => {
                tell(format_args!(
                    "A demonstration, since TWILIO_AUTH_TOKEN is not set. See the number move:\n"
                ));
                tell(format_args!("  cargo run --release -- simulate --calls 25\n"));
                tell(format_args!(
                    "For a Twilio number of yours: README.md, \"Connect a Twilio number\".\n"
                ));
            }
            (false, None) => {
                tell(format_args!(
                    "Twilio has to reach http://{backend} under an address of its own: set"
                ));
                tell(format_args!("PUBLIC_URL to that address, for the signature covers it.\n"));
            }
            (false, Some(public)) => {
                let public = public.trim_end_matches('/');
                tell(format_args!(
                    "In Twilio, for each phone number, under Voice, each with HTTP POST:\n"
                ));
                tell(format_args!("  A call comes in         {public}/voice"));
                tell(format_args!("  Primary handler fails   {public}/voice"));
                tell(format_args!("  Call status changes     {public}/call-status#rc=5&rp=all\n"));
            }
        }
    }
}

/// The settings of the backend, twice as it takes them, and of the proxy; or all that is wrong with
/// them.
fn settings(
    env: &Env,
    ports: &Ports,
) -> Result<([live_users_backend::Config; 2], live_users_proxy::Config), ConfigErrors> {
    let here = |port: u16| env.clone().with("HOST", "127.0.0.1").with("PORT", &port.to_string());
    let backend = || live_users_backend::Config::read(&here(ports.backend_port));
    let backend = backend().and_then(|config| Ok([config, backend()?]));
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
