//! A newcomer with a Twilio account: connects a number, is called, crashes, looks, and goes back.

use std::fs::File;
use std::path::Path;

use live_users_simulator::rest::Account;
use live_users_twilio::rest::{VoiceSettings, Webhook};
use serde_json::Value;

use crate::account_world::{ACCOUNT, BOOKING, SUPPORT, World, failed, succeeded};

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
    let left = format!("{SUPPORT}: a call comes in: left as it is");
    assert!(told.contains(&left), "{told}");
    assert_eq!(world.settings(SUPPORT).voice, other);
    assert_eq!(world.settings("+12065550102"), platform);
}

#[test]
fn two_connects_at_once_are_one_and_an_error() {
    let world = World::new();
    let before = world.both();
    let mut server = world.start();
    server.await_log("listening on");
    let lock = File::create(world.path("data/connect.json.lock")).expect("a file");
    lock.lock().expect("it is free");
    for args in [&["connect"][..], &["connect", "--undo"]] {
        let told = failed(&world.run(args), 1);
        assert!(told.contains("another `live-users connect` works with"), "{told}");
    }
    world.is_untouched(&before);
    drop(lock);
    succeeded(&world.run(&["connect"]));
    succeeded(&world.run(&["connect", "--undo"]));
    world.is_untouched(&before);
}

#[test]
fn a_public_address_without_tls_is_warned_of_and_one_of_this_machine_refused() {
    let world = World::new();
    let before = world.both();
    let mut server = world.start();
    server.await_log("listening on");
    let warning = "WARNING: PUBLIC_URL is http://";
    let plain = [("PUBLIC_URL", "http://calls.example.com")];
    let dry_run = ["connect", "--dry-run", "--unchecked"];
    let told = succeeded(&world.run_with(&dry_run, &plain));
    assert!(
        told.contains(warning)
            && told.contains("was not checked")
            && told.contains("Nothing was changed"),
        "{told}"
    );
    let tls = [("PUBLIC_URL", "https://calls.example.com")];
    let told = succeeded(&world.run_with(&dry_run, &tls));
    assert!(!told.contains("WARNING"), "{told}");
    // A stand-in on this machine reaches it.
    assert!(!succeeded(&world.run(&["connect", "--dry-run"])).contains("WARNING"));
    for url in ["http://127.0.0.1:8080", "https://localhost", "http://[::1]:1", "https://10.0.0.7"]
    {
        let twilio = [("PUBLIC_URL", url), ("TWILIO_API_URL", "")];
        for args in [&["connect", "--dry-run"][..], &["connect", "--unchecked"]] {
            let told = failed(&world.run_with(args, &twilio), 64);
            assert!(told.contains("PUBLIC_URL is an address that Twilio cannot reach"), "{told}");
        }
    }
    world.is_untouched(&before);
    let told = succeeded(&world.run_with(&["connect", "--unchecked"], &plain));
    assert!(told.contains(warning) && told.contains(&format!("{BOOKING}: connected")), "{told}");
}

#[test]
fn a_dry_run_fails_where_connecting_would_since_the_address_does_not_lead_here() {
    let world = World::new();
    let before = world.both();
    let mut server = world.start();
    server.await_log("listening on");
    for (url, why) in [
        ("http://no-such-host.invalid", "the name no-such-host.invalid is not found"),
        (&world.public_url().replace("http:", "https:"), "this port speaks no TLS"),
    ] {
        for args in [&["connect", "--dry-run"][..], &["connect"]] {
            let told = failed(&world.run_with(args, &[("PUBLIC_URL", url)]), 1);
            assert!(told.contains(why) && told.contains("Nothing was changed"), "{told}");
            assert!(!told.contains("--dry-run."), "{told}");
        }
    }
    let told = succeeded(&world.run(&["connect", "--dry-run"]));
    assert!(told.contains("Signed webhooks to ") && told.contains("are accepted."), "{told}");
    world.is_untouched(&before);
}

#[test]
fn a_look_at_what_is_undone_fails_if_a_number_cannot_be_given_back() {
    let world = World::new();
    let mut server = world.start();
    server.await_log("listening on");
    succeeded(&world.run(&["connect"]));
    let told = succeeded(&world.run(&["connect", "--undo", "--dry-run"]));
    assert!(told.contains("Nothing was changed"), "{told}");
    world.twilio.account().behaviour.may_read = false;
    let told = failed(&world.run(&["connect", "--undo", "--dry-run"]), 1);
    assert!(
        told.contains("cannot be given back") && told.contains("Nothing was changed"),
        "{told}"
    );
}
