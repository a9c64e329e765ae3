//! Webhooks in any order lead to a state that keeps its invariants, and that a snapshot holds whole.
//! Each line is a webhook: a letter for its source, one for the seconds since the last, and a form.

#![no_main]

use live_users_core::{Evidence, Millis, Source};
use live_users_fuzz::rules;
use live_users_intake::Inbound;
use live_users_state::State;
use live_users_state::record::{Change, Record};
use live_users_state::snapshot::{decode, encode};
use live_users_twilio::Form;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let (mut state, mut at) = (State::default(), Millis(1_795_426_217_000));
    let mut apply = |at: Millis, change: Change| state.apply(&Record { at, change });
    for line in bytes.split(|byte| *byte == b'\n').take(64) {
        let [source, seconds, form @ ..] = line else { continue };
        at = Millis(at.0 + u64::from(*seconds) * 1_000);
        let source = match source {
            b'v' => Source::Voice,
            b's' => Source::Speech,
            b'f' => {
                apply(at, Change::Forget { ended_before: Millis(at.0.saturating_sub(60_000)) });
                continue;
            }
            _ => Source::StatusCallback,
        };
        let Ok(form) = Form::parse(form) else { continue };
        let read: Vec<Evidence> =
            Inbound::read(&form, source, Some("a"), rules()).evidence.unwrap_or_default();
        for evidence in read {
            apply(at, Change::Evidence(evidence));
        }
    }
    assert_eq!(state.tracker().check(), Ok(()));
    let written = encode(&state);
    let again = decode(written.clone()).expect("our own snapshot");
    assert_eq!(encode(&again), written);
    assert_eq!(again.tracker().check(), Ok(()));
});
