//! Lists of all shards in one order.

use std::cmp::Reverse;

use super::{ShardSet, all_parts};
use crate::changes::ms_of;
use crate::{ActivityPage, CallPage, CallView};

/// The calls of all shards, of which each has told its first `limit`: the longest first.
///
/// # Errors
/// The shards that have told none.
pub fn merged_calls(
    pages: impl IntoIterator<Item = Option<CallPage>>,
    limit: usize,
) -> Result<CallPage, ShardSet> {
    let pages = all_parts(pages)?;
    let has_more = pages.iter().any(|page| page.next.is_some());
    let sum = |number: fn(&CallPage) -> Option<u64>| {
        pages.iter().map(number).try_fold(0_u64, |sum, part| Some(sum.saturating_add(part?)))
    };
    let (matching, total) = (sum(|page| page.matching), sum(|page| page.total));
    let as_of = pages.iter().map(|page| page.as_of.clone()).min().unwrap_or_default();
    let mut calls: Vec<CallView> = pages.into_iter().flat_map(|page| page.calls).collect();
    calls.sort_by_cached_key(place);
    let is_cut = calls.len() > limit;
    calls.truncate(limit);
    let next = calls.last().filter(|_| is_cut || has_more).map(|last| {
        let (since, call) = place(last);
        format!("{since}.{call}")
    });
    Ok(CallPage {
        calls,
        matching,
        total,
        as_of,
        // One number says nothing of how far each list is.
        epoch: None,
        seq: None,
        next,
    })
}

/// Where a call stands among all, in each shard.
fn place(call: &CallView) -> (u64, String) {
    (ms_of(&call.since).unwrap_or_default(), call.call_sid.clone())
}

/// The activities of all shards, of which each has told its last `limit`: the newest first. The cursor has
/// the place in each feed, between these marks. `is_after` says whether what came after such a cursor was
/// asked for.
///
/// # Errors
/// The shards that have told none.
pub fn merged_activities(
    pages: impl IntoIterator<Item = Option<ActivityPage>>,
    (limit, is_after): (usize, bool),
    mark: char,
) -> Result<ActivityPage, ShardSet> {
    let pages = all_parts(pages)?;
    let mut cursor = String::new();
    for (shard, page) in pages.iter().enumerate() {
        if shard > 0 {
            cursor.push(mark);
        }
        cursor.push_str(&page.cursor);
    }
    let mut missed = pages.iter().any(|page| page.missed);
    let as_of = pages.iter().map(|page| page.as_of.clone()).min().unwrap_or_default();
    let named = pages.into_iter().enumerate().flat_map(|(shard, page)| {
        page.activities.into_iter().map(move |mut activity| {
            // A place in one feed. Two shards may have the same.
            activity.cursor = format!("{shard}:{}", activity.cursor);
            activity
        })
    });
    let mut activities: Vec<_> = named.collect();
    // Those of one moment stay in the order of their shards, and within one in that of its feed.
    activities.sort_by_key(|activity| Reverse(ms_of(&activity.at)));
    missed |= is_after && activities.len() > limit;
    activities.truncate(limit);
    Ok(ActivityPage { activities, cursor, missed, as_of })
}
