//! A message of a NATS journal is read without a panic.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| live_users_journal::read_nats_message(bytes));
