//! A snapshot is read without a panic, and is stable once it was written by us.
//!
//! What begins with a brace is one piece of JSON, as versions 1 and 2 have written it. Of other bytes
//! the first says of which part the rest is.

#![no_main]

use live_users_journal::Part;
use live_users_state::State;
use live_users_state::snapshot::{decode, encode};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let parts = match bytes {
        [] | [b'{', ..] => vec![Part::whole(bytes.to_vec())],
        [kind, rest @ ..] => {
            let name = if kind % 2 == 0 { "calls/0" } else { "conferences" };
            let mut parts = encode(&State::default());
            parts.push(Part { name: name.to_owned(), bytes: rest.to_vec() });
            parts
        }
    };
    if let Ok(state) = decode(parts) {
        let written = encode(&state);
        let again = decode(written.clone()).expect("our own snapshot");
        assert_eq!(encode(&again), written);
    }
});
