//! Server-sent events are the same, in whatever pieces they arrive. The first byte is their size.

#![no_main]

use live_users_broadcast::EventStream;

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let Some((size, bytes)) = input.split_first() else { return };
    let max = 1 << 20;
    let mut whole = EventStream::new(max);
    let expected = whole.push(bytes).expect("below the limit");
    let mut pieces = EventStream::new(max);
    let pushed = bytes.chunks(usize::from(*size).max(1)).map(|piece| pieces.push(piece));
    let found: Vec<_> = pushed.flat_map(|events| events.expect("below the limit")).collect();
    assert_eq!(found, expected);
});
