//! What the agents file has beside agents, as lines for the log: how many of each, and their ids.

use std::collections::BTreeSet;

use live_users_intake::Role;
use live_users_intake::agents::Agents;

/// So many ids stand in a line.
const IDS_MAX: usize = 20;

/// The sources, accounts, tokens, hooks and alerts: what each is called, and its entries.
fn entries(agents: &Agents) -> [(&'static str, Vec<String>); 5] {
    let sources = agents.sources().iter().map(|it| format!("{} ({})", it.id, it.kind));
    let accounts = agents.accounts().iter().map(|it| it.id.clone());
    let tokens = agents.tokens().iter().map(|token| {
        let does = match token.role() {
            Role::Read => "reads",
            Role::Operate => "operates",
        };
        let whose = token.accounts.as_ref().map(|it| in_short(it));
        format!("{} ({does} {})", token.id, whose.as_deref().unwrap_or("all"))
    });
    let hooks = agents.hooks().iter().map(|it| it.id.clone());
    let alerts = agents.alerts().iter().map(|it| format!("{} ({})", it.id, it.condition().name()));
    [
        ("source", sources.collect()),
        ("account", accounts.collect()),
        ("token", tokens.collect()),
        ("hook", hooks.collect()),
        ("alert", alerts.collect()),
    ]
}

/// A line for each of these that the file has.
pub(crate) fn lines(agents: &Agents) -> Vec<String> {
    changes(&Agents::default(), agents)
}

/// A line for each agent whose account nobody else in the file has, where it has accounts or tokens:
/// perhaps its name is misspelled, and then nobody sees the agent's calls.
pub(crate) fn lone_accounts(agents: &Agents) -> Vec<String> {
    let tables = agents.accounts().iter().map(|it| it.id.as_str());
    let of_tokens = agents.tokens().iter().flat_map(|it| it.accounts.iter().flatten());
    let named: BTreeSet<&str> = tables.chain(of_tokens.map(String::as_str)).collect();
    let sources = agents.sources().iter().filter_map(|it| it.account.as_deref());
    let known: BTreeSet<&str> = sources.chain(named.iter().copied()).collect();
    let lone = agents.iter().filter_map(|agent| Some((agent, agent.account.as_deref()?)));
    let lone = lone.filter(|(_, account)| !named.is_empty() && !known.contains(account));
    lone.take(IDS_MAX)
        .map(|(agent, account)| {
            format!(
                "agent {:?}: account: no [[account]], [[token]] or [[source]] has {account:?}",
                agent.id
            )
        })
        .collect()
}

/// A line for each alert that never fires, since nobody is asked which calls are up.
pub(crate) fn alerts_of_nobody(agents: &Agents, asks_twilio: bool) -> Vec<String> {
    let alerts = agents.alerts().iter().filter(|it| it.asks_nobody(agents, asks_twilio));
    let line = |id: &str| {
        format!(
            "alert {id:?} never fires: nobody is asked which calls are up; set TWILIO_ACCOUNT_SID, or \
             give a source its api_key_env"
        )
    };
    alerts.map(|it| line(&it.id)).collect()
}

/// A line for each of these that a file that was read again has changed.
pub(crate) fn changes(before: &Agents, agents: &Agents) -> Vec<String> {
    let all = entries(before).into_iter().zip(entries(agents));
    let changed = all.filter(|(before, now)| before != now);
    changed.map(|(_, (what, entries))| line(what, &entries)).collect()
}

fn line(what: &str, entries: &[String]) -> String {
    match entries.len() {
        0 => format!("no {what}s"),
        1 => format!("1 {what}: {}", in_short(entries)),
        n => format!("{n} {what}s: {}", in_short(entries)),
    }
}

fn in_short(entries: &[String]) -> String {
    let (shown, others) = entries.split_at(entries.len().min(IDS_MAX));
    let others = (!others.is_empty()).then(|| format!(" and {} more", others.len()));
    shown.join(", ") + others.as_deref().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Agents {
        let (agents, mistakes) = Agents::parse(text);
        assert_eq!(mistakes, Vec::<String>::new());
        agents
    }

    #[test]
    fn each_line_has_a_number_and_ids_and_only_what_has_changed_is_told_again() {
        let source =
            "[[source]]\nid = \"app\"\nkind = \"events\"\nsecret_env = \"APP\"\naccount = \"a\"\n";
        let token = "[[token]]\nid = \"wall\"\nsecret_env = \"WALL\"\naccounts = [\"a\"]\n\
                     [[token]]\nid = \"boss\"\nsecret_env = \"BOSS\"\nrole = \"operate\"\n";
        let before = parsed(&(source.to_owned() + token));
        let expected = ["1 source: app (events)", "2 tokens: wall (reads a), boss (operates all)"];
        assert_eq!(lines(&before), expected);
        assert_eq!(lines(&parsed("")), Vec::<String>::new());
        assert_eq!(changes(&before, &before), Vec::<String>::new());
        assert_eq!(changes(&before, &parsed(source)), ["no tokens"]);
    }

    #[test]
    fn an_account_that_only_an_agent_has_is_told_where_there_are_others() {
        let agent = "[[agent]]\nid = \"a\"\nname = \"A\"\naccount = \"amce\"\n";
        let token = "[[token]]\nid = \"t\"\nsecret_env = \"T\"\naccounts = [\"acme\"]\n\
                     [[source]]\nid = \"s\"\nkind = \"events\"\nsecret_env = \"S\"\n\
                     account = \"acme\"\n";
        assert_eq!(lone_accounts(&parsed(agent)), Vec::<String>::new());
        let told = lone_accounts(&parsed(&(agent.to_owned() + token)));
        let expected = "agent \"a\": account: no [[account]], [[token]] or [[source]] has \"amce\"";
        assert_eq!(told, [expected]);
        let right = agent.replace("amce", "acme") + token;
        assert_eq!(lone_accounts(&parsed(&right)), Vec::<String>::new());
    }

    #[test]
    fn a_line_is_bounded() {
        let ids: Vec<_> = (0..50).map(|n| format!("s{n}")).collect();
        let line = line("source", &ids);
        assert!(
            line.starts_with("50 sources: s0, s1,") && line.ends_with("s19 and 30 more"),
            "{line}"
        );
    }
}
