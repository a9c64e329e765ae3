//! Which shards are where: settings of both servers. Shards have numbers from 0.

use reqwest::Url;

use crate::SettingsReader;

/// Reads numbers of shards, such as `0,2` or `0-2`, of so many. `None` if the setting is not set; its
/// errors name it.
pub fn read_shards(reader: &mut SettingsReader<'_>, name: &str, of: usize) -> Option<Vec<usize>> {
    let words = reader.words(name);
    let mut shards = Vec::new();
    for word in &words {
        match numbers(word, of) {
            Some(numbers) => shards.extend(numbers),
            None => reader.error(format!(
                "{name} has {word:?} in it: expected numbers of shards from 0 to {}, such as 0,2 or \
                 0-2",
                of - 1
            )),
        }
    }
    shards.sort_unstable();
    if let Some(pair) = shards.windows(2).find(|pair| pair[0] == pair[1]) {
        reader.error(format!("{name} has shard {} twice: expected each once", pair[0]));
    }
    shards.dedup();
    (!words.is_empty()).then_some(shards)
}

/// Reads the addresses of shards, such as `0-2=http://a:8080,3=http://b:8080`, of so many. Each address has
/// the shards that stand before it. Empty if the setting is not set; its errors name it, and never repeat
/// an address.
pub fn read_shard_addresses(
    reader: &mut SettingsReader<'_>,
    name: &str,
    of: usize,
) -> Vec<(Vec<usize>, Url)> {
    let (mut known, mut entries) = (Vec::new(), Vec::<(Vec<usize>, Url)>::new());
    for (entry, place) in reader.words(name).into_iter().zip(1..) {
        let (shards, address) = match entry.split_once('=') {
            Some((shards, address)) => (numbers(shards, of), address),
            None => (None, ""),
        };
        let Some(shards) = shards else {
            reader.error(format!(
                "{name}: entry {place}: expected shards from 0 to {} and their address, such as \
                 0-2=http://backend:8080",
                of - 1
            ));
            continue;
        };
        let shards: Vec<usize> = shards.collect();
        if let Some(twice) = shards.iter().find(|it| known.contains(*it)) {
            reader.error(format!("{name} has two addresses of shard {twice}: expected one"));
        }
        known.extend_from_slice(&shards);
        match base_url(address) {
            Ok(url) => match entries.iter_mut().find(|(_, known)| *known == url) {
                Some((of_url, _)) => of_url.extend(shards),
                None => entries.push((shards, url)),
            },
            Err(expected) => reader.error(format!("{name}: entry {place}: expected {expected}")),
        }
    }
    entries
}

/// One number of a shard, or the first and the last of several.
fn numbers(text: &str, of: usize) -> Option<std::ops::RangeInclusive<usize>> {
    let number = |text: &str| -> Option<usize> {
        let is_plain = text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse().ok().filter(|number| is_plain && *number < of)
    };
    match text.split_once('-') {
        Some((first, last)) => Some(number(first)?..=number(last)?).filter(|it| !it.is_empty()),
        None => number(text).map(|number| number..=number),
    }
}

/// The address of a server, with a slash at the end of its path.
///
/// # Errors
/// What is expected in place of it.
pub fn base_url(text: &str) -> Result<Url, &'static str> {
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
    use super::*;
    use crate::{ConfigErrors, Env};

    fn read<T>(
        value: &str,
        read: impl FnOnce(&mut SettingsReader<'_>) -> T,
    ) -> Result<T, Vec<String>> {
        let env = Env::of([("PLACES", value)]);
        let mut reader = SettingsReader::new(&env);
        let value = read(&mut reader);
        reader.finish(value).map_err(|ConfigErrors(mistakes)| mistakes)
    }

    #[test]
    fn shards_are_numbers_and_ranges() {
        let shards = |text| read(text, |reader| read_shards(reader, "PLACES", 6));
        for (text, expected) in [
            ("", None),
            ("0", Some(vec![0])),
            ("2, 0", Some(vec![0, 2])),
            ("0-2,5", Some(vec![0, 1, 2, 5])),
            ("3-3", Some(vec![3])),
        ] {
            assert_eq!(shards(text), Ok(expected), "{text}");
        }
        for wrong in ["6", "-1", "2-1", "0-6", "a", "1-", "+1", "0-2-3"] {
            let mistakes = shards(wrong).unwrap_err();
            assert!(mistakes.len() == 1 && mistakes[0].contains("from 0 to 5"), "{mistakes:?}");
        }
        let mistakes = shards("0-2,2").unwrap_err();
        assert!(mistakes[0].contains("PLACES has shard 2 twice"), "{mistakes:?}");
    }

    #[test]
    fn each_address_has_the_shards_before_it() {
        let places = |text| read(text, |reader| read_shard_addresses(reader, "PLACES", 6));
        let known = places("0-1=http://a:8080, 2=https://b/live,4-5=http://a:8080/").unwrap();
        let known: Vec<_> = known.iter().map(|(it, url)| (it.as_slice(), url.as_str())).collect();
        assert_eq!(known, [(&[0, 1, 4, 5][..], "http://a:8080/"), (&[2], "https://b/live/")]);
        assert_eq!(places("").unwrap(), []);
        for (wrong, named) in [
            ("0-1=http://a,1-2=http://b", "two addresses of shard 1"),
            ("0-6=http://a", "entry 1: expected shards from 0 to 5"),
            ("0=http://a,http://b", "entry 2: expected shards"),
            ("0=a:8080", "entry 1: expected an address that starts with http://"),
            ("0=ftp://a", "http://"),
            ("0=http://user:hunter2@a", "without a user name or password"),
            ("0=http://a?b=c", "without a query"),
        ] {
            let mistakes = places(wrong).unwrap_err();
            assert!(mistakes.len() == 1 && mistakes[0].starts_with("PLACES"), "{mistakes:?}");
            assert!(mistakes[0].contains(named), "{mistakes:?}");
            assert!(!mistakes[0].contains("hunter2"), "{mistakes:?}");
        }
    }
}
