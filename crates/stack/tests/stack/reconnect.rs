//! Numbers that are connected once more: at another address, after somebody has changed them, or
//! with a backend that is another one.

use std::net::TcpListener;
use std::path::Path;

use live_users_testkit::{Server, Twilio, exit_of};
use live_users_twilio::Method;
use live_users_twilio::rest::{VoiceSettings, Webhook};

use crate::account_world::{ACCOUNT, BOOKING, SUPPORT, World, failed, succeeded, text};
use crate::{API_TOKEN, STACK, TOKEN};

const CALL: &str = "CA000000000000000000000000000000f1";

fn speaks(world: &World, number: &str) -> bool {
    world.dial(number).heard.is_some_and(|it| it.contains("The agent speaks"))
}

#[test]
fn after_a_change_by_hand_undo_still_has_what_the_number_had_first() {
    let world = World::new();
    let before = world.both();
    let mut server = world.start();
    server.await_log("listening on");
    succeeded(&world.run(&["connect"]));
    let mut account = world.twilio.account();
    let number = account.number_mut(BOOKING).expect("a number");
    number.settings.status_callback = before[0].status_callback.clone();
    let sorry = Webhook::post("https://sorry.example.com");
    account.number_mut(SUPPORT).expect("a number").settings.fallback = sorry.clone();
    drop(account);
    succeeded(&world.run(&["connect"]));
    assert!(speaks(&world, BOOKING));
    let told = succeeded(&world.run(&["connect", "--undo"]));
    assert!(told.contains("primary handler fails: left as it is"), "{told}");
    let mut expected = before;
    expected[1].fallback = sorry;
    world.is_untouched(&expected);
}

#[test]
fn without_an_agents_file_before_there_is_none_after_undo_and_no_agent() {
    let world = World::new();
    let before = world.both();
    let here = [("AGENTS_FILE", "")];
    let mut server = world.start_with(&here);
    server.await_log("listening on");
    succeeded(&world.run_with(&["connect"], &here));
    assert!(speaks(&world, BOOKING));
    let told = succeeded(&world.run_with(&["connect", "--undo"], &here));
    assert!(told.contains("agents.toml is as it was, and the backend has read it."), "{told}");
    assert!(!Path::new(&world.path("agents.toml")).exists());
    assert_eq!(world.both(), before);
    // No caller goes on to where that agent was.
    let signed = Twilio::new(&world.public_url(), TOKEN);
    let answer =
        signed.post("/voice", &[("CallSid", CALL), ("AccountSid", ACCOUNT), ("To", BOOKING)]);
    assert!(!answer.body.contains(&world.application.url), "{answer:?}");
}

#[test]
fn numbers_move_to_another_address_and_never_call_the_old_one() {
    let world = World::new();
    let before = world.both();
    let mut server = world.start();
    server.await_log("listening on");
    // One that the built-in conversation answers.
    world.twilio.account().add_number("+12065550102", "Nobody", VoiceSettings::default());
    succeeded(&world.run(&["connect", "--number", "+12065550102"]));
    succeeded(&world.run(&["connect"]));
    server.kill();
    let moved = format!("http://localhost:{}", world.port);
    let at = [("PUBLIC_URL", moved.as_str())];
    let mut server = world.start_with(&at);
    server.await_log("listening on");
    let told = succeeded(&world.run_with(&["connect"], &at));
    assert!(told.contains("+12065550102: connected"), "{told}");
    for number in [BOOKING, SUPPORT, "+12065550102"] {
        let settings = world.settings(number);
        assert_eq!(settings.voice, Webhook::post(format!("{moved}/voice")));
        let fallback = settings.fallback.url.unwrap_or_default();
        assert!(!fallback.contains("/voice\n") && !fallback.contains("127.0.0.1:0"), "{fallback}");
        assert!(fallback.is_empty() || fallback.starts_with(&world.application.url), "{fallback}");
        assert!(world.dial(number).heard.is_some(), "{number}");
    }
    assert!(speaks(&world, BOOKING) && speaks(&world, SUPPORT));
    let agents = std::fs::read_to_string(world.path("agents.toml")).expect("a file");
    assert!(!agents.contains("/call-status") && !agents.contains(&world.public_url()), "{agents}");
    succeeded(&world.run_with(&["connect", "--undo"], &at));
    world.is_untouched(&before);
}

#[test]
fn a_backend_that_is_another_one_or_has_other_agents_is_not_connected() {
    let world = World::new();
    let before = world.both();
    let mut server = world.start();
    server.await_log("listening on");
    // Its own agents file has the number, and not where its calls go.
    let other = world.path("other.toml");
    let told = failed(&world.run_with(&["connect"], &[("AGENTS_FILE", &other)]), 1);
    assert!(told.contains("has another agents file"), "{told}");
    world.is_untouched(&before);
    assert!(!std::path::Path::new(&other).exists(), "it was taken back");

    let free = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = free.local_addr().expect("an address").port().to_string();
    drop(free);
    let journal = format!("file:{}", world.path("second"));
    let env = [("TWILIO_AUTH_TOKEN", TOKEN), ("API_TOKEN", API_TOKEN), ("JOURNAL_URL", &journal)];
    let args = ["--backend-port", &port, "--proxy-port", "0"];
    let mut second = Server::start(STACK, &args, &env);
    second.await_log("listening on");
    let backend = format!("http://127.0.0.1:{port}");
    let told = failed(&world.run(&["connect", "--backend", &backend]), 1);
    assert!(told.contains("another process answers there"), "{told}");
    world.is_untouched(&before);
}

#[test]
fn a_change_that_may_still_come_keeps_what_its_callers_need() {
    let world = World::new();
    let mut server = world.start();
    server.await_log("listening on");
    let own = world.settings(BOOKING);
    world.twilio.account().behaviour.answers_hang = 1;
    let told = failed(&world.run(&["connect", "--number", BOOKING]), 1);
    assert!(told.contains("may still get the new URLs"), "{told}");
    assert_eq!(world.settings(BOOKING), own);
    let agents = std::fs::read_to_string(world.path("agents.toml")).expect("a file");
    assert!(agents.contains("table-bookings"), "{agents}");
    succeeded(&world.run(&["connect", "--undo"]));
}

#[test]
fn a_number_that_was_named_and_is_left_is_a_failure() {
    let world = World::new();
    let mut server = world.start();
    server.await_log("listening on");
    let mut account = world.twilio.account();
    let trunk = account.add_number("+12065550103", "Trunk", VoiceSettings::default());
    account.number_mut(&trunk).expect("a number").trunk_sid = Some("TK1".to_owned());
    let other = Webhook { url: Some(format!("{}/x", world.application.url)), method: Method::Post };
    let voice = VoiceSettings { voice: other, ..VoiceSettings::default() };
    account.add_number("+12065550104", "\u{1b}]0;title\u{7}Desk", voice);
    drop(account);
    let told = failed(&world.run(&["connect", "--number", "+12065550103"]), 1);
    assert!(told.contains("+12065550103 was named and cannot be connected"), "{told}");
    // Both commands say the same of it.
    let looked = text(&world.run(&["doctor"]));
    for told in [&told, &looked] {
        assert!(told.contains("a SIP trunk takes its calls, which asks for no webhook"), "{told}");
        assert!(told.contains("docs/SOURCES.md") && !told.contains("URLs there by hand"), "{told}");
    }
    let told = succeeded(&world.run(&["connect", "--dry-run"]));
    assert!(!told.contains('\u{1b}'), "{told}");
    // Its agent has two numbers with other URLs.
    let file =
        "[[agent]]\nid = \"a\"\nname = \"A\"\nnumbers = [\"+12065550100\", \"+12065550104\"]\n";
    std::fs::write(world.path("agents.toml"), file).expect("a file");
    let told = failed(&world.run(&["connect", "--number", "+12065550104", "--number", BOOKING]), 1);
    assert!(told.contains("an agent of its own"), "{told}");
    let env = [("TWILIO_AUTH_TOKEN", TOKEN)];
    let told = failed(&exit_of(STACK, &["connect"], &env), 64);
    assert!(told.contains("TWILIO_ACCOUNT_SID") && told.contains("PUBLIC_URL"), "{told}");
}
