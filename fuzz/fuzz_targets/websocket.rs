//! A WebSocket session takes any bytes without a panic, and keeps little of them.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| live_users_broadcast::receive_on_websocket(bytes));
