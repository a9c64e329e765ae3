//! Forwarded headers of any form lead to an address without a panic; of a peer that is not trusted
//! they lead nowhere. Each line is one header, in turns.

#![no_main]

use actix_web::http::header::HeaderValue;
use actix_web::test::TestRequest;
use live_users_fuzz::line_of;
use live_users_http_kit::{Env, SettingsReader, TrustedProxies};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let mut rest = bytes;
    let peer = "192.0.2.1:1".parse().expect("an address");
    let mut request = TestRequest::default().peer_addr(peer);
    let names = ["Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto"];
    for name in names.into_iter().cycle().take(12) {
        let value = line_of(&mut rest);
        if !value.is_empty() && HeaderValue::from_str(&value).is_ok() {
            request = request.append_header((name, value));
        }
    }
    let request = request.to_http_request();
    let env = Env::of([("TRUSTED_PROXIES", "192.0.2.0/24")]);
    let trusted = TrustedProxies::read(&mut SettingsReader::new(&env));
    for proxies in [trusted, TrustedProxies::any_peer()] {
        let _any = (proxies.client(request.head()), proxies.origin(request.head()));
    }
    let nobody = TrustedProxies::default();
    assert_eq!(nobody.client(request.head()), peer.ip());
    assert_eq!(nobody.origin(request.head()), None);
});
