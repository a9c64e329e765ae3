//! File descriptors: each connection needs one.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Descriptors for everything that is not a stream: requests, the journal, links to others.
const OTHERS: u64 = 1_000;

/// Raises the limit of this process, as far as it may, to what this many streams need, and says so
/// if that does not suffice. The usual limit of 1,024 is for programs that use select(2).
pub fn make_room_for(streams: usize) {
    let needed = u64::try_from(streams).unwrap_or(u64::MAX).saturating_add(OTHERS);
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current.is_none_or(|limit| limit >= needed) {
        return;
    }
    let possible = maximum.map_or(needed, |maximum| maximum.min(needed));
    let raised = setrlimit(Resource::Nofile, Rlimit { current: Some(possible), maximum });
    if raised.is_err() || possible < needed {
        log::warn!(
            "the system does not allow the {needed} open files that STREAMS_MAX={streams} may \
             take: raise the limit (ulimit -n), or set a smaller STREAMS_MAX"
        );
    }
}
