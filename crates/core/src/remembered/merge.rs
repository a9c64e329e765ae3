//! Two sorted lists of calls as one.

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
    all.dedup();
    all
}
