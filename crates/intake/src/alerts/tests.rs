//! What the table of an alert may be.

use super::*;

const FILE: &str = "limit = 60\nat_limit = \"busy\"\n\
    [[agent]]\nid = \"booking\"\nname = \"Bookings\"\ncapacity = 20\n\
    [[agent]]\nid = \"open\"\nname = \"Open\"\n\
    [[source]]\nid = \"app\"\nkind = \"events\"\nsecret_env = \"APP\"\n\
    [[hook]]\nid = \"ops\"\nformat = \"slack\"\nurl_env = \"OPS\"\nevents = [\"alert\"]\n\
    [[hook]]\nid = \"crm\"\nurl = \"https://a.example\"\nsecret_env = \"S\"\n\
    events = [\"call.ended\"]\n\
    [[hook]]\nid = \"team\"\nformat = \"teams\"\nurl_env = \"T\"\nagent = \"open\"\n\
    events = [\"alert\"]\n";

fn parsed(alert: &str) -> (Agents, Vec<String>) {
    Agents::parse(&format!("{FILE}[[alert]]\nid = \"a\"\n{alert}\n"))
}

fn alert(lines: &str) -> AlertTable {
    let (agents, mistakes) = parsed(lines);
    assert_eq!(mistakes, [""; 0], "{lines}");
    agents.alerts()[0].clone()
}

#[test]
fn an_alert_has_what_its_table_says_and_defaults_for_the_rest() {
    let it = alert("when = \"users\"\nat_least = 50");
    assert_eq!((it.condition(), it.threshold()), (Condition::Users, Some(Threshold::AtLeast(50))));
    assert_eq!((it.for_seconds(), it.repeat_after_minutes(), it.min_users()), (60, 60, 1));
    assert!(it.hooks().is_none() && it.agent.is_none());
    let it = alert(
        "when = \"suspect_share\"\nat_least = 20\nagent = \"booking\"\nmin_users = 10\n\
         for_seconds = 0\nrepeat_after_minutes = 5\nhooks = [\"ops\"]",
    );
    assert_eq!((it.for_seconds(), it.repeat_after_minutes(), it.min_users()), (0, 5, 10));
    assert_eq!(it.hooks(), Some(&["ops".to_owned()][..]));
    for good in [
        "when = \"users\"\nbelow = 1",
        "when = \"capacity_share\"\nat_least = 80",
        "when = \"capacity_share\"\nat_least = 120\nagent = \"booking\"",
        "when = \"no_webhooks\"\nfor_seconds = 900",
        "when = \"referee_failing\"",
        "when = \"referee_failing\"\nsource = \"twilio\"",
        "when = \"source_silent\"\nsource = \"app\"\nfor_seconds = 900",
        "when = \"users\"\nat_least = 1\nagent = \"open\"\nhooks = [\"ops\", \"team\"]",
    ] {
        alert(good);
    }
}

#[test]
fn each_mistake_names_its_field_and_what_is_expected() {
    for (lines, expected) in [
        ("when = \"busy\"", "when: \"busy\" is unknown; expected one of users, capacity_share, s"),
        ("when = \"users\"", "at_least: expected 1 to 1000000"),
        ("when = \"users\"\nat_least = 0", "at_least: expected 1 to 1000000"),
        ("when = \"users\"\nat_least = 5\nbelow = 3", "below: expected either at_least or below"),
        ("when = \"users\"\nbelow = 0", "below: expected 1 to 1000000"),
        ("when = \"suspect_share\"\nat_least = 101", "at_least: expected 1 to 100 percent"),
        ("when = \"suspect_share\"\nbelow = 5", "below: expected at_least with when = \"suspect"),
        ("when = \"users\"\nat_least = 5\nmin_users = 5", "min_users: expected only with when = "),
        ("when = \"users\"\nat_least = 5\nagent = \"x\"", "agent: expected the id of an agent in"),
        ("when = \"users\"\nat_least = 5\nsource = \"app\"", "source: expected none with when = "),
        ("when = \"no_webhooks\"\nfor_seconds = 60\nagent = \"open\"", "agent: expected none with"),
        (
            "when = \"capacity_share\"\nat_least = 80\nagent = \"open\"",
            "agent: expected an agent with a capacity",
        ),
        ("when = \"no_webhooks\"", "for_seconds: expected 60 to 86400"),
        ("when = \"no_webhooks\"\nfor_seconds = 59", "for_seconds: expected 60 to 86400"),
        ("when = \"no_webhooks\"\nfor_seconds = 60\nbelow = 5", "below: expected none with when"),
        ("when = \"source_silent\"\nfor_seconds = 60", "source: expected the id of a source in"),
        (
            "when = \"source_silent\"\nfor_seconds = 60\nsource = \"x\"",
            "source: expected the id of a source in",
        ),
        ("when = \"referee_failing\"\nsource = \"app\"", "source: expected a source whose provid"),
        ("when = \"users\"\nat_least = 5\nfor_seconds = 86401", "for_seconds: expected 0 to 86400"),
        (
            "when = \"users\"\nat_least = 5\nrepeat_after_minutes = 0",
            "repeat_after_minutes: expected 1 to 10080",
        ),
        ("when = \"users\"\nat_least = 5\nhooks = [\"crm\"]", "hooks: \"crm\": expected the id of"),
        ("when = \"users\"\nat_least = 5\nhooks = [\"team\"]", "hooks: \"team\": expected the id"),
        ("when = \"users\"\nat_least = 5\nhooks = [\"x\"]", "hooks: \"x\": expected the id of a h"),
        ("when = \"users\"\nat_least = 5\nover = 3", "unknown field `over`"),
    ] {
        let (_, found) = parsed(lines);
        assert!(found.len() == 1 && found[0].contains(expected), "{found:?}: {expected}");
    }
    let without_limit = FILE.replace("limit = 60\nat_limit = \"busy\"\n", "");
    let alert = "[[alert]]\nid = \"a\"\nwhen = \"capacity_share\"\nat_least = 80\n";
    let (_, found) = Agents::parse(&format!("{without_limit}{alert}"));
    assert!(found.len() == 1 && found[0].contains("agent: expected an agent, or"), "{found:?}");
    let good = "[[alert]]\nid = \"a\"\nwhen = \"users\"\nat_least = 5\n";
    let (_, found) = Agents::parse(&format!("{FILE}{}", good.repeat(2)));
    assert!(found.len() == 1 && found[0].contains("already the id of alert 1"), "{found:?}");
    let (_, found) = Agents::parse(&format!("{FILE}{}", good.replace("\"a\"", "\"a b\"")));
    assert!(found.len() == 1 && found[0].contains("id: expected 1 to 64 letters"), "{found:?}");
    let many = (0..=ALERTS_MAX).map(|n| good.replace("\"a\"", &format!("\"a{n}\"")));
    let (_, found) = Agents::parse(&format!("{FILE}{}", many.collect::<String>()));
    assert_eq!(found, ["51 alerts; expected at most 50"]);
}

#[test]
fn an_alert_about_who_is_asked_says_whether_anybody_is() {
    let asks_nobody = |lines: &str, asks_twilio| {
        let (agents, _) = parsed(lines);
        agents.alerts()[0].asks_nobody(&agents, asks_twilio)
    };
    for lines in ["when = \"referee_failing\"", "when = \"referee_failing\"\nsource = \"twilio\""] {
        assert!(asks_nobody(lines, false) && !asks_nobody(lines, true), "{lines}");
        let account = "\n[[account]]\nid = \"sub\"\nsid = \"AC00000000000000000000000000000001\"\n\
                       auth_token_env = \"SUB\"";
        let with_account = format!("{lines}{account}");
        let (agents, mistakes) = parsed(&with_account);
        assert!(!agents.accounts().is_empty(), "{mistakes:?}");
        assert!(!asks_nobody(&with_account, false));
    }
    assert!(!asks_nobody("when = \"users\"\nat_least = 1", false));
}
