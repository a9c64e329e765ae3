//! Wrong settings are told all at once, and the process ends with code 64.

use std::process::Output;

use live_users_testkit::exit_of;

use crate::{BINARY, TOKEN};

fn refused(args: &[&str], env: &[(&str, &str)]) -> String {
    let Output { status, stderr, .. } = exit_of(BINARY, args, env);
    assert_eq!(status.code(), Some(64));
    String::from_utf8(stderr).expect("text")
}

#[test]
fn without_a_token_it_refuses_to_start_and_names_the_variable() {
    assert!(refused(&[], &[]).contains("TWILIO_AUTH_TOKEN is not set"));
}

#[test]
fn the_development_switch_is_for_loopback_only() {
    let told = refused(&[], &[("ALLOW_UNSIGNED_WEBHOOKS", "true"), ("HOST", "0.0.0.0")]);
    assert!(told.contains("loopback only"), "{told}");
}

#[test]
fn every_mistake_is_told_at_once() {
    let file = std::env::temp_dir().join(format!("agents-{}.toml", std::process::id()));
    let agents = "[[agent]]\nid = \"a\"\nname = \"A\"\nnumbers = [\"+15005550006\"]\n";
    std::fs::write(&file, agents.repeat(2)).expect("a file can be written");
    let told = refused(
        &[],
        &[
            ("AGENTS_FILE", file.to_str().expect("a path of text")),
            ("MAX_CALL_HOURS", "0"),
            ("PUBLIC_URL", "https://user:hunter2@example.com"),
            ("TRUST_FORWARDED_HEADERS", "perhaps"),
            ("TRUSTED_PROXIES", "proxy.example"),
            ("ALLOWED_ORIGINS", "example.com"),
        ],
    );
    std::fs::remove_file(&file).expect("the file is there");
    for part in [
        "id: already the id of agent 1",
        "is already a number of agent 1",
        "MAX_CALL_HOURS",
        "PUBLIC_URL",
        "TRUST_FORWARDED_HEADERS",
        "TRUSTED_PROXIES",
        "ALLOWED_ORIGINS",
        "TWILIO_AUTH_TOKEN",
    ] {
        assert!(told.contains(part), "{part} is missing in:\n{told}");
    }
    assert!(!told.contains("hunter2"), "{told}");
}

#[test]
fn an_address_that_is_taken_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("an address").port().to_string();
    let ended = exit_of(BINARY, &[], &[("TWILIO_AUTH_TOKEN", TOKEN), ("PORT", &port)]);
    let told = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert_eq!(ended.status.code(), Some(1));
    assert!(told.contains(&port) && told.contains("HOST and PORT"), "{told}");
}

#[test]
fn a_wrong_argument_is_answered_with_the_usage() {
    let told = refused(&["serve", "--fast"], &[("TWILIO_AUTH_TOKEN", TOKEN)]);
    assert!(told.contains("unknown arguments: serve") && told.contains("Usage:"), "{told}");
    assert!(!told.contains("--fast"), "the rest may be a secret: {told}");
}

#[test]
fn help_and_version_need_no_settings_and_end_with_code_0() {
    let printed = |args: &[&str]| {
        let Output { status, stdout, stderr } = exit_of(BINARY, args, &[]);
        assert_eq!((status.code(), &*stderr), (Some(0), &b""[..]), "{args:?}");
        String::from_utf8(stdout).expect("text")
    };
    let help = printed(&["--help"]);
    for part in ["healthcheck", "backup", "journal", "environment variables", "README.md", "64"] {
        assert!(help.contains(part), "{part} is missing in:\n{help}");
    }
    assert!(printed(&["-h"]).contains("Usage: live-users-backend"));
    assert!(printed(&["journal", "copy", "--help"]).contains("--in-use"));
    let version = concat!("live-users-backend ", env!("CARGO_PKG_VERSION"), "\n");
    assert_eq!(printed(&["--version"]), version);
}
