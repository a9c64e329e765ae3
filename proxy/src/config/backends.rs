//! Where the backends are: one, or one for each shard.

use live_users_http_kit::{SettingsReader, base_url, read_shard_addresses};
use live_users_wire::SHARDS_MAX;
use reqwest::Url;

/// The address of a single backend, or of what all shards are below.
const ONE: &str = "BACKEND_URL";
/// How many shards there are below it.
const SHARDS: &str = "SHARDS";
/// The addresses of the shards, in their order.
const LIST: &str = "BACKEND_URLS";
/// The addresses of backends, each with the shards that it has.
const SPREAD: &str = "SHARD_BACKENDS";

/// Which settings name the backends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NamedBy {
    /// `BACKEND_URL` alone.
    One,
    /// `BACKEND_URL` and `SHARDS`.
    Below,
    /// `SHARD_BACKENDS` and `SHARDS`.
    Spread,
    /// `BACKEND_URLS`.
    List,
}

/// At least one address; none exactly when a mistake was noted.
pub(super) fn read(reader: &mut SettingsReader<'_>) -> (NamedBy, Vec<Url>) {
    let list = reader.words(LIST);
    match reader.text(SPREAD) {
        _ if !list.is_empty() => (NamedBy::List, listed(reader, list)),
        Some(_) => (NamedBy::Spread, spread(reader)),
        None => {
            let urls = below_one(reader);
            (if urls.len() > 1 { NamedBy::Below } else { NamedBy::One }, urls)
        }
    }
}

/// Those of the shards, in their order.
fn listed(reader: &mut SettingsReader<'_>, list: Vec<&str>) -> Vec<Url> {
    for other in [ONE, SHARDS, SPREAD] {
        if reader.text(other).is_some() {
            reader.error(format!(
                "{LIST} and {other} are both set: expected {LIST} with the address of each shard, or \
                 {SHARDS} and {ONE}, or {SHARDS} and {SPREAD}"
            ));
        }
    }
    let mut urls = Vec::with_capacity(list.len());
    for (shard, text) in list.into_iter().enumerate() {
        match base_url(text) {
            // A shard that is read twice would count twice.
            Ok(url) if urls.contains(&url) => {
                reader.error(format!(
                    "{LIST}: the address of shard {shard} is there twice: expected another one"
                ));
            }
            Ok(url) => urls.push(url),
            // The value is not repeated: it may have a password in it, which must not be in a log.
            Err(expected) => {
                reader.error(format!("{LIST}: for shard {shard}, expected {expected}"));
            }
        }
    }
    if urls.len() > SHARDS_MAX {
        reader.error(format!("{LIST} has {} addresses: expected {SHARDS_MAX} at most", urls.len()));
    }
    urls
}

/// Those of the shards, each below its backend.
fn spread(reader: &mut SettingsReader<'_>) -> Vec<Url> {
    if reader.text(ONE).is_some() {
        reader.error(format!(
            "{SPREAD} and {ONE} are both set: expected {SPREAD} if several backends have the shards, or \
             {ONE} if one has them all"
        ));
    }
    let shards = reader.within(SHARDS, 1, 1..=SHARDS_MAX as u64, "shards");
    let shards = usize::try_from(shards).unwrap_or(SHARDS_MAX);
    if shards == 1 {
        reader.error(format!(
            "{SPREAD} is set while {SHARDS} is 1: expected how many shards there are"
        ));
    }
    let mut urls = vec![None; shards];
    for (numbers, base) in read_shard_addresses(reader, SPREAD, shards) {
        for number in numbers {
            urls[number] = base.join(&format!("shards/{number}/")).ok();
        }
    }
    let missing = urls.iter().zip(0..).filter(|(url, _)| url.is_none());
    let missing: Vec<_> = missing.map(|(_, number): (_, usize)| number.to_string()).collect();
    if !missing.is_empty() {
        let missing = missing.join(", ");
        reader.error(format!("{SPREAD}: expected an address of each shard, also of {missing}"));
    }
    urls.into_iter().flatten().collect()
}

/// That of `BACKEND_URL`, or those of the shards below it.
fn below_one(reader: &mut SettingsReader<'_>) -> Vec<Url> {
    reader.word(ONE);
    let text = reader.required(
        ONE,
        "the count comes from there; expected the backend's address, such as http://127.0.0.1:8080",
    );
    let shards = reader.within(SHARDS, 1, 1..=SHARDS_MAX as u64, "shards");
    if text.is_empty() {
        return Vec::new();
    }
    match base_url(text) {
        Ok(url) if shards == 1 => vec![url],
        Ok(url) => (0..shards).filter_map(|n| url.join(&format!("shards/{n}/")).ok()).collect(),
        Err(expected) => {
            reader.error(format!("{ONE}: expected {expected}"));
            Vec::new()
        }
    }
}

#[cfg(test)]
mod tests {
    use live_users_http_kit::{ConfigErrors, Env};

    use super::*;
    use crate::config::Config;

    #[test]
    fn the_backend_url_may_have_a_path_but_nothing_behind_it() {
        for (good, expected) in [
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080/"),
            ("https://backend.example/", "https://backend.example/"),
            ("https://example.com/live", "https://example.com/live/"),
            ("http://[::1]:8080", "http://[::1]:8080/"),
        ] {
            assert_eq!(base_url(good).unwrap().as_str(), expected);
        }
        for bad in [
            "backend:8080",
            "http:backend",
            "http://",
            "ftp://backend",
            "http://user:secret@backend",
            "http://user@backend",
            "http://backend/?a=b",
            "http://backend/#a",
            "http://backend:99999",
        ] {
            assert!(base_url(bad).is_err(), "{bad}");
        }
    }

    fn read_all(vars: &[(&str, &str)]) -> Result<Vec<String>, Vec<String>> {
        let env = vars.iter().fold(Env::default(), |env, (name, value)| env.with(name, value));
        match Config::read(&env) {
            Ok(config) => Ok(config.backends.iter().map(Url::to_string).collect()),
            Err(ConfigErrors(mistakes)) => Err(mistakes),
        }
    }

    #[test]
    fn shards_are_below_one_backend_or_in_a_list() {
        let one = ("BACKEND_URL", "http://a:8080/live");
        for (vars, expected) in [
            (&[one][..], &["http://a:8080/live/"][..]),
            (&[one, ("SHARDS", "1")], &["http://a:8080/live/"]),
            (
                &[one, ("SHARDS", "2")],
                &["http://a:8080/live/shards/0/", "http://a:8080/live/shards/1/"],
            ),
            (
                &[("BACKEND_URLS", "http://a:8080/shards/0, http://b:8080")],
                &["http://a:8080/shards/0/", "http://b:8080/"],
            ),
        ] {
            assert_eq!(read_all(vars).unwrap(), expected, "{vars:?}");
        }
        let spread = ("SHARD_BACKENDS", "0,2=http://a:8080,1=http://b/live");
        assert!(read_all(&[("SHARDS", "3"), spread]).is_err(), "entries are separated by commas");
        let spread = ("SHARD_BACKENDS", "0-1=http://a:8080, 2=http://b/live");
        assert_eq!(
            read_all(&[("SHARDS", "3"), spread]).unwrap(),
            ["http://a:8080/shards/0/", "http://a:8080/shards/1/", "http://b/live/shards/2/"]
        );
        let most = read_all(&[one, ("SHARDS", "64")]).unwrap();
        assert_eq!(most.len(), SHARDS_MAX);
    }

    #[test]
    fn what_contradicts_itself_is_a_mistake_that_names_the_settings() {
        let (one, list) = (("BACKEND_URL", "http://a"), ("BACKEND_URLS", "http://a,http://b"));
        let (two, spread) = (("SHARDS", "2"), ("SHARD_BACKENDS", "0-1=http://a"));
        let many = (0..65).map(|n| format!("http://a/{n}")).collect::<Vec<_>>().join(",");
        for (vars, named) in [
            (&[one, list][..], &["BACKEND_URLS", "BACKEND_URL "][..]),
            (&[list, ("SHARDS", "2")], &["BACKEND_URLS", "SHARDS"]),
            (&[one, ("SHARDS", "65")], &["SHARDS", "64"]),
            (&[one, ("SHARDS", "0")], &["SHARDS"]),
            (&[("BACKEND_URLS", "http://a,http://a/")], &["BACKEND_URLS", "shard 1", "twice"]),
            (&[("BACKEND_URLS", "http://a,b:80")], &["BACKEND_URLS", "shard 1", "http://"]),
            (&[("BACKEND_URLS", &many)], &["BACKEND_URLS", "64"]),
            (&[("SHARDS", "2")], &["BACKEND_URL is not set"]),
            (&[two, ("SHARD_BACKENDS", "0=http://a")], &["SHARD_BACKENDS", "also of 1"]),
            (&[two, spread, one], &["SHARD_BACKENDS and BACKEND_URL are both set"]),
            (&[list, spread], &["BACKEND_URLS and SHARD_BACKENDS are both set"]),
        ] {
            let mistakes = read_all(vars).unwrap_err();
            assert_eq!(mistakes.len(), 1, "{mistakes:?}");
            for name in named {
                assert!(mistakes[0].contains(name), "{name}: {mistakes:?}");
            }
        }
        let secret = read_all(&[("BACKEND_URLS", "http://user:hunter2@a")]).unwrap_err();
        assert!(!secret[0].contains("hunter2"), "{secret:?}");
    }
}
