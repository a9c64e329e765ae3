//! `SHARDS` and `SHARD_BY`.

use live_users_http_kit::SettingsReader;
use live_users_intake::shards::{Layout, SHARDS_MAX, ShardBy};

/// Reads both. Their errors name them.
pub(super) fn read(reader: &mut SettingsReader<'_>) -> Layout {
    let most = SHARDS_MAX as u64;
    let shards = reader.within("SHARDS", 1, 1..=most, "shards");
    let by = reader.parsed("SHARD_BY", ShardBy::default(), "account, agent or caller");
    let layout = usize::try_from(shards).ok().and_then(|shards| Layout::new(shards, by));
    layout.expect("the number is within the bounds")
}
