//! A webhook of any source is read without a panic, and twice alike.

#![no_main]

use live_users_core::Source;
use live_users_fuzz::rules;
use live_users_intake::Inbound;
use live_users_twilio::{Form, JsonBody};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let forms = match JsonBody::parse(bytes) {
        Ok(JsonBody { forms, .. }) => forms,
        Err(_) => Form::parse(bytes).into_iter().collect(),
    };
    for form in &forms {
        for source in [Source::Voice, Source::Speech, Source::StatusCallback] {
            let once = Inbound::read(form, source, Some("a"), rules());
            let twice = Inbound::read(form, source, Some("a"), rules());
            assert_eq!(once.evidence, twice.evidence);
        }
    }
});
