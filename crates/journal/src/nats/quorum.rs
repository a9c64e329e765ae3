//! The age of an answer of a stream's leader.
//!
//! A leader that is cut off from the others still answers for a while: 20 s were seen. A server
//! that is no longer leader answers, too. Meanwhile the others may have another leader, and accept
//! records. So an answer shows the log as it was when the leader last had contact with a quorum: no
//! server of that quorum had another leader then.

use std::time::Duration;

use async_nats::jetstream::stream::ClusterInfo;

use super::fault::Fault;

/// The oldest answer that is accepted. The servers contact each other once a second.
const AGE_MAX: Duration = Duration::from_millis(2_500);

/// How long before its answer the leader last had contact with a quorum of the servers that keep
/// the stream.
pub(super) fn quorum_age(cluster: Option<&ClusterInfo>) -> Result<Duration, Fault> {
    let Some(cluster) = cluster else { return Ok(Duration::ZERO) };
    if cluster.leader.is_none() {
        return Err(Fault::Silent("it has no leader".to_owned()));
    }
    let mut ages: Vec<Duration> = cluster.replicas.iter().map(|it| it.active).collect();
    ages.sort_unstable();
    // The leader itself is one of the quorum. So half of the others are needed, rounded up, and the
    // largest of their ages counts.
    let others = ages.len().div_ceil(2);
    let age = others.checked_sub(1).map_or(Duration::ZERO, |last| ages[last]);
    if age > AGE_MAX {
        let why = format!(
            "its leader has heard of no majority of its servers for {} ms",
            age.as_millis()
        );
        return Err(Fault::Silent(why));
    }
    Ok(age)
}

#[cfg(test)]
mod tests {
    use async_nats::jetstream::stream::PeerInfo;

    use super::*;

    fn cluster(ages_ms: &[u64]) -> ClusterInfo {
        let peer =
            |ms: &u64| PeerInfo { active: Duration::from_millis(*ms), ..PeerInfo::default() };
        ClusterInfo {
            leader: Some("n0".to_owned()),
            replicas: ages_ms.iter().map(peer).collect(),
            ..ClusterInfo::default()
        }
    }

    #[test]
    fn the_last_one_of_a_quorum_counts() {
        let cases: [(&[u64], u64); 5] =
            [(&[], 0), (&[300], 300), (&[9_000, 40], 40), (&[50, 40], 40), (&[1, 3, 9_000, 2], 2)];
        for (ages, expected) in cases {
            let found = quorum_age(Some(&cluster(ages))).unwrap();
            assert_eq!(found, Duration::from_millis(expected), "{ages:?}");
        }
        assert_eq!(quorum_age(None).unwrap(), Duration::ZERO, "one server is its own quorum");
    }

    #[test]
    fn a_leader_that_is_alone_is_not_believed() {
        for ages in [&[2_501, 2_501][..], &[1, 2_600, 2_600, 2_600], &[9_000]] {
            assert!(matches!(quorum_age(Some(&cluster(ages))), Err(Fault::Silent(_))));
        }
        let without = ClusterInfo { leader: None, ..cluster(&[1, 1]) };
        assert!(matches!(quorum_age(Some(&without)), Err(Fault::Silent(_))));
    }
}
