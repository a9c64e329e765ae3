//! A snapshot is read without a panic, and is stable once it was written by us.

#![no_main]

use live_users_state::snapshot::{decode, encode};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(state) = decode(bytes) {
        let written = encode(&state);
        let again = decode(&written).expect("our own snapshot");
        assert_eq!(encode(&again), written);
    }
});
