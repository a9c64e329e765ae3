//! Where the backends are: one, or one for each shard.

use live_users_http_kit::SettingsReader;
use live_users_wire::SHARDS_MAX;
use reqwest::Url;

/// The address of a single backend, or of what all shards are below.
const ONE: &str = "BACKEND_URL";
/// How many shards there are below it.
const SHARDS: &str = "SHARDS";
/// The addresses of the shards, in their order.
const LIST: &str = "BACKEND_URLS";

/// At least one address; none exactly when a mistake was noted.
pub(super) fn read(reader: &mut SettingsReader<'_>) -> Vec<Url> {
    let list = reader.words(LIST);
    if list.is_empty() {
        return below_one(reader);
    }
    for other in [ONE, SHARDS] {
        if reader.text(other).is_some() {
            reader.error(format!(
                "{LIST} and {other} are both set: expected {LIST} with the address of each shard, or \
                 {ONE} and {SHARDS}"
            ));
        }
    }
    let mut urls = Vec::with_capacity(list.len());
    for (shard, text) in list.into_iter().enumerate() {
        match parse(text) {
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
    match parse(text) {
        Ok(url) if shards == 1 => vec![url],
        Ok(url) => (0..shards).filter_map(|n| url.join(&format!("shards/{n}/")).ok()).collect(),
        Err(expected) => {
            reader.error(format!("{ONE}: expected {expected}"));
            Vec::new()
        }
    }
}

fn parse(text: &str) -> Result<Url, &'static str> {
    const A_URL: &str = "an address that starts with http:// or https://";
    if !(text.starts_with("http://") || text.starts_with("https://")) {
        return Err(A_URL);
    }
    let mut url = Url::parse(text).map_err(|_| A_URL)?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err("an address without a user name or password in it");
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("an address without a query or fragment behind it");
    }
    if !url.path().ends_with('/') {
        // Without the slash, joining a path would replace the last part of this one.
        url.set_path(&format!("{}/", url.path()));
    }
    Ok(url)
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
            assert_eq!(parse(good).unwrap().as_str(), expected);
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
            assert!(parse(bad).is_err(), "{bad}");
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
        let most = read_all(&[one, ("SHARDS", "64")]).unwrap();
        assert_eq!(most.len(), SHARDS_MAX);
    }

    #[test]
    fn what_contradicts_itself_is_a_mistake_that_names_the_settings() {
        let (one, list) = (("BACKEND_URL", "http://a"), ("BACKEND_URLS", "http://a,http://b"));
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
