//! A machine, a Twilio account with two numbers, and an agent with an application of its own.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::Output;
use std::sync::Arc;

use live_users_simulator::rest::{Behaviour, CallsApi, Dialed, StandIn};
use live_users_testkit::{Server, exit_in, get};
use live_users_twilio::Method;
use live_users_twilio::rest::{VoiceSettings, Webhook};
use parking_lot::Mutex;
use tempfile::TempDir;

use crate::{API_TOKEN, STACK, TOKEN};

pub(super) const ACCOUNT: &str = "AC00000000000000000000000000000001";
pub(super) const BOOKING: &str = "+12065550100";
pub(super) const SUPPORT: &str = "+12065550101";
const CALLER: &str = "+14155550123";

/// The agent's own voice application, and receiver of status callbacks.
pub(super) struct OwnApplication {
    pub(super) url: String,
    requests: Arc<Mutex<Vec<String>>>,
}

impl OwnApplication {
    pub(super) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&requests);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { return };
                let (mut text, mut bytes) = (String::new(), [0; 4096]);
                while !is_whole(&text) {
                    match stream.read(&mut bytes) {
                        Ok(n) if n > 0 => text.push_str(&String::from_utf8_lossy(&bytes[..n])),
                        _ => break,
                    }
                }
                let line = text.lines().next().unwrap_or_default().to_owned();
                let path = line.rsplit_once(' ').map_or("", |(line, _)| line).to_owned();
                seen.lock().push(path);
                let body = "<Response><Say>The agent speaks</Say></Response>";
                let _the_client_has_gone = write!(
                    stream,
                    "HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nConnection: close\r\n\
                     Content-Length: {}\r\n\r\n{body}",
                    body.len()
                );
            }
        });
        Self { url, requests }
    }

    /// The first lines of the requests, without their queries.
    pub(super) fn requests(&self) -> Vec<String> {
        let plain = |line: &String| line.split('?').next().unwrap_or_default().to_owned();
        self.requests.lock().iter().map(plain).collect()
    }
}

fn is_whole(request: &str) -> bool {
    let Some((head, body)) = request.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| {
        line.to_ascii_lowercase().strip_prefix("content-length:").map(|it| it.trim().to_owned())
    });
    length.is_none_or(|it| it.parse::<usize>().is_ok_and(|n| body.len() >= n))
}

/// A machine, a Twilio account with two numbers, and an agent.
pub(super) struct World {
    pub(super) folder: TempDir,
    pub(super) twilio: StandIn,
    pub(super) application: OwnApplication,
    pub(super) port: u16,
    runtime: tokio::runtime::Runtime,
}

impl World {
    pub(super) fn new() -> Self {
        let api = CallsApi::new(ACCOUNT, TOKEN, 7).with_behaviour(Behaviour::without_lag());
        let twilio = StandIn::start(api).expect("a stand-in");
        let application = OwnApplication::start();
        let own = |path: &str, method| Webhook {
            url: Some(format!("{}{path}", application.url)),
            method,
        };
        let mut account = twilio.account();
        let settings = VoiceSettings {
            voice: own("/voice?key=topsecret", Method::Get),
            status_callback: own("/status", Method::Post),
            ..VoiceSettings::default()
        };
        account.add_number(BOOKING, "Table bookings", settings);
        let fallback = own("/sorry", Method::Post);
        let voice = own("/support", Method::Post);
        let settings = VoiceSettings { voice, fallback, ..VoiceSettings::default() };
        account.add_number(SUPPORT, "(206) 555-0101", settings);
        drop(account);
        let free = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = free.local_addr().expect("an address").port();
        let folder = tempfile::tempdir().expect("a folder");
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        Self { folder, twilio, application, port, runtime }
    }

    pub(super) fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    pub(super) fn public_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub(super) fn env(&self) -> Vec<(&'static str, String)> {
        vec![
            ("TWILIO_AUTH_TOKEN", TOKEN.to_owned()),
            ("TWILIO_ACCOUNT_SID", ACCOUNT.to_owned()),
            ("TWILIO_API_URL", self.twilio.url()),
            ("PUBLIC_URL", self.public_url()),
            ("API_TOKEN", API_TOKEN.to_owned()),
            ("AGENTS_FILE", self.path("agents.toml")),
            ("JOURNAL_URL", format!("file:{}", self.path("data"))),
        ]
    }

    fn env_with(&self, more: &[(&'static str, &str)]) -> Vec<(&'static str, String)> {
        let mut env = self.env();
        for (name, value) in more {
            env.retain(|(known, _)| known != name);
            env.push((name, (*value).to_owned()));
        }
        env
    }

    pub(super) fn start(&self) -> Server {
        self.start_with(&[])
    }

    pub(super) fn start_with(&self, more: &[(&'static str, &str)]) -> Server {
        let port = self.port.to_string();
        let args = ["--backend-port", &port, "--proxy-port", "0"];
        let has_default_file = more.contains(&("AGENTS_FILE", ""));
        if !has_default_file && !Path::new(&self.path("agents.toml")).exists() {
            std::fs::write(self.path("agents.toml"), "# My agents.\n").expect("a file");
        }
        with(&self.env_with(more), |env| Server::start_in(self.folder.path(), STACK, &args, env))
    }

    pub(super) fn run(&self, args: &[&str]) -> Output {
        self.run_with(args, &[])
    }

    pub(super) fn run_with(&self, args: &[&str], more: &[(&'static str, &str)]) -> Output {
        let port = self.port.to_string();
        let env = self.env_with(more);
        let args = [args, &["--backend-port", &port]].concat();
        with(&env, |env| exit_in(self.folder.path(), STACK, &args, env))
    }

    pub(super) fn settings(&self, number: &str) -> VoiceSettings {
        self.twilio.account().number(number).expect("a number").settings.clone()
    }

    pub(super) fn dial(&self, number: &str) -> Dialed {
        self.runtime.block_on(self.twilio.dial(TOKEN, number, CALLER)).expect("a call")
    }

    pub(super) fn hang_up(&self, call: &Dialed) -> bool {
        self.runtime.block_on(self.twilio.hang_up(TOKEN, call)).expect("a call")
    }

    pub(super) fn count(&self) -> String {
        get(&format!("{}/api/live-users", self.public_url())).body
    }

    /// Nothing was changed: neither numbers nor the agents file.
    pub(super) fn is_untouched(&self, before: &[VoiceSettings; 2]) {
        assert_eq!([self.settings(BOOKING), self.settings(SUPPORT)], *before);
        let agents = std::fs::read_to_string(self.path("agents.toml")).expect("a file");
        assert_eq!(agents, "# My agents.\n");
    }

    /// The agents file has where calls go on to, and nothing but voice fields were changed.
    pub(super) fn has_entered_agents(&self) {
        let own = &self.application.url;
        let agents = std::fs::read_to_string(self.path("agents.toml")).expect("a file");
        for expected in [
            "# My agents.\n".to_owned(),
            "id = \"table-bookings\"".to_owned(),
            format!("voice_url = \"{own}/voice?key=topsecret\"\nvoice_method = \"GET\""),
            format!("status_callback_url = \"{own}/status\""),
            format!("fallback_url = \"{own}/sorry\""),
        ] {
            assert!(agents.contains(&expected), "{expected} is not in\n{agents}");
        }
        // Messages and everything else of the numbers stayed.
        for change in self.twilio.account().changes() {
            let is_voice =
                |name: &str| name.starts_with("Voice") || name.starts_with("StatusCallback");
            assert!(change.fields.iter().all(|(name, _)| is_voice(name)), "{change:?}");
        }
    }

    pub(super) fn both(&self) -> [VoiceSettings; 2] {
        [self.settings(BOOKING), self.settings(SUPPORT)]
    }
}

fn with<T>(env: &[(&'static str, String)], run: impl FnOnce(&[(&str, &str)]) -> T) -> T {
    let env: Vec<_> = env.iter().map(|(name, value)| (*name, value.as_str())).collect();
    run(&env)
}

pub(super) fn text(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr[..]].concat()).into_owned()
}

pub(super) fn succeeded(output: &Output) -> String {
    assert!(output.status.success(), "{}", text(output));
    text(output)
}

pub(super) fn failed(output: &Output, code: i32) -> String {
    assert_eq!(output.status.code(), Some(code), "{}", text(output));
    text(output)
}
