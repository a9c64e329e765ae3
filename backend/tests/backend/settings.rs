//! Wrong settings are told all at once, and the process ends with code 64.

use std::process::Output;

use live_users_testkit::exit_of;

use crate::{BINARY, TOKEN, start};

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
            ("ALLOWED_ORIGINS", "https://*.example.com:*"),
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
        "ALLOWED_ORIGINS has \"https://*.example.com:*\": expected * for every origin",
        "https://*.example.com for its subdomains",
        "TWILIO_AUTH_TOKEN",
    ] {
        assert!(told.contains(part), "{part} is missing in:\n{told}");
    }
    assert!(!told.contains("hunter2"), "{told}");
}

#[test]
fn a_value_that_was_pasted_wrongly_is_told_by_its_name_and_never_repeated() {
    const VALUE: &str = "0123456789abcdef0123456789abcdef";
    let spoilt: [(&str, String, &str); 6] = [
        ("TWILIO_AUTH_TOKEN", format!("\"{VALUE}\""), "quotation marks around it"),
        ("API_TOKEN", format!("\u{201c}{VALUE}\u{201d}"), "quotation marks around it"),
        ("TWILIO_API_KEY_SECRET", format!("\u{feff}{VALUE}"), "a byte order mark (U+FEFF)"),
        ("CALLER_HASH_KEY", format!("{VALUE}\n"), "white space (U+000A) at its end"),
        ("TWILIO_API_KEY_SID", format!("SK{VALUE} "), "white space (U+0020) at its end"),
        ("TWILIO_ACCOUNT_SID", format!("'AC{VALUE}'"), "quotation marks around it"),
    ];
    let env: Vec<_> = spoilt.iter().map(|(name, value, _)| (*name, value.as_str())).collect();
    let told = refused(&[], &env);
    assert!(told.contains("6 mistakes"), "one for each: {told}");
    for (name, _, says) in &spoilt {
        assert!(told.contains(&format!("{name} has {says}")), "{name}: {told}");
    }
    assert!(!told.contains(VALUE), "{told}");
    let told = refused(&[], &[("TWILIO_AUTH_TOKEN", "first one, second"), ("API_TOKEN", "a\tb")]);
    for says in
        ["TWILIO_AUTH_TOKEN (value 1) has white space (U+0020)", "API_TOKEN has white space"]
    {
        assert!(told.contains(says), "{told}");
    }
}

#[test]
fn what_stands_behind_a_public_url_is_refused_with_the_base_that_is_meant() {
    for (value, says) in [
        ("https://calls.example.com/voice", "expected https://calls.example.com, without /voice"),
        (
            "https://calls.example.com?a=hunter2",
            "expected https://calls.example.com, without query",
        ),
        ("https://a.example, https://b.example", "expected one address"),
        ("\"https://a.example\"", "PUBLIC_URL has quotation marks around it"),
    ] {
        let told = refused(&[], &[("TWILIO_AUTH_TOKEN", TOKEN), ("PUBLIC_URL", value)]);
        assert!(told.contains("1 mistake in") && told.contains(says), "{value}: {told}");
        assert!(!told.contains("hunter2"), "{told}");
    }
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
    for part in
        ["healthcheck", "backup", "journal", "environment variables", "docs/SETTINGS.md", "64"]
    {
        assert!(help.contains(part), "{part} is missing in:\n{help}");
    }
    assert!(printed(&["-h"]).contains("Usage: live-users-backend"));
    assert!(printed(&["journal", "copy", "--help"]).contains("--in-use"));
    let version = concat!("live-users-backend ", env!("CARGO_PKG_VERSION"), "\n");
    assert_eq!(printed(&["--version"]), version);
}

#[cfg(not(feature = "otlp"))]
#[test]
fn a_build_without_the_export_says_so_and_serves_all_the_same() {
    for name in ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"] {
        let (server, twilio) = start(&[(name, "http://me:s3cr3t@127.0.0.1:4318")]);
        assert_eq!(twilio.start(1).status, 200);
        let (status, log) = server.terminate();
        assert!(status.success());
        assert!(log.contains(&format!("{name} is set, and this build exports nothing")), "{log}");
        assert!(!log.contains("s3cr3t"), "{log}");
    }
    let (server, _) = start(&[("OTEL_SERVICE_NAME", "phones")]);
    assert!(!server.terminate().1.contains("exports nothing"), "nobody has asked for it");
}

#[test]
fn a_name_that_is_nearly_a_settings_is_told_with_the_one_that_was_meant_and_without_its_value() {
    let told = refused(&[], &[("TWILIO_AUTH_TOKN", "hunter2hunter2")]);
    assert!(told.contains("TWILIO_AUTH_TOKEN is not set"), "{told}");
    let meant = "TWILIO_AUTH_TOKN is no setting; did you mean TWILIO_AUTH_TOKEN?";
    assert!(told.contains(meant) && !told.contains("hunter2"), "{told}");

    let (server, _) = start(&[("PUBLIC_ULR", "https://hunter2.example"), ("APP_TOKEN", "hunter2")]);
    let (_, log) = server.terminate();
    let line = log.lines().find(|line| line.contains("did you mean")).expect("a warning");
    assert!(line.contains("WARN"), "{line}");
    assert!(line.contains("PUBLIC_ULR is no setting; did you mean PUBLIC_URL?"), "{line}");
    assert!(!log.contains("hunter2") && !log.contains("APP_TOKEN"), "{log}");
}
