//! The address of a log, as operators write it in `JOURNAL_URL`.

#[cfg(feature = "sqlite")]
use std::path::PathBuf;

use crate::JournalError;
#[cfg(feature = "nats")]
use crate::nats::NatsAddress;

/// Where a log is, which decides its engine.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Address {
    #[cfg(feature = "sqlite")]
    Directory(PathBuf),
    Memory,
    #[cfg(feature = "nats")]
    Nats(NatsAddress),
}

impl Address {
    pub(crate) fn parse(url: &str) -> Result<Self, JournalError> {
        // The address of another program may contain a password, so only its scheme is repeated.
        let (scheme, rest) = url.split_once(':').unwrap_or(("", url));
        let bad = |found: String| Err(JournalError::BadAddress { found });
        match (scheme, rest) {
            #[cfg(feature = "sqlite")]
            ("file", "" | "//") => bad("file: without a directory".to_owned()),
            #[cfg(feature = "sqlite")]
            ("file", rest) => match rest.strip_prefix("//") {
                None => Ok(Self::Directory(PathBuf::from(rest))),
                Some(path) if path.starts_with('/') => Ok(Self::Directory(PathBuf::from(path))),
                Some(_) => bad("file://, and not a third slash after it".to_owned()),
            },
            #[cfg(not(feature = "sqlite"))]
            ("file", _) => Err(not_built_in(scheme, "sqlite")),
            ("memory", "") => Ok(Self::Memory),
            ("memory", _) => bad("memory: with something after it".to_owned()),
            #[cfg(feature = "nats")]
            ("nats" | "tls", rest) => match NatsAddress::parse(scheme, rest) {
                Ok(address) => Ok(Self::Nats(address)),
                Err(found) => bad(found),
            },
            #[cfg(not(feature = "nats"))]
            ("nats" | "tls", _) => Err(not_built_in(scheme, "nats")),
            ("", _) => bad("no scheme".to_owned()),
            (other, _) => bad(format!("scheme `{other}:`")),
        }
    }
}

#[cfg(any(test, not(all(feature = "nats", feature = "sqlite"))))]
fn not_built_in(scheme: &str, feature: &'static str) -> JournalError {
    JournalError::NotBuiltIn { scheme: scheme.to_owned(), feature }
}

/// An address that may be shown: without its user and password.
#[must_use]
pub fn without_secrets(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    // A password must not contain a slash. If one does, it is still not shown.
    let rest = match (rest.find('/'), rest.rfind('@')) {
        (Some(slash @ 1..), Some(at)) if slash < at => &rest[at + 1..],
        _ => rest,
    };
    let (hosts, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let host = |host: &str| host.rsplit('@').next().unwrap_or_default().to_owned();
    let hosts: Vec<_> = hosts.split(',').map(host).collect();
    format!("{scheme}://{}{path}", hosts.join(","))
}

/// The address of another log beside this one: of a directory, one below it; of a log on a service, one
/// whose name goes on so.
///
/// ```
/// use live_users_journal::beside;
///
/// assert_eq!(beside("file:./data", "shard-1"), "file:./data/shard-1");
/// assert_eq!(beside("nats://a,b/live?replicas=3", "shard-1"), "nats://a,b/live-shard-1?replicas=3");
/// ```
#[must_use]
pub fn beside(url: &str, name: &str) -> String {
    if let Some(directory) = url.strip_prefix("file:") {
        return format!("file:{}/{name}", directory.trim_end_matches('/'));
    }
    match url.split_once("://") {
        // What stands before the name may be a password with any character in it but these two.
        Some(_) => match url.split_once('?') {
            Some((address, query)) => format!("{address}-{name}?{query}"),
            None => format!("{url}-{name}"),
        },
        None => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shown_without_its_secrets() {
        for (url, shown) in [
            ("file:./data", "file:./data"),
            ("file:///var/a@b", "file:///var/a@b"),
            ("nats://a:4222,u:p@b:4222/live", "nats://a:4222,b:4222/live"),
            ("nats://user:p@ss@host", "nats://host"),
            ("nats://user:pass/word@host/live", "nats://host/live"),
        ] {
            assert_eq!(without_secrets(url), shown);
        }
    }

    #[test]
    fn a_directory_is_named_in_any_common_way() {
        let cases = [
            ("file:./data", "./data"),
            ("file:data", "data"),
            ("file:/var/lib/live-users", "/var/lib/live-users"),
            ("file:///var/lib/live-users", "/var/lib/live-users"),
            ("file:with space:and colon", "with space:and colon"),
        ];
        for (url, directory) in cases {
            assert_eq!(Address::parse(url).unwrap(), Address::Directory(directory.into()), "{url}");
        }
        assert_eq!(Address::parse("memory:").unwrap(), Address::Memory);
    }

    #[test]
    fn an_engine_that_is_not_built_in_is_named_with_its_feature() {
        let message = not_built_in("tls", "nats").to_string();
        assert!(message.contains("JOURNAL_URL has the scheme `tls:`"), "{message}");
        assert!(message.contains("the feature `nats`"), "{message}");
        assert!(message.contains("`cargo run --profile quick --features nats`"), "{message}");
    }

    #[test]
    fn another_address_is_refused_with_what_is_expected_and_without_its_secret() {
        let urls =
            ["", "data", "./data", "file:", "file://", "file://host/data", "memory:x", "FILE:x"];
        for url in urls.into_iter().chain(["nats://user:hunter2@example.com"]) {
            let message = Address::parse(url).unwrap_err().to_string();
            assert!(message.contains("file:./data"), "{url}: {message}");
            assert!(message.contains("JOURNAL_URL"), "{url}: {message}");
            assert!(!message.contains("hunter2"), "{url}: {message}");
        }
    }
}
