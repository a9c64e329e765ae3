//! More calls than lie in a processor's caches, where the tracker reads ahead.

use std::num::NonZeroU64;

use live_users_core::{
    CallId, Caller, Evidence, Millis, Numbers, READ_AHEAD, Said, Source, Tracker,
};

use crate::model::{COMPLETED, inbound, place};

/// More than it takes for reading ahead.
const CALLS: u64 = 20_000;

/// Callers with two calls at once, and withheld ones, are among them.
fn begin(n: u64) -> Evidence {
    let call = CallId::parse(&format!("CA{n:032x}")).expect("a CallSid");
    let caller = NonZeroU64::new(n / 2 * 2 * (n % 7)).map(Caller);
    let region = ["CA", "NY", "TX"][(n % 3) as usize];
    Evidence { call, caller, place: place("US", Some(region)), ..inbound(1) }
}

/// All begin. Then one in three ends, one in three goes on, and as many others begin as have ended.
fn log() -> Vec<Evidence> {
    let first = (0..CALLS).map(begin);
    let then = (0..CALLS).map(|n| match n % 3 {
        0 => Evidence { said: COMPLETED, source: Source::StatusCallback, ..begin(n) },
        1 => Evidence { said: Said::InProgress, source: Source::Speech, ..begin(n) },
        _ => begin(CALLS + n),
    });
    first.chain(then).collect()
}

#[test]
fn reading_ahead_changes_nothing() {
    let (mut plain, mut ahead) = (Tracker::default(), Tracker::default());
    let log = log();
    for (batch, at) in log.chunks(READ_AHEAD).zip(1..) {
        ahead.read_ahead(batch);
        for evidence in batch {
            let applied = [&mut plain, &mut ahead].map(|it| it.apply(Millis(at), evidence));
            assert_eq!(applied[0], applied[1]);
        }
        if at % 100 == 0 {
            let forgotten = [&mut plain, &mut ahead].map(|it| it.forget(Millis(at - 50)));
            assert_eq!(forgotten[0], forgotten[1]);
        }
    }
    assert_eq!((plain.check(), ahead.check()), (Ok(()), Ok(())));
    assert_eq!(ahead.calls(), plain.calls());
    let up = (0..CALLS)
        .filter(|n| n % 3 != 0)
        .chain((0..CALLS).filter(|n| n % 3 == 2).map(|n| CALLS + n));
    let callers: Vec<_> = up.map(|n| begin(n).caller).collect();
    let known: std::collections::BTreeSet<_> = callers.iter().flatten().collect();
    let withheld = callers.iter().filter(|caller| caller.is_none()).count();
    let users = known.len() + withheld;
    assert_eq!(plain.numbers(), Numbers { users, calls: callers.len() });
}
