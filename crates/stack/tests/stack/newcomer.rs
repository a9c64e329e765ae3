//! A newcomer with a Twilio account: connects a number, is called, crashes, looks, and goes back.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::Output;
use std::sync::Arc;

use live_users_simulator::rest::{Account, Behaviour, CallsApi, Dialed, StandIn};
use live_users_testkit::{Server, exit_of, get};
use live_users_twilio::rest::{Method, VoiceSettings, Webhook};
use parking_lot::Mutex;
use serde_json::Value;
use tempfile::TempDir;

use crate::{API_TOKEN, STACK, TOKEN};

const ACCOUNT: &str = "AC00000000000000000000000000000001";
const BOOKING: &str = "+12065550100";
const SUPPORT: &str = "+12065550101";
const CALLER: &str = "+14155550123";

/// The agent's own voice application, and receiver of status callbacks.
struct OwnApplication {
    url: String,
    requests: Arc<Mutex<Vec<String>>>,
}

impl OwnApplication {
    fn start() -> Self {
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
    fn requests(&self) -> Vec<String> {
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
struct World {
    folder: TempDir,
    twilio: StandIn,
    application: OwnApplication,
    port: u16,
    runtime: tokio::runtime::Runtime,
}

impl World {
    fn new() -> Self {
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

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    fn public_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    fn env(&self) -> Vec<(&'static str, String)> {
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

    fn start(&self) -> Server {
        let port = self.port.to_string();
        let args = ["--backend-port", &port, "--proxy-port", "0"];
        if !Path::new(&self.path("agents.toml")).exists() {
            std::fs::write(self.path("agents.toml"), "# My agents.\n").expect("a file");
        }
        with(&self.env(), |env| Server::start(STACK, &args, env))
    }

    fn run(&self, args: &[&str]) -> Output {
        self.run_with(args, &[])
    }

    fn run_with(&self, args: &[&str], more: &[(&'static str, &str)]) -> Output {
        let port = self.port.to_string();
        let mut env = self.env();
        for (name, value) in more {
            env.retain(|(known, _)| known != name);
            env.push((name, (*value).to_owned()));
        }
        let args = [args, &["--backend-port", &port]].concat();
        with(&env, |env| exit_of(STACK, &args, env))
    }

    fn settings(&self, number: &str) -> VoiceSettings {
        self.twilio.account().number(number).expect("a number").settings.clone()
    }

    fn dial(&self, number: &str) -> Dialed {
        self.runtime.block_on(self.twilio.dial(TOKEN, number, CALLER)).expect("a call")
    }

    fn hang_up(&self, call: &Dialed) -> bool {
        self.runtime.block_on(self.twilio.hang_up(TOKEN, call)).expect("a call")
    }

    fn count(&self) -> String {
        get(&format!("{}/api/live-users", self.public_url())).body
    }

    /// Nothing was changed: neither numbers nor the agents file.
    fn is_untouched(&self, before: &[VoiceSettings; 2]) {
        assert_eq!([self.settings(BOOKING), self.settings(SUPPORT)], *before);
        let agents = std::fs::read_to_string(self.path("agents.toml")).expect("a file");
        assert_eq!(agents, "# My agents.\n");
    }

    /// The agents file has where calls go on to, and nothing but voice fields were changed.
    fn has_entered_agents(&self) {
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

    fn both(&self) -> [VoiceSettings; 2] {
        [self.settings(BOOKING), self.settings(SUPPORT)]
    }
}

fn with<T>(env: &[(&'static str, String)], run: impl FnOnce(&[(&str, &str)]) -> T) -> T {
    let env: Vec<_> = env.iter().map(|(name, value)| (*name, value.as_str())).collect();
    run(&env)
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr[..]].concat()).into_owned()
}

fn succeeded(output: &Output) -> String {
    assert!(output.status.success(), "{}", text(output));
    text(output)
}

fn failed(output: &Output, code: i32) -> String {
    assert_eq!(output.status.code(), Some(code), "{}", text(output));
    text(output)
}

#[test]
fn a_newcomer_connects_is_called_crashes_looks_and_goes_back() {
    let world = World::new();
    let before = world.both();
    let mut server = world.start();
    server.await_log("listening on");

    let told = succeeded(&world.run(&["connect", "--dry-run"]));
    assert!(told.contains("Nothing was changed: --dry-run."), "{told}");
    assert!(!told.contains("topsecret"), "{told}");
    world.is_untouched(&before);
    assert!(!Path::new(&world.path("data/connect.json")).exists());

    let told = succeeded(&world.run(&["connect"]));
    assert!(told.contains(&format!("{BOOKING}: connected")), "{told}");
    let own = &world.application.url;
    let [booking, support] = world.both();
    let ours = world.public_url();
    assert_eq!(booking.voice, Webhook::post(format!("{ours}/voice")));
    assert_eq!(booking.fallback, before[0].voice, "the agent's own");
    let status_callback = format!("{ours}/call-status#ct=500&rc=5&rp=all");
    assert_eq!(booking.status_callback, Webhook::post(status_callback));
    assert_eq!(support.fallback, before[1].fallback, "it had one");
    world.has_entered_agents();

    let call = world.dial(BOOKING);
    assert!(call.heard.as_deref().is_some_and(|it| it.contains("The agent speaks")), "{call:?}");
    assert_eq!(call.requested, [format!("{ours}/voice"), format!("{own}/voice?key=topsecret")]);
    assert_eq!(world.count(), r#"{"liveUsers":1}"#);
    assert!(world.hang_up(&call));
    assert_eq!(world.count(), r#"{"liveUsers":0}"#);

    assert!(succeeded(&world.run(&["connect"])).contains("There is nothing to change."));

    let told = succeeded(&world.run(&["doctor"]));
    for expected in [
        format!("{BOOKING} is connected; /voice "),
        "the credentials are right".to_owned(),
        "0 failed".to_owned(),
        format!("a signed webhook to {ours}/call-status reaches this backend"),
        "this machine's clock agrees with Twilio's".to_owned(),
    ] {
        assert!(told.contains(&expected), "{expected} is not in\n{told}");
    }

    server.kill();
    let call = world.dial(BOOKING);
    assert!(call.heard.is_some(), "without this server the agent is reached directly: {call:?}");
    let told = failed(&world.run(&["doctor", "--json"]), 1);
    let report: Value = serde_json::from_str(&told).expect("JSON");
    assert_eq!(report["ok"], false);
    let checks = report["checks"].as_array().expect("checks");
    let reach = checks.iter().find(|it| it["check"] == "reach").expect("a line");
    assert!(reach["state"] == "failed" && reach["remedy"].is_string(), "{reach}");
    let alerts = checks.iter().find(|it| it["check"] == "debugger").expect("a line");
    assert!(alerts["text"].as_str().is_some_and(|it| it.contains("11200")), "{alerts}");
    let mut server = world.start();
    server.await_log("listening on");
    assert!(world.hang_up(&call));
    assert_eq!(world.count(), r#"{"liveUsers":0}"#);

    let told = succeeded(&world.run(&["connect", "--undo"]));
    assert!(told.contains("Every number has what it had before."), "{told}");
    world.is_untouched(&before);
    assert!(!Path::new(&world.path("data/connect.json")).exists());
    failed(&world.run(&["connect", "--undo"]), 1);
    // The former status callback heard of the call, too.
    assert!(world.application.requests().contains(&"POST /status".to_owned()));
}

#[test]
fn what_fails_half_way_is_taken_back_or_named() {
    let world = World::new();
    let before = world.both();
    let mut server = world.start();
    server.await_log("listening on");
    let change = |behave: &dyn Fn(&mut Account)| behave(&mut world.twilio.account());

    change(&|it| it.behaviour.may_change = false);
    let told = failed(&world.run(&["connect"]), 1);
    assert!(told.contains("credentials refused") && told.contains("as it was"), "{told}");
    assert!(!Path::new(&world.path("data/connect.json")).exists());
    change(&|it| it.behaviour.may_change = true);
    world.is_untouched(&before);

    // The change is made, and nobody says so.
    change(&|it| it.behaviour.answers_lost = 3);
    let told = failed(&world.run(&["connect", "--number", BOOKING]), 1);
    assert!(told.contains("Everything is as it was"), "{told}");
    world.is_untouched(&before);

    // After the first number nothing can be changed any more, not even back.
    let n = world.twilio.account().changes().len();
    change(&|it| it.behaviour.works_for_changes = Some(n + 1));
    let told = failed(&world.run(&["connect"]), 1);
    assert!(told.contains(&format!("{SUPPORT} cannot be changed")), "{told}");
    assert!(told.contains(&format!("{BOOKING} may have the new URLs")), "{told}");
    // Its callers still reach their agent.
    assert!(world.dial(BOOKING).heard.is_some_and(|it| it.contains("The agent speaks")));
    change(&|it| it.behaviour.works_for_changes = None);
    succeeded(&world.run(&["connect", "--undo"]));
    world.is_untouched(&before);
}

#[test]
fn what_cannot_be_right_changes_nothing() {
    let world = World::new();
    let before = world.both();
    std::fs::write(world.path("agents.toml"), "# My agents.\n").expect("a file");
    let told = failed(&world.run(&["connect"]), 1);
    assert!(told.contains("/voice is not accepted"), "no server: {told}");
    world.is_untouched(&before);
    let mut server = world.start();
    server.await_log("listening on");

    let told = failed(&world.run(&["connect", "--number", "+12065550999"]), 1);
    assert!(told.contains(ACCOUNT) && told.contains("has no +12065550999"), "{told}");
    failed(&world.run(&["connect", "--number", "0100"]), 64);
    let wrong = [("TWILIO_AUTH_TOKEN", "another-token-of-nobody")];
    let told = failed(&world.run_with(&["connect"], &wrong), 1);
    assert!(told.contains("credentials refused") && !told.contains("of-nobody"), "{told}");
    let told = failed(&world.run_with(&["connect"], &[("TWILIO_AUTH_TOKEN", "\"quoted\"")]), 64);
    assert!(told.contains("TWILIO_AUTH_TOKEN") && !told.contains("quoted\""), "{told}");
    let voice = format!("{}/voice", world.public_url());
    let told = failed(&world.run_with(&["connect"], &[("PUBLIC_URL", &voice)]), 64);
    assert!(told.contains(&format!("expected {}, without /voice", world.public_url())), "{told}");
    let told =
        failed(&world.run_with(&["connect"], &[("API_TOKEN", "not-the-right-one-at-all")]), 1);
    assert!(told.contains("API_TOKEN") && told.contains("Everything is as it was"), "{told}");
    world.is_untouched(&before);

    world.twilio.account().behaviour.may_read = false;
    let told = failed(&world.run(&["connect"]), 1);
    assert!(told.contains("the phone numbers cannot be read"), "{told}");
    world.twilio.account().behaviour.may_read = true;

    let agents = world.path("agents.toml");
    let mut mode = std::fs::metadata(&agents).expect("a file").permissions();
    mode.set_readonly(true);
    std::fs::set_permissions(&agents, mode).expect("its mode can be set");
    let told = failed(&world.run(&["connect"]), 1);
    assert!(told.contains("read-only") && told.contains("Nothing was changed in Twilio"), "{told}");
    world.is_untouched(&before);
}

#[test]
fn a_number_that_somebody_else_has_is_left_and_told() {
    let world = World::new();
    let mut account = world.twilio.account();
    let elevenlabs = Webhook::post("https://api.elevenlabs.io/twilio/inbound_call");
    let platform = VoiceSettings { voice: elevenlabs, ..VoiceSettings::default() };
    account.add_number("+12065550102", "Platform", platform.clone());
    let application = account.add_application("App", VoiceSettings::default());
    let trunk = account.add_number("+12065550103", "Trunk", VoiceSettings::default());
    account.number_mut(&trunk).expect("a number").application_sid = Some(application);
    drop(account);
    let mut server = world.start();
    server.await_log("listening on");
    let told = succeeded(&world.run(&["connect"]));
    assert!(told.contains("left as it is: ElevenLabs has set its URLs"), "{told}");
    assert!(told.contains("left as it is: a TwiML application has its URLs"), "{told}");
    assert_eq!(world.settings("+12065550102"), platform);
    succeeded(&world.run(&["connect", "--number", "+1 (206) 555-0102"]));
    assert_ne!(world.settings("+12065550102"), platform);

    // Somebody changes a number afterwards: doctor tells it, and undo leaves it.
    let other = Webhook::post("https://other.example.com/voice");
    world.twilio.account().number_mut(SUPPORT).expect("a number").settings.voice = other.clone();
    world.twilio.account().behaviour.clock_ahead_s = 90;
    let told = failed(&world.run(&["doctor"]), 1);
    assert!(told.contains(&format!("{SUPPORT}: somebody has changed its URLs")), "{told}");
    assert!(told.contains("s behind Twilio's"), "{told}");
    let told = succeeded(&world.run(&["connect", "--undo"]));
    assert!(told.contains(&format!("{SUPPORT}: left as it is")), "{told}");
    assert_eq!(world.settings(SUPPORT).voice, other);
    assert_eq!(world.settings("+12065550102"), platform);
}
