//! Tests of who is believed, and of what.

use actix_web::HttpRequest;
use actix_web::test::TestRequest;

use super::*;
use crate::Env;

fn read(list: &str) -> TrustedProxies {
    let env = Env::of([("TRUSTED_PROXIES", list)]);
    let mut reader = SettingsReader::new(&env);
    let trusted = TrustedProxies::read(&mut reader);
    reader.finish(trusted).unwrap()
}

fn request(peer: &str, lines: &[(&'static str, &'static str)]) -> HttpRequest {
    let peer: IpAddr = peer.parse().unwrap();
    let request = TestRequest::default().peer_addr((peer, 4711).into());
    let request = request.insert_header(("Host", "10.0.0.7:8080"));
    lines.iter().fold(request, |request, line| request.append_header(*line)).to_http_request()
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[test]
fn the_client_is_the_first_that_is_no_proxy_of_ours() {
    let trusted = read("10.0.0.0/8, 192.0.2.99,2001:db8:1::/48");
    for (peer, lines, expected) in [
        // Nobody is believed who is not in the list.
        ("192.0.2.7", &[("X-Forwarded-For", "192.0.2.1")][..], "192.0.2.7"),
        ("192.0.2.7", &[("Forwarded", "for=192.0.2.1")], "192.0.2.7"),
        ("127.0.0.1", &[("X-Forwarded-For", "192.0.2.1")], "127.0.0.1"),
        ("10.0.0.1", &[], "10.0.0.1"),
        ("10.0.0.1", &[("X-Forwarded-For", "192.0.2.1")], "192.0.2.1"),
        ("::ffff:10.0.0.1", &[("X-Forwarded-For", "192.0.2.1")], "192.0.2.1"),
        ("2001:db8:1::5", &[("X-Forwarded-For", "2001:db8:2::1")], "2001:db8:2::1"),
        ("10.0.0.1", &[("Forwarded", "for=\"[2001:db8:2::1]:80\"")], "2001:db8:2::1"),
        // What stands before the client is its own word.
        ("10.0.0.1", &[("X-Forwarded-For", "192.0.2.1, 192.0.2.2, 10.9.9.9")], "192.0.2.2"),
        (
            "10.0.0.1",
            &[("X-Forwarded-For", "192.0.2.1"), ("X-Forwarded-For", "192.0.2.2,192.0.2.99")],
            "192.0.2.2",
        ),
        ("10.0.0.1", &[("Forwarded", "for=192.0.2.1, for=192.0.2.2;by=10.0.0.9")], "192.0.2.2"),
        // Proxies alone: the outermost.
        ("10.0.0.1", &[("X-Forwarded-For", "10.0.0.3, 10.0.0.2")], "10.0.0.3"),
        // Who is hidden stands for nobody before it.
        ("10.0.0.1", &[("X-Forwarded-For", "192.0.2.1, unknown")], "10.0.0.1"),
        ("10.0.0.1", &[("X-Forwarded-For", "192.0.2.1, unknown, 10.0.0.2")], "10.0.0.2"),
        ("10.0.0.1", &[("Forwarded", "for=192.0.2.1, for=_hidden")], "10.0.0.1"),
        ("10.0.0.1", &[("Forwarded", "for=\"192.0.2.1, for=192.0.2.2")], "10.0.0.1"),
        ("10.0.0.1", &[("X-Forwarded-For", "")], "10.0.0.1"),
        // Both agree, or neither is believed.
        (
            "10.0.0.1",
            &[("Forwarded", "for=192.0.2.1"), ("X-Forwarded-For", "192.0.2.1")],
            "192.0.2.1",
        ),
        (
            "10.0.0.1",
            &[("Forwarded", "for=192.0.2.2"), ("X-Forwarded-For", "192.0.2.1")],
            "10.0.0.1",
        ),
        ("10.0.0.1", &[("Forwarded", "for=unknown"), ("X-Forwarded-For", "192.0.2.1")], "10.0.0.1"),
    ] {
        let client = trusted.client(request(peer, lines).head());
        assert_eq!(client, ip(expected), "{peer} {lines:?}");
    }
}

#[test]
fn with_any_peer_believed_the_last_hop_counts() {
    let trusted = TrustedProxies::any_peer();
    for (line, expected) in [
        (("X-Forwarded-For", "10.0.0.1, 192.0.2.1"), "192.0.2.1"),
        (("X-Forwarded-For", "192.0.2.1, unknown"), "192.0.2.7"),
        (("X-Forwarded-For", "192.0.2.1,"), "192.0.2.7"),
        (("Forwarded", "for=10.0.0.1, for=192.0.2.1"), "192.0.2.1"),
    ] {
        let client = trusted.client(request("192.0.2.7", &[line]).head());
        assert_eq!(client, ip(expected), "{line:?}");
    }
}

#[test]
fn by_default_nobody_is_believed() {
    let trusted = TrustedProxies::default();
    let lines = [("X-Forwarded-For", "192.0.2.1"), ("X-Forwarded-Proto", "https")];
    let request = request("127.0.0.1", &lines);
    assert_eq!(trusted.client(request.head()), ip("127.0.0.1"));
    assert_eq!(trusted.origin(request.head()), None);
    assert!(!trusted.is_tls(request.head()) && !trusted.is_configured());
}

#[test]
fn the_origin_is_what_the_client_asked_for() {
    let listed = read("10.0.0.0/8");
    for (lines, expected) in [
        (&[("X-Forwarded-Proto", "https")][..], "https://10.0.0.7:8080"),
        (&[("X-Forwarded-Proto", "HTTPS"), ("X-Forwarded-Host", "a.example")], "https://a.example"),
        (&[("X-Forwarded-Ssl", "on"), ("X-Forwarded-Host", "a.example")], "https://a.example"),
        (&[("Forwarded", "for=192.0.2.1;host=a.example;proto=https")], "https://a.example"),
        (&[("Forwarded", "host=\"a.example:8443\";proto=https")], "https://a.example:8443"),
        // The header that most proxies set counts, and not the one that they pass on unseen.
        (
            &[("Forwarded", "host=b.example;proto=http"), ("X-Forwarded-Host", "a.example")],
            "http://a.example",
        ),
        // The proxy that has seen the client, and not what the client says itself.
        (
            &[
                ("X-Forwarded-For", "192.0.2.9, 192.0.2.1, 10.0.0.2"),
                ("X-Forwarded-Host", "c.example, a.example, b.example"),
                ("X-Forwarded-Proto", "http, https, http"),
            ],
            "https://a.example",
        ),
        (
            &[("Forwarded", "host=c.example, for=192.0.2.1;host=a.example, for=10.0.0.2;host=b")],
            "http://a.example",
        ),
    ] {
        let origin = listed.origin(request("10.0.0.1", lines).head());
        assert_eq!(origin.as_deref(), Some(expected), "{lines:?}");
        assert_eq!(listed.origin(request("192.0.2.1", lines).head()), None, "not a proxy of ours");
    }
    let lines = [("X-Forwarded-Proto", "https, http"), ("X-Forwarded-Host", "a.example, b")];
    let origin = TrustedProxies::any_peer().origin(request("192.0.2.1", &lines).head());
    assert_eq!(origin.as_deref(), Some("https://a.example"), "the first proxy");
}

#[test]
fn a_port_is_added_where_it_says_something() {
    for (host, port, expected) in [
        ("a.example", "443", "https://a.example"),
        ("a.example", "80", "https://a.example"),
        ("a.example", "8443", "https://a.example:8443"),
        ("a.example:9", "8443", "https://a.example:9"),
        ("[::1]", "8443", "https://[::1]:8443"),
    ] {
        let lines = [
            ("X-Forwarded-Proto", "https"),
            ("X-Forwarded-Host", host),
            ("X-Forwarded-Port", port),
        ];
        let origin = TrustedProxies::any_peer().origin(request("192.0.2.1", &lines).head());
        assert_eq!(origin.as_deref(), Some(expected));
    }
}

#[test]
fn tls_is_what_the_nearest_says_of_the_client() {
    let trusted = TrustedProxies::any_peer();
    for (line, expected) in [
        (("X-Forwarded-Proto", "https"), true),
        (("X-Forwarded-Proto", "http, HTTPS"), true),
        (("X-Forwarded-Proto", "https,http"), false),
        (("Forwarded", "proto=https"), true),
        (("X-Other", "https"), false),
    ] {
        assert_eq!(trusted.is_tls(request("192.0.2.1", &[line]).head()), expected, "{line:?}");
    }
}

#[test]
fn clients_are_counted_by_ipv4_address_and_by_64_bits_of_ipv6() {
    for (one, other, are_one) in [
        ("192.0.2.1", "192.0.2.1", true),
        ("192.0.2.1", "::ffff:192.0.2.1", true),
        ("192.0.2.1", "192.0.2.2", false),
        ("2001:db8::1", "2001:db8::ffff:0:1", true),
        ("2001:db8::1", "2001:db8:0:1::1", false),
    ] {
        let keys = [one, other].map(|it| ClientKey::from(ip(it)));
        assert_eq!(keys[0] == keys[1], are_one, "{one} {other}");
    }
}

#[test]
fn a_list_names_networks_and_a_mistake_is_told() {
    let read = |list| {
        let env = Env::of([("TRUSTED_PROXIES", list), ("TRUST_FORWARDED_HEADERS", "true")]);
        let mut reader = SettingsReader::new(&env);
        let trusted = TrustedProxies::read(&mut reader);
        reader.finish(trusted)
    };
    assert_eq!(read(""), Ok(TrustedProxies::any_peer()));
    for list in ["10.1.2.3/8", "::ffff:10.0.0.0/104", "::1 , 10.0.0.1", "::ffff:10.0.0.1"] {
        let trusted = read(list).unwrap();
        assert!(trusted.believes(ip("10.0.0.1")), "{list}");
        assert!(!trusted.believes(ip("192.0.2.1")), "{list}: the list alone counts");
    }
    for wrong in ["10.0.0.0/33", "proxy.example", "0.0.0.0/0", "::/0", "10.0.0.1;10.0.0.2", "*"] {
        let mistakes = read(wrong).unwrap_err().to_string();
        assert!(mistakes.contains("TRUSTED_PROXIES") && mistakes.contains("10.0.0.0/8"), "{wrong}");
    }
}
