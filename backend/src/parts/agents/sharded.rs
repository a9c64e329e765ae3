//! What of an agents file several shards cannot hold to, since each of them counts its own calls only.

use live_users_intake::agents::Agents;
use live_users_intake::shards::{Layout, ShardBy};

/// All of it; nothing where there is one shard.
pub(super) fn mistakes(agents: &Agents, layout: Layout) -> Vec<String> {
    if layout.shards() == 1 {
        return Vec::new();
    }
    let several = format!("SHARDS is {}", layout.shards());
    let mut mistakes = Vec::new();
    if !agents.hooks().is_empty() {
        mistakes.push(format!(
            "agents: [[hook]]: expected none while {several}: each shard has numbers of its own, and \
             would tell them as those of all"
        ));
    }
    if !agents.alerts().is_empty() {
        mistakes.push(format!(
            "agents: [[alert]]: expected none while {several}: each shard looks at its own calls only"
        ));
    }
    if agents.limit().is_some() {
        mistakes.push(format!(
            "agents: limit: expected none while {several}: no shard knows how many calls all have"
        ));
    }
    let by = layout.by();
    let limited = agents.iter().filter(|agent| agent.at_capacity().is_some());
    let scattered = limited.filter(|agent| match by {
        ShardBy::Agent => false,
        ShardBy::Account => agent.account.is_none() && !agents.accounts().is_empty(),
        ShardBy::Caller => true,
    });
    mistakes.extend(scattered.map(|agent| {
        let expected = match by {
            ShardBy::Account => "an account of the agent, or none in the file",
            ShardBy::Agent | ShardBy::Caller => "SHARD_BY=agent or SHARD_BY=account",
        };
        format!(
            "agents: agent {:?}: at_capacity: expected {expected} while {several}: its calls are in \
             several shards otherwise",
            agent.id
        )
    }));
    mistakes
}

#[cfg(test)]
mod tests {
    use super::*;

    const AGENT: &str = "[[agent]]\nid = \"booking\"\nname = \"Bookings\"\n";

    fn told(file: &str, shards: usize, by: ShardBy) -> Vec<String> {
        let (agents, wrong) = Agents::parse(file);
        assert!(wrong.is_empty(), "{wrong:?}");
        mistakes(&agents, Layout::new(shards, by).unwrap())
    }

    #[test]
    fn what_only_one_state_can_hold_to_is_named_with_its_key() {
        let capacity = format!("{AGENT}capacity = 3\nat_capacity = \"busy\"\n");
        let shown = format!("{AGENT}capacity = 3\n");
        let limit = format!("limit = 3\nat_limit = \"busy\"\n{AGENT}");
        for file in [&capacity, &shown, &limit] {
            assert_eq!(told(file, 1, ShardBy::Caller), [""; 0]);
        }
        for by in ShardBy::ALL {
            assert_eq!(told(&shown, 4, by), [""; 0]);
            let refused = told(&limit, 4, by);
            assert!(
                refused.len() == 1 && refused[0].contains("limit: expected none"),
                "{refused:?}"
            );
        }
        assert_eq!(told(&capacity, 4, ShardBy::Agent), [""; 0]);
        assert_eq!(told(&capacity, 4, ShardBy::Account), [""; 0]);
        let refused = told(&capacity, 4, ShardBy::Caller);
        assert!(
            refused.len() == 1 && refused[0].contains("\"booking\": at_capacity"),
            "{refused:?}"
        );
        let account = "[[account]]\nid = \"acme\"\nauth_token_env = \"ACME_TOKEN\"\n\
                       sid = \"AC00000000000000000000000000000002\"\n";
        let refused = told(&format!("{capacity}{account}"), 4, ShardBy::Account);
        assert!(
            refused.len() == 1 && refused[0].contains("an account of the agent"),
            "{refused:?}"
        );
    }
}
