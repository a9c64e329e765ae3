//! A record is read without a panic, and is the same after it was written again.

#![no_main]

use live_users_state::record::Record;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(record) = Record::decode(bytes) {
        assert_eq!(Record::decode(&record.encode()).expect("our own record"), record);
    }
});
