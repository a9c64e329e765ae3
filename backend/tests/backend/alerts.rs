//! Alerts of the real binary: when they fire, who is told and in which form, and what is shown.

use std::fs;
use std::path::Path;

use live_users_testkit::{Metrics, Server, Twilio, exit_of, send};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::honest::{API_TOKEN, WITH_TOKEN};
use crate::hooks::{SECRET, verified};
use crate::receiver::{OK, Receiver, Request, TROUBLE, answer};
use crate::referee::{ACCOUNT, stand_in};
use crate::replicas::team::await_that;
use crate::{BINARY, TOKEN, agents_file, start};

const AGENTS: &str = "[[agent]]\nid = \"booking\"\nname = \"Bookings\"\naccount = \"acme\"\n\
    numbers = [\"+15005550006\"]\ncapacity = 4\n\
    [[token]]\nid = \"wall\"\nsecret_env = \"WALL_TOKEN\"\naccounts = [\"acme\"]\n\
    role = \"operate\"\n";

const WALL: &str = "w4llt0k3nw4llt0k3nw4llt0k3n";

const SLACK: &str = "[[hook]]\nid = \"ops\"\nformat = \"slack\"\nurl_env = \"OPS_URL\"\n\
                     events = [\"alert\"]\n";

const BUSY: &str = "[[alert]]\nid = \"busy\"\nwhen = \"users\"\nat_least = 2\nfor_seconds = 0\n";

/// The alerts of a backend, with a receiver of all requests.
struct World {
    receiver: Receiver,
    folder: TempDir,
    file: String,
}

impl World {
    fn of(tables: &str) -> Self {
        let receiver = Receiver::start();
        let (folder, file) = agents_file(&format!("{AGENTS}{tables}"));
        Self { receiver, folder, file }
    }

    fn start(&self) -> (Server, Twilio) {
        let journal = format!("file:{}", self.folder.path().join("journal").display());
        let url = format!("{}/services/s3cr3t", self.receiver.base);
        let env = [
            WITH_TOKEN,
            ("AGENTS_FILE", &self.file),
            ("JOURNAL_URL", &journal),
            ("HOOK_SECRET", SECRET),
            ("OPS_URL", &url),
            ("WALL_TOKEN", WALL),
        ];
        start(&env)
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().expect("text").to_owned()
    }
}

fn ask(server: &Server, method: &str, path: &str, token: &str) -> (u16, Value) {
    let headers = [("Authorization", &*format!("Bearer {token}"))];
    let answer = send(method, &format!("{}/api/live-users{path}", server.url), &headers, b"");
    (answer.status, serde_json::from_str(&answer.body).unwrap_or_default())
}

fn shown(server: &Server, path: &str) -> Value {
    ask(server, "GET", path, API_TOKEN).1
}

fn metric(server: &Server, name: &str) -> Option<f64> {
    let headers = [("Authorization", &*format!("Bearer {API_TOKEN}"))];
    let page = send("GET", &format!("{}/metrics", server.url), &headers, b"").body;
    Metrics::parse(&page).get(name)
}

fn firing(server: &Server, alert: &str) -> Option<f64> {
    metric(server, &format!("live_users_alert_firing{{alert=\"{alert}\"}}"))
}

fn is_firing(server: &Server) -> bool {
    shown(server, "/alerts")["alerts"][0]["firing"] == true
}

/// What has happened lately: the alert, what, and its value.
fn recent(server: &Server) -> Vec<Value> {
    let recent = shown(server, "/alerts")["recent"].clone();
    let recent = recent.as_array().expect("a list").iter();
    recent.map(|it| json!([it["alert"], it["state"], it["value"]])).collect()
}

/// The text of what Slack is sent.
fn slack(request: &Request) -> String {
    assert_eq!(request.target, "/services/s3cr3t");
    assert_eq!(request.header("webhook-signature"), "");
    let body: Value = serde_json::from_str(&request.body).expect("JSON");
    let [title, text] = [0, 1].map(|n| &body["blocks"][n]["text"]["text"]);
    let whole = format!("{}: {}", title.as_str().expect("text"), text.as_str().expect("text"));
    assert_eq!(body["text"], whole);
    whole
}

fn text_of(path: &str) -> String {
    fs::read_to_string(Path::new(path)).unwrap_or_default()
}

#[test]
fn an_alert_is_told_in_each_form_when_it_fires_and_when_it_is_over() {
    let receiver = Receiver::start();
    let mail = tempfile::tempdir().expect("a folder");
    let mail = mail.path().join("mail").to_str().expect("text").to_owned() + "box";
    let tables = format!(
        "{BUSY}agent = \"booking\"\n\
         [[hook]]\nid = \"crm\"\nurl = \"{base}/crm\"\nsecret_env = \"HOOK_SECRET\"\n\
         events = [\"alert\"]\n\
         [[hook]]\nid = \"team\"\nformat = \"teams\"\nurl_env = \"OPS_URL\"\n\
         events = [\"alert\"]\n\
         [[hook]]\nid = \"mail\"\nformat = \"mail\"\nmail_command = [\"tee\", \"-a\", \"{mail}\"]\n\
         mail_to = [\"ops@example.com\", \"boss@example.com\"]\n\
         mail_from = \"live@example.com\"\nevents = [\"alert\"]\n",
        base = receiver.base
    );
    let world = World::of(&tables);
    let (server, twilio) = world.start();
    twilio.start(1);
    twilio.start(2);
    let ours = receiver.take();
    let message = verified(&ours);
    let data = &message["data"];
    assert_eq!((&message["type"], &data["state"]), (&json!("alert"), &json!("firing")));
    assert_eq!((&data["alert"], &data["value"]), (&json!("busy"), &json!(2)));
    assert_eq!((&data["threshold"], &data["agent"]), (&json!(2), &json!("booking")));
    let text = "Alert busy fires: 2 live users of agent booking; it fires from 2 on.";
    assert_eq!(data["text"], text);
    let teams: Value = serde_json::from_str(&world.receiver.take().body).expect("JSON");
    let attachment = &teams["attachments"][0];
    assert_eq!(teams["type"], "message");
    assert_eq!(attachment["contentType"], "application/vnd.microsoft.card.adaptive");
    let card = &attachment["content"];
    assert_eq!((&card["type"], &card["version"]), (&json!("AdaptiveCard"), &json!("1.4")));
    assert_eq!(card["body"][0]["inlines"][0]["text"], "[FIRING] busy");
    assert_eq!(card["body"][1]["inlines"][0]["text"], text);
    await_that("the mail is sent", || text_of(&mail).ends_with(&format!("{text}\r\n")));
    let sent = text_of(&mail);
    for line in [
        "From: <live@example.com>",
        "To: <ops@example.com>, <boss@example.com>",
        "Subject: [FIRING] busy at Live Users",
        "Auto-Submitted: auto-generated",
        "Message-ID: <mail-",
    ] {
        assert!(sent.lines().any(|it| it.starts_with(line)), "{line}: {sent}");
    }
    assert_eq!(twilio.end(1).status, 204);
    let over = verified(&receiver.take());
    assert_eq!((&over["data"]["state"], &over["data"]["value"]), (&json!("resolved"), &json!(1)));
    assert_eq!(over["data"]["since"], data["at"]);
    assert!(world.receiver.take().body.contains("[RESOLVED] busy"));
    await_that("the second mail is sent", || text_of(&mail).contains("[RESOLVED] busy"));
    let (status, log) = server.terminate();
    assert!(status.success() && log.contains("alert busy (users) fires at 2"), "{log}");
    for private in ["s3cr3t", "4155550", "ops@example.com", SECRET] {
        assert!(!log.contains(private), "{private} is in the log: {log}");
    }
    assert!(!format!("{}{sent}", ours.body).contains("4155550"));
}

#[test]
fn how_alerts_stand_is_in_the_summary_in_their_own_answer_and_in_metrics() {
    let world = World::of(&format!("{BUSY}{}", BUSY.replace("busy", "full").replace("= 2", "= 9")));
    let (server, twilio) = world.start();
    assert_eq!(firing(&server, "busy"), Some(0.0));
    twilio.start(1);
    twilio.start(2);
    await_that("it fires", || is_firing(&server));
    let alerts = shown(&server, "/alerts");
    assert_eq!(shown(&server, "/summary")["alerts"], alerts);
    let busy = &alerts["alerts"][0];
    assert_eq!((&busy["when"], &busy["threshold"]), (&json!("users"), &json!(2)));
    assert_eq!((&busy["value"], &busy["forSeconds"]), (&json!(2), &json!(0)));
    assert!(busy["since"].is_string() && alerts["alerts"][1]["firing"] == false);
    assert_eq!((firing(&server, "busy"), firing(&server, "full")), (Some(1.0), Some(0.0)));
    assert_eq!(twilio.end(1).status, 204);
    await_that("it is over", || !is_firing(&server));
    let recent = &shown(&server, "/alerts")["recent"];
    assert_eq!((&recent[0]["state"], &recent[1]["state"]), (&json!("resolved"), &json!("firing")));
    // Whose it is: it is about all calls.
    let (_, scoped) = ask(&server, "GET", "/alerts", WALL);
    assert_eq!(scoped, json!({ "alerts": [], "recent": [] }));
}

#[test]
fn a_reader_of_an_account_sees_the_alerts_of_its_agents_alone() {
    let of_agent = BUSY.replace("busy", "mine") + "agent = \"booking\"\n";
    let world = World::of(&format!("{BUSY}{of_agent}"));
    let (server, twilio) = world.start();
    twilio.start(1);
    twilio.start(2);
    await_that("both fire", || {
        let alerts = shown(&server, "/alerts");
        alerts["alerts"][0]["firing"] == true && alerts["alerts"][1]["firing"] == true
    });
    for path in ["/alerts", "/summary"] {
        let (status, seen) = ask(&server, "GET", path, WALL);
        let seen = if path == "/alerts" { seen } else { seen["alerts"].clone() };
        let ids = |list: &Value| {
            let list = list.as_array().expect("a list").iter();
            list.map(|it| it["alert"].as_str().expect("an id").to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(status, 200);
        assert_eq!(
            (ids(&seen["alerts"]), ids(&seen["recent"])),
            (vec!["mine".into()], vec!["mine".into()])
        );
    }
    assert_eq!(ask(&server, "POST", "/alerts/mine/test", WALL).0, 403);
}

#[test]
fn the_link_of_an_agent_shows_the_alerts_of_that_agent_alone() {
    let of_agent = BUSY.replace("busy", "mine") + "agent = \"booking\"\n";
    let world = World::of(&format!("{BUSY}{of_agent}"));
    let (server, twilio) = world.start();
    twilio.start(1);
    twilio.start(2);
    await_that("both fire", || shown(&server, "/alerts")["recent"][1]["state"] == "firing");
    let body = br#"{"name":"n","scope":{"agent":"booking"},"view":"page","expires":"1d"}"#;
    let headers = [("Authorization", &*format!("Bearer {API_TOKEN}"))];
    let made = send("POST", &format!("{}/api/live-users/links", server.url), &headers, body);
    let made: Value = serde_json::from_str(&made.body).expect("JSON");
    let token = made["token"].as_str().expect("a token");
    let seen = ask(&server, "GET", "/alerts", token).1;
    assert_eq!(ask(&server, "GET", "/summary", token).1["alerts"], seen);
    for list in ["alerts", "recent"] {
        let ids: Vec<_> = seen[list].as_array().expect("a list").iter().collect();
        assert_eq!((ids.len(), &ids[0]["alert"]), (1, &json!("mine")), "{seen}");
    }
}

#[test]
fn a_restart_neither_repeats_a_firing_alert_nor_forgets_it() {
    let world = World::of(&format!("{SLACK}{BUSY}"));
    let (server, twilio) = world.start();
    twilio.start(1);
    twilio.start(2);
    let said = slack(&world.receiver.take());
    assert_eq!(said, "[FIRING] busy: Alert busy fires: 2 live users; it fires from 2 on.");
    assert!(server.terminate().0.success());
    let (server, twilio) = world.start();
    let since = shown(&server, "/alerts")["alerts"][0]["since"].clone();
    assert!(since.is_string() && is_firing(&server));
    assert_eq!(twilio.end(2).status, 204);
    let said = slack(&world.receiver.take());
    assert!(said.starts_with("[RESOLVED] busy: Alert busy is over."), "{said}");
    assert!(said.contains(since.as_str().expect("text")), "{said}");
    // Within the quiet time it is not told that it fires again, and so not that it is over.
    twilio.start(3);
    await_that("it fires", || is_firing(&server));
    assert_eq!(twilio.end(3).status, 204);
    await_that("it is over", || !is_firing(&server));
    assert_eq!(ask(&server, "POST", "/alerts/busy/test", API_TOKEN).0, 200);
    assert!(slack(&world.receiver.take()).starts_with("[TEST] busy: "));
}

#[test]
fn after_a_kill_no_alert_is_told_again_that_was_told_before_the_last_one() {
    let table = |id: &str| BUSY.replace("busy", id);
    let three = ["one", "three", "two"].map(table).concat();
    let world = World::of(&format!("{SLACK}{three}"));
    let (mut server, twilio) = world.start();
    twilio.start(1);
    twilio.start(2);
    let next = || slack(&world.receiver.take()).split(':').next().expect("its id").to_owned();
    let told: Vec<_> = (0..3).map(|_| next()).collect();
    assert_eq!(told, ["[FIRING] one", "[FIRING] three", "[FIRING] two"]);
    // How far it was told is recorded before the next one is sent; of the last one that is not sure.
    server.kill();
    let (server, twilio) = world.start();
    assert_eq!(firing(&server, "two"), Some(1.0));
    assert_eq!(twilio.end(2).status, 204);
    let mut told: Vec<_> = (0..3).map(|_| next()).collect();
    if told[0] == "[FIRING] two" {
        told.remove(0);
        told.push(next());
    }
    assert_eq!(told, ["[RESOLVED] one", "[RESOLVED] three", "[RESOLVED] two"]);
}

#[test]
fn somebody_can_try_whether_the_hooks_are_told() {
    let quiet = BUSY.replace("busy", "quiet") + "hooks = []\n";
    let world = World::of(&format!("{SLACK}{BUSY}{quiet}"));
    let (mut server, twilio) = world.start();
    twilio.start(1);
    let tested = ask(&server, "POST", "/alerts/busy/test", API_TOKEN);
    assert_eq!(tested, (200, json!({ "alert": "busy", "hooks": ["ops"] })));
    let said = slack(&world.receiver.take());
    let expected = "[TEST] busy: This is a test of alert busy. It would say, for example: ";
    // The value is that of the last look, at most a second ago.
    let is_value = |n: u8| said == format!("{expected}{n} live users; it fires from 2 on.");
    assert!(is_value(0) || is_value(1), "{said}");
    assert!(!is_firing(&server));
    let tested = ask(&server, "POST", "/alerts/quiet/test", API_TOKEN);
    assert_eq!(tested, (200, json!({ "alert": "quiet", "hooks": [] })));
    assert_eq!(ask(&server, "POST", "/alerts/other/test", API_TOKEN).0, 404);
    // One that the file has had for a moment has a value, too.
    fs::write(&world.file, format!("{AGENTS}{SLACK}{BUSY}{quiet}{}", BUSY.replace("busy", "new")))
        .expect("a file");
    server.hang_up();
    server.await_log("the agents file is read again");
    assert_eq!(ask(&server, "POST", "/alerts/new/test", API_TOKEN).0, 200);
    let said = slack(&world.receiver.take());
    assert!(said.starts_with("[TEST] new: ") && said.contains(": 1 live users; "), "{said}");
    assert_eq!(ask(&server, "GET", "/alerts/busy/test", API_TOKEN).0, 405);
    assert_eq!(ask(&server, "POST", "/alerts/busy/test", "wrong-token-wrong-token").0, 403);
}

#[test]
fn what_cannot_be_told_is_told_later_and_the_log_says_no_more_than_why() {
    let mail = "[[hook]]\nid = \"mail\"\nformat = \"mail\"\n\
                mail_command = [\"sh\", \"-c\", \"cat > M; env > E; test -e GO\"]\n\
                mail_to = [\"ops@example.com\"]\nmail_from = \"live@example.com\"\n\
                events = [\"alert\"]\n";
    let world = World::of("");
    let [mails, variables, go] = ["mails", "variables", "go"].map(|name| world.path(name));
    // The next try may begin at any moment: what is read here is there whole, or that of the last one.
    let whole = |to: &str| format!("> {to}.part; mv {to}.part {to}");
    let mail = mail.replace("> M", &whole(&mails));
    let mail = mail.replace("> E", &whole(&variables)).replace("GO", &go);
    fs::write(&world.file, format!("{AGENTS}{SLACK}{mail}{BUSY}")).expect("a file");
    let (mut server, twilio) = world.start();
    twilio.start(1);
    twilio.start(2);
    let (first, stream) = world.receiver.next();
    answer(stream, TROUBLE);
    let failing = || shown(&server, "/summary")["deliveries"].to_string();
    await_that("both fail", || {
        let said = failing();
        said.contains("the command ended with exit code 1") && said.contains("status 500")
    });
    assert!(!failing().contains("s3cr3t") && failing().contains("hook ops"), "{}", failing());
    await_that("it is told how long the alert waits", || {
        let name = "live_users_hook_pending_age_seconds{hook=\"ops\"}";
        metric(&server, name).is_some_and(|age_s| age_s > 0.0)
    });
    assert!(text_of(&mails).contains("[FIRING] busy"));
    assert!(!text_of(&variables).contains("TOKEN"), "{}", text_of(&variables));
    fs::write(&go, "").expect("a file");
    let (again, stream) = world.receiver.next();
    answer(stream, OK);
    assert_eq!(again.body, first.body);
    server.await_log("hook mail is told again");
    let (_, log) = server.terminate();
    for private in ["s3cr3t", "127.0.0.1:", "ops@example.com", "it fires from"] {
        let lines: Vec<_> = log.lines().filter(|it| it.contains("hook ")).collect();
        assert!(!lines.iter().any(|it| it.contains(private)), "{private}: {lines:?}");
    }
}

#[test]
fn a_provider_that_does_not_answer_makes_an_alert_fire_until_it_does() {
    let asked = "[[alert]]\nid = \"asked\"\nwhen = \"referee_failing\"\nfor_seconds = 0\n";
    let world = World::of(&format!("{SLACK}{asked}"));
    let twilio = stand_in("another token than ours");
    let url = format!("{}/services/s3cr3t", world.receiver.base);
    let env = [
        WITH_TOKEN,
        ("AGENTS_FILE", &world.file),
        ("OPS_URL", &url),
        ("WALL_TOKEN", WALL),
        ("TWILIO_ACCOUNT_SID", ACCOUNT),
        ("TWILIO_API_URL", &twilio.url()),
        ("REFEREE_LOOK_SECONDS", "1"),
    ];
    let (_server, _) = start(&env);
    let said = slack(&world.receiver.take());
    assert_eq!(
        said,
        "[FIRING] asked: Alert asked fires: whoever is asked which calls are up does not answer."
    );
}

#[test]
fn an_alert_that_fires_is_told_to_a_hook_that_comes_with_the_file() {
    let many = BUSY.replace("busy", "many").replace("= 2", "= 3");
    let world = World::of(&format!("{BUSY}{many}"));
    let (mut server, twilio) = world.start();
    twilio.start(1);
    twilio.start(2);
    await_that("it fires", || is_firing(&server));
    let since = shown(&server, "/alerts")["alerts"][0]["since"].clone();
    // What was is no news for a hook that comes later: the test of one, and another that began, is
    // over, and began again within its quiet time.
    twilio.start(3);
    await_that("the other fires", || recent(&server)[0] == json!(["many", "firing", 3]));
    assert_eq!(twilio.end(3).status, 204);
    await_that("the other is over", || recent(&server)[0] == json!(["many", "resolved", 2]));
    twilio.start(4);
    twilio.start(5);
    await_that("a look has seen them", || {
        assert_eq!(ask(&server, "POST", "/alerts/busy/test", API_TOKEN).0, 200);
        recent(&server)[0] == json!(["busy", "test", 4])
    });
    fs::write(&world.file, format!("{AGENTS}{SLACK}{BUSY}{many}")).expect("a file");
    server.hang_up();
    server.await_log("the agents file is read again");
    let since = since.as_str().expect("a moment");
    let text = format!("Alert busy still fires since {since}: 4 live users; it fires from 2 on.");
    assert_eq!(slack(&world.receiver.take()), format!("[FIRING] busy: {text}"));
    assert_eq!(ask(&server, "POST", "/alerts/busy/test", API_TOKEN).0, 200);
    let next = slack(&world.receiver.take());
    assert!(next.starts_with("[TEST] busy: "), "it is told once, and nothing else: {next}");
    fs::write(&world.file, format!("{AGENTS}{SLACK}")).expect("a file");
    server.hang_up();
    server.await_log("alert busy is not in the agents file any more");
    let alerts = shown(&server, "/alerts");
    assert_eq!((&alerts["alerts"], &alerts["recent"][0]["state"]), (&json!([]), &json!("test")));
}

#[test]
fn an_alert_whose_rule_is_changed_ends_as_such_and_begins_by_the_new_one() {
    let world = World::of(&format!("{SLACK}{BUSY}"));
    let (mut server, twilio) = world.start();
    twilio.start(1);
    twilio.start(2);
    assert!(slack(&world.receiver.take()).starts_with("[FIRING] busy: "));
    let since = shown(&server, "/alerts")["alerts"][0]["since"].clone();
    let file = format!("{AGENTS}{SLACK}{}", BUSY.replace("= 2", "= 1"));
    fs::write(&world.file, file).expect("a file");
    server.hang_up();
    server.await_log("alert busy (users) is over, since its rule was changed");
    let text = "Alert busy is over, since its rule was changed. It fired since";
    let since = since.as_str().expect("a moment");
    assert_eq!(slack(&world.receiver.take()), format!("[RESOLVED] busy: {text} {since}."));
    let said = slack(&world.receiver.take());
    assert_eq!(said, "[FIRING] busy: Alert busy fires: 2 live users; it fires from 1 on.");
    let reasons = |recent: &Value| -> Vec<Value> {
        let recent = recent.as_array().expect("a list").iter();
        recent.map(|it| json!([it["state"], it["threshold"], it.get("ruleChanged")])).collect()
    };
    let expected =
        [json!(["firing", 1, null]), json!(["resolved", 2, true]), json!(["firing", 2, null])];
    assert_eq!(reasons(&shown(&server, "/alerts")["recent"]), expected);
    assert_eq!(reasons(&shown(&server, "/summary")["alerts"]["recent"]), expected);
    // An end by its value is no such end.
    twilio.end(1);
    twilio.end(2);
    assert!(slack(&world.receiver.take()).starts_with("[RESOLVED] busy: Alert busy is over."));
    assert_eq!(reasons(&shown(&server, "/alerts")["recent"])[0], json!(["resolved", 1, null]));
}

#[test]
fn an_alert_about_who_is_asked_is_warned_of_where_nobody_is() {
    let asked = "[[alert]]\nid = \"asked\"\nwhen = \"referee_failing\"\n";
    let world = World::of(asked);
    let (mut server, _twilio) = world.start();
    let file = format!("{AGENTS}{}", asked.replace("asked", "again"));
    fs::write(&world.file, file).expect("a file");
    server.hang_up();
    server.await_log("alert \"again\" never fires: nobody is asked which calls are up");
    let (_, log) = server.terminate();
    assert!(log.contains("alert \"asked\" never fires: nobody is asked"), "{log}");
}

#[test]
fn wrong_alerts_end_the_start() {
    for (tables, says) in [
        (BUSY.replace("users", "busy"), "alert 1 (\"busy\"): when: \"busy\" is unknown"),
        (format!("{BUSY}hooks = [\"ops\"]\n"), "hooks: \"ops\": expected the id of a hook"),
        (format!("{SLACK}{BUSY}"), "OPS_URL is not set: it has the URL of hook \"ops\""),
    ] {
        let (_folder, file) = agents_file(&format!("{AGENTS}{tables}"));
        let env = [
            ("TWILIO_AUTH_TOKEN", TOKEN),
            ("AGENTS_FILE", &*file),
            ("WALL_TOKEN", WALL),
            WITH_TOKEN,
        ];
        let output = exit_of(BINARY, &[], &env);
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code() == Some(64) && told.contains(says), "{says}: {told}");
    }
}
