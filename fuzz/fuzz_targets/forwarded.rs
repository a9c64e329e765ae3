//! Forwarded headers of any form lead to an address without a panic; of a peer that is not trusted
//! they lead nowhere.

#![no_main]

use actix_web::test::TestRequest;
use live_users_http_kit::{Env, SettingsReader, TrustedProxies};

libfuzzer_sys::fuzz_target!(|input: (&str, &str, &str)| {
    let (standard, list, host) = input;
    let peer = "192.0.2.1:1".parse().expect("an address");
    let mut request = TestRequest::default().peer_addr(peer);
    for (name, value) in
        [("Forwarded", standard), ("X-Forwarded-For", list), ("X-Forwarded-Host", host)]
    {
        if actix_web::http::header::HeaderValue::from_str(value).is_ok() {
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
