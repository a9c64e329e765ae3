//! What is not signed by Twilio does not come in, and the log says why.

use live_users_testkit::{Answer, Server, Twilio, send};
use live_users_twilio::{Form, Payload, sign};

use crate::{BINARY, TOKEN, start};

const BODY: &str = "CallSid=CA1&CallStatus=ringing&Direction=inbound&From=%2B14155550123";
const FORM: &str = "application/x-www-form-urlencoded";

fn signature(token: &str, url: &str) -> String {
    sign(token, url, &Payload::Form(&Form::parse(BODY.as_bytes()).expect("a form")))
}

fn post(url: &str, headers: &[(&str, &str)]) -> Answer {
    let headers = [&[("Content-Type", FORM)], headers].concat();
    send("POST", url, &headers, BODY.as_bytes())
}

fn post_signed_for(server: &Server, url: &str, headers: &[(&str, &str)]) -> u16 {
    let signature = signature(TOKEN, url);
    let signed = [("X-Twilio-Signature", signature.as_str())];
    post(&format!("{}/voice", server.url), &[headers, &signed].concat()).status
}

#[test]
fn an_unsigned_or_wrongly_signed_webhook_is_refused_in_words_that_leak_nothing() {
    let (mut server, twilio) = start(&[]);
    for path in ["/voice", "/speech-result", "/call-status", "/voice?agent=booking"] {
        let url = format!("{}{path}", server.url);
        let foreign = signature("another-token", &url);
        let other_path = signature(TOKEN, &format!("{url}x"));
        for wrong in
            [None, Some(""), Some("%%%"), Some("AAAA"), Some(&*foreign), Some(&*other_path)]
        {
            let headers: Vec<_> =
                wrong.map(|text| ("X-Twilio-Signature", text)).into_iter().collect();
            let answer = post(&url, &headers);
            assert_eq!(answer.status, 403);
            assert_eq!(
                answer.body,
                "{\"error\":\"X-Twilio-Signature: missing, or not a signature of this request\",\
                 \"field\":\"X-Twilio-Signature\"}"
            );
        }
    }
    assert_eq!(twilio.count(), r#"{"liveUsers":0}"#);
    let line = server.await_log("does not match");
    assert!(line.contains(&format!("checked against {}/voice", server.url)), "{line}");
}

#[test]
fn the_log_of_a_refusal_names_the_url_that_would_have_been_right() {
    let env = [("TWILIO_AUTH_TOKEN", TOKEN), ("PUBLIC_URL", "http://calls.example.com")];
    let mut server = Server::start(BINARY, &[], &env);
    let headers = [("Host", "calls.example.com")];
    assert_eq!(post_signed_for(&server, "https://calls.example.com/voice", &headers), 403);
    let line = server.await_log("403: ");
    assert!(line.contains("checked against http://calls.example.com/voice"), "{line}");
    let hint = "right for https://calls.example.com: set PUBLIC_URL to that";
    assert!(line.contains(hint), "{line}");
    let env = [("TWILIO_AUTH_TOKEN", TOKEN), ("PUBLIC_URL", "https://calls.example.com")];
    let server = Server::start(BINARY, &[], &env);
    assert_eq!(post_signed_for(&server, "https://calls.example.com/voice", &headers), 200);
}

#[test]
fn behind_a_proxy_the_public_url_is_what_is_signed() {
    let env = [("TWILIO_AUTH_TOKEN", TOKEN), ("PUBLIC_URL", "https://calls.example.com/twilio/")];
    let server = Server::start(BINARY, &[], &env);
    let public = "https://calls.example.com/twilio/voice";
    assert_eq!(post_signed_for(&server, public, &[]), 200);
    assert_eq!(post_signed_for(&server, &format!("{}/voice", server.url), &[]), 403);
    let answer = post(
        &format!("{}/voice", server.url),
        &[("X-Twilio-Signature", signature(TOKEN, public).as_str())],
    );
    assert!(answer.body.contains("action=\"/twilio/speech-result\""), "{}", answer.body);
}

#[test]
fn forwarded_headers_are_used_only_when_they_are_trusted() {
    let forwarded = [("X-Forwarded-Proto", "https"), ("X-Forwarded-Host", "calls.example.com")];
    let public = "https://calls.example.com/voice";
    let (server, _) = start(&[]);
    assert_eq!(post_signed_for(&server, public, &forwarded), 403);
    let standard = [("Forwarded", "for=192.0.2.1;host=\"calls.example.com\";proto=HTTPS")];
    for trusting in
        [("TRUST_FORWARDED_HEADERS", "true"), ("TRUSTED_PROXIES", "10.0.0.0/8,127.0.0.1")]
    {
        let (server, _) = start(&[trusting]);
        assert_eq!(post_signed_for(&server, public, &forwarded), 200, "{trusting:?}");
        assert_eq!(post_signed_for(&server, public, &standard), 200, "{trusting:?}");
    }
    let (server, _) = start(&[("TRUSTED_PROXIES", "10.0.0.0/8")]);
    assert_eq!(post_signed_for(&server, public, &forwarded), 403, "127.0.0.1 is no proxy of ours");
}

#[test]
fn believing_whoever_connects_is_warned_of() {
    let warns = |env: &[(&str, &str)]| {
        let (server, _) = start(env);
        server.terminate().1.contains("Set TRUSTED_PROXIES")
    };
    assert!(warns(&[("TRUST_FORWARDED_HEADERS", "true")]));
    let listed = [("TRUST_FORWARDED_HEADERS", "true"), ("TRUSTED_PROXIES", "127.0.0.1")];
    assert!(!warns(&listed));
}

#[test]
fn any_of_several_tokens_will_do() {
    let env = [("TWILIO_AUTH_TOKEN", "old-token, new-token")];
    let server = Server::start(BINARY, &[], &env);
    for (token, status) in [("old-token", 200), ("new-token", 200), (TOKEN, 403)] {
        assert_eq!(Twilio::new(&server.url, token).start(1).status, status, "{token}");
    }
}

#[test]
fn without_verification_anything_comes_in_and_the_log_warns() {
    let mut server = Server::start(BINARY, &[], &[("ALLOW_UNSIGNED_WEBHOOKS", "true")]);
    assert_eq!(post(&format!("{}/voice", server.url), &[]).status, 200);
    server.await_log("call started, 1 live");
    let (_, log) = server.terminate();
    assert!(log.contains("webhooks are NOT verified"), "{log}");
}
