//! A form is read without a panic, and what is read is what is written again.

#![no_main]

use live_users_twilio::Form;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Ok(form) = Form::parse(bytes) else { return };
    let again = Form::parse(form.encode().as_bytes()).expect("our own form");
    assert!(again == form);
});
