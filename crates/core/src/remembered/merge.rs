//! Two sorted lists of calls as one.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use crate::remembered::RememberedCall;

/// The calls of both, which are in their order, in their order and each once.
pub(super) fn merged(
    one: impl ExactSizeIterator<Item = RememberedCall>,
    other: impl ExactSizeIterator<Item = RememberedCall>,
) -> Vec<RememberedCall> {
    let mut all = Vec::with_capacity(one.len() + other.len());
    let (mut one, mut other) = (one.peekable(), other.peekable());
    while let (Some(a), Some(b)) = (one.peek(), other.peek()) {
        let next = if a <= b { one.next() } else { other.next() };
        all.extend(next);
    }
    all.extend(one);
    all.extend(other);
    each_once(&mut all);
    all
}

/// Drops what is there twice from a list in its order. A name of which it became known later that its
/// call has a CallSid counts as that.
pub(super) fn each_once(calls: &mut Vec<RememberedCall>) {
    calls.dedup();
    let twice = calls.windows(2).filter(|pair| pair[0].0[..16] == pair[1].0[..16]);
    let known: BTreeSet<_> = twice.flatten().copied().filter(RememberedCall::is_sids).collect();
    if !known.is_empty() {
        calls.retain(|call| call.is_sids() || !known.contains(&call.as_sids()));
    }
}
