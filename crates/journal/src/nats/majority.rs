//! What an answer of a stream's leader is worth.
//!
//! A leader that is cut off from the others goes on answering for a while (15 s were seen, and the
//! server that has none any more answers too), while the others may have another leader and take in
//! records. So an answer tells how far the log was when the leader last heard of a majority: none
//! of that majority had another leader then.

use std::time::Duration;

use async_nats::jetstream::stream::ClusterInfo;

use super::fault::Fault;

/// How long a leader may have heard of no majority. They hear of each other once a second.
const UNHEARD_MAX: Duration = Duration::from_millis(2_500);

/// How long before it answered the leader had last heard of a majority of the servers that keep
/// the stream.
pub(super) fn unheard_for(cluster: Option<&ClusterInfo>) -> Result<Duration, Fault> {
    let Some(cluster) = cluster else { return Ok(Duration::ZERO) };
    if cluster.leader.is_none() {
        return Err(Fault::Silent("it has no leader".to_owned()));
    }
    let mut unheard: Vec<Duration> = cluster.replicas.iter().map(|it| it.active).collect();
    unheard.sort_unstable();
    // The leader itself is one of the majority.
    let others = unheard.len().div_ceil(2);
    let unheard = others.checked_sub(1).map_or(Duration::ZERO, |last| unheard[last]);
    if unheard > UNHEARD_MAX {
        let why = format!(
            "its leader has heard of no majority of its servers for {} ms",
            unheard.as_millis()
        );
        return Err(Fault::Silent(why));
    }
    Ok(unheard)
}

#[cfg(test)]
mod tests {
    use async_nats::jetstream::stream::PeerInfo;

    use super::*;

    fn cluster(unheard_ms: &[u64]) -> ClusterInfo {
        let peer =
            |ms: &u64| PeerInfo { active: Duration::from_millis(*ms), ..PeerInfo::default() };
        ClusterInfo {
            leader: Some("n0".to_owned()),
            replicas: unheard_ms.iter().map(peer).collect(),
            ..ClusterInfo::default()
        }
    }

    #[test]
    fn the_last_one_of_a_majority_counts() {
        let cases: [(&[u64], u64); 5] =
            [(&[], 0), (&[300], 300), (&[9_000, 40], 40), (&[50, 40], 40), (&[1, 3, 9_000, 2], 2)];
        for (unheard, expected) in cases {
            let found = unheard_for(Some(&cluster(unheard))).unwrap();
            assert_eq!(found, Duration::from_millis(expected), "{unheard:?}");
        }
        assert_eq!(unheard_for(None).unwrap(), Duration::ZERO, "one server is its own majority");
    }

    #[test]
    fn a_leader_that_is_alone_is_not_believed() {
        for unheard in [&[2_501, 2_501][..], &[1, 2_600, 2_600, 2_600], &[9_000]] {
            assert!(matches!(unheard_for(Some(&cluster(unheard))), Err(Fault::Silent(_))));
        }
        let without = ClusterInfo { leader: None, ..cluster(&[1, 1]) };
        assert!(matches!(unheard_for(Some(&without)), Err(Fault::Silent(_))));
    }
}
