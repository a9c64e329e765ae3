//! `SHARDS` and `SHARD_BY`, and which of the shards are here: `SHARDS_HERE` and `SHARD_BACKENDS`.

use live_users_http_kit::{SettingsReader, read_shard_addresses, read_shards};
use live_users_intake::shards::{Layout, SHARDS_MAX, ShardBy, ShardSet};
use live_users_journal::{beside, names_beside};
use reqwest::Url;
use reqwest::header::HeaderValue;

const HERE: &str = "SHARDS_HERE";
const ELSEWHERE: &str = "SHARD_BACKENDS";

/// Some of the shards are at other backends.
#[derive(Clone, Debug)]
pub(crate) struct Spread {
    /// Those that are here: one at least.
    pub(crate) here: ShardSet,
    /// The others, by the backend that has them: each is there once.
    pub(crate) elsewhere: Vec<(ShardSet, Url)>,
    /// What backends show each other. Sensitive: no `Debug` shows it.
    pub(crate) authorization: HeaderValue,
}

/// Reads the number of shards, and what tells them apart. Their errors name them.
pub(crate) fn read(reader: &mut SettingsReader<'_>) -> Layout {
    let most = SHARDS_MAX as u64;
    let shards = reader.within("SHARDS", 1, 1..=most, "shards");
    let by = reader.parsed("SHARD_BY", ShardBy::default(), "account, agent or caller");
    let layout = usize::try_from(shards).ok().and_then(|shards| Layout::new(shards, by));
    layout.expect("the number is within the bounds")
}

/// Reads which of so many shards are here; `None` if the setting is not set. Its errors name it.
pub(crate) fn read_here(reader: &mut SettingsReader<'_>, of: usize) -> Option<ShardSet> {
    Some(read_shards(reader, HERE, of)?.into_iter().collect())
}

/// What the journal of a shard is called beside that of shard 0.
pub(crate) fn name_of(shard: usize) -> String {
    format!("shard-{shard}")
}

/// The shard whose journal is called so.
fn shard_of_name(name: &str) -> Option<usize> {
    let shard = name.strip_prefix("shard-")?.parse().ok()?;
    (shard < SHARDS_MAX && name == name_of(shard)).then_some(shard)
}

/// The shards that have a journal below this directory. Shard 0 has that of the directory itself.
pub(crate) fn shards_below(url: &str) -> ShardSet {
    names_beside(url).iter().filter_map(|name| shard_of_name(name)).collect()
}

/// Where the journal of a shard is: that of shard 0 at this address, and the others beside it.
pub(crate) fn journal_of(url: &str, shard: usize) -> String {
    match shard {
        0 => url.to_owned(),
        _ => beside(url, &name_of(shard)),
    }
}

/// Reads where the shards are; `None` if all of them are here. Its errors name the settings.
pub(super) fn read_spread(reader: &mut SettingsReader<'_>, layout: Layout) -> Option<Spread> {
    let of = layout.shards();
    if of == 1 {
        for name in [HERE, ELSEWHERE] {
            if reader.text(name).is_some() {
                reader.error(format!("{name} is set while SHARDS is 1: expected more shards"));
            }
        }
        return None;
    }
    let here = read_here(reader, of);
    let entries = read_shard_addresses(reader, ELSEWHERE, of);
    let Some(here) = here else {
        if !entries.is_empty() {
            reader.error(format!(
                "{ELSEWHERE} is set and {HERE} is not: expected the numbers of the shards that this \
                 backend has, such as 0-2"
            ));
        }
        return None;
    };
    let elsewhere = elsewhere(reader, here, entries);
    let all = elsewhere.iter().fold(here, |all, (shards, _)| all.and(*shards));
    let missing = ShardSet::first(of).without(all);
    if !missing.is_empty() {
        let missing: Vec<_> = missing.iter().map(|it| it.to_string()).collect();
        reader.error(format!(
            "{ELSEWHERE} lacks the address of shards that are not in {HERE}: expected one for each of {}",
            missing.join(", ")
        ));
    }
    if elsewhere.is_empty() || here.is_empty() {
        return None;
    }
    let has_key = ["CALLER_HASH_KEY", "TWILIO_AUTH_TOKEN"].map(|it| reader.text(it).is_some());
    if has_key == [false, false] {
        reader.error(format!(
            "CALLER_HASH_KEY is not set: with {ELSEWHERE} all backends have the same, so that a person \
             is one at each"
        ));
    }
    let authorization = authorization(reader)?;
    Some(Spread { here, elsewhere, authorization })
}

/// The entries without those of the shards that are here: so all backends can have one list.
fn elsewhere(
    reader: &mut SettingsReader<'_>,
    here: ShardSet,
    entries: Vec<(Vec<usize>, Url)>,
) -> Vec<(ShardSet, Url)> {
    let mut elsewhere = Vec::with_capacity(entries.len());
    for (shards, url) in entries {
        let shards: ShardSet = shards.into_iter().collect();
        match (shards.common(here), shards.without(here)) {
            (_, others) if others.is_empty() => {}
            (own, others) if own.is_empty() => elsewhere.push((others, url)),
            (own, others) => reader.error(format!(
                "{ELSEWHERE} has shard {}, which is in {HERE}, and shard {}, which is not, at one address: \
                 expected all shards of this backend's own address in {HERE}",
                own.lowest().unwrap_or_default(),
                others.lowest().unwrap_or_default()
            )),
        }
    }
    elsewhere
}

/// `API_TOKEN`, of several the first one. `None` only with a mistake.
fn authorization(reader: &mut SettingsReader<'_>) -> Option<HeaderValue> {
    let Some(token) = reader.words("API_TOKEN").into_iter().next() else {
        reader.error(format!(
            "API_TOKEN is not set: with {ELSEWHERE} the backends show it to each other"
        ));
        return None;
    };
    // One that no header can hold is a mistake already.
    let mut value = HeaderValue::from_str(&format!("Bearer {token}")).ok()?;
    value.set_sensitive(true);
    Some(value)
}
