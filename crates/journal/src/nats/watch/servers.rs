//! The versions of the servers.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use super::super::address::NatsAddress;
use super::super::connect::connect_to;
use crate::{ReplicationStatus, WarningKind};

/// Since this version nothing acknowledged is lost when a server or its files are damaged:
/// <https://jepsen.io/analyses/nats-2.12.1>.
const WANTED: Version = Version(2, 12, 3);

/// Since this version a follower stores what its leader has let through. Before it, each server
/// checks the expected sequence of a message itself when it stores it.
const LEADER_CHECKS: Version = Version(2, 12, 0);

/// How long a server counts that was not seen again. An address may lead to another one each time.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(60);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Version(u32, u32, u32);

impl Version {
    /// Of a text such as `2.12.3` or `2.14.0-RC.1`.
    fn parse(text: &str) -> Option<Self> {
        let mut numbers = text.split(['.', '-', '+']).map(str::parse);
        let mut next = || numbers.next()?.ok();
        Some(Self(next()?, next()?, next()?))
    }
}

/// The version of each server that was seen, by its name.
#[derive(Default)]
pub(super) struct Servers(BTreeMap<String, (String, Instant)>);

impl Servers {
    /// Connects to each server of the address, because only the server itself says its version.
    pub(super) async fn look(&mut self, status: &ReplicationStatus, address: &NatsAddress) {
        let mut silent = Vec::new();
        for server in &address.servers {
            match connect_to(address, server).await {
                Ok(client) => {
                    let info = client.server_info();
                    self.0.insert(info.server_name, (info.version, Instant::now()));
                }
                Err(why) => silent.push(format!("{server} ({why})")),
            }
        }
        self.0.retain(|_, (_, seen)| seen.elapsed() < FORGOTTEN_AFTER);
        let seen = || self.0.iter().map(|(name, (version, _))| (&**name, &**version));
        status.set_warning(WarningKind::MixedServers, mixed(seen()));
        status.set_warning(WarningKind::OldServers, old(seen()));
        status.set_warning(
            WarningKind::UnreachableServers,
            (!silent.is_empty()).then(|| {
                format!("servers of JOURNAL_URL cannot be reached: {}", silent.join(", "))
            }),
        );
    }
}

fn old<'a>(seen: impl Iterator<Item = (&'a str, &'a str)>) -> Option<String> {
    let is_old = |(_, version): &(_, &str)| Version::parse(version).is_some_and(|it| it < WANTED);
    let old = list(seen.filter(is_old))?;
    let Version(major, minor, patch) = WANTED;
    Some(format!(
        "servers of the journal are older than {major}.{minor}.{patch} and can lose acknowledged \
         records when one fails: {old}; docs/SCALING.md says how to upgrade them"
    ))
}

fn mixed<'a>(seen: impl Iterator<Item = (&'a str, &'a str)>) -> Option<String> {
    let (before, since): (Vec<_>, Vec<_>) = seen
        .filter(|(_, version)| Version::parse(version).is_some())
        .partition(|(_, version)| Version::parse(version) < Some(LEADER_CHECKS));
    let (before, since) = (list(before.into_iter())?, list(since.into_iter())?);
    Some(format!(
        "the journal is kept by servers from before and since version 2.12 ({before}; {since}): while \
         several backends append, their copies of it may come to differ; stop all backends but one \
         until all servers have one version (docs/SCALING.md)"
    ))
}

fn list<'a>(servers: impl Iterator<Item = (&'a str, &'a str)>) -> Option<String> {
    let servers: Vec<_> = servers.map(|(name, version)| format!("{name} has {version}")).collect();
    (!servers.is_empty()).then(|| servers.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_and_mixed_versions_are_told_with_their_servers() {
        let told = |versions: &[&'static str]| {
            let seen: Vec<_> =
                ["n0", "n1", "n2"].into_iter().zip(versions.iter().copied()).collect();
            (old(seen.clone().into_iter()), mixed(seen.into_iter()))
        };
        assert_eq!(told(&["2.12.3", "2.15.1", "2.14.0-RC.1"]), (None, None));
        assert_eq!(told(&["3.0.0", "odd", ""]), (None, None));
        let (old, mixed) = told(&["2.9.10", "2.11.11-binary", "2.10.26"]);
        assert!(old.unwrap().contains("n1 has 2.11.11-binary") && mixed.is_none());
        let (old, mixed) = told(&["2.12.2", "2.12.3"]);
        assert!(old.unwrap().contains("n0 has 2.12.2") && mixed.is_none());
        let mixed = told(&["2.11.11", "2.12.0", "2.15.1"]).1.unwrap();
        assert!(mixed.contains("n0 has 2.11.11; n1 has 2.12.0, n2 has 2.15.1"), "{mixed}");
    }
}
