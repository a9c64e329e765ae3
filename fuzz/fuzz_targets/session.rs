//! A session's cookie is read without a panic, and only one that a proxy has signed opens anything.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    assert!(!live_users_proxy::is_signed_cookie(&String::from_utf8_lossy(bytes)));
});
