//! What the table of a hook may be.

use crate::agents::Agents;

use super::*;

const GOOD: &str = "id = \"crm\"\nurl = \"https://crm.example.com/x?key=s3cr3t\"\n\
                    secret_env = \"CRM_SECRET\"\nevents = [\"call.started\", \"threshold\"]\n\
                    threshold = 50";

fn mistakes(lines: &str) -> Vec<String> {
    Agents::parse(&format!("[[hook]]\n{lines}\n")).1
}

#[test]
fn each_mistake_names_its_field_and_what_is_expected() {
    assert_eq!(mistakes(GOOD), [""; 0]);
    for (lines, expected) in [
        (GOOD.replace("\"crm\"", "\"a b\""), "hook 1 (\"a b\"): id: expected 1 to 64 letters"),
        (GOOD.replace("https:", "ftp:"), "url: expected a URL that starts with https://"),
        (GOOD.replace("CRM_SECRET", "whsec_1"), "secret_env: expected the name of an environ"),
        (
            GOOD.replace("\"call.started\", \"threshold\"", "").replace("threshold = 50", ""),
            "events: expected some of live_users.changed, call.started, call.ended, threshold, al",
        ),
        (GOOD.replace("call.started", "call.begun"), "events: \"call.begun\" is unknown"),
        (GOOD.replace("call.started", "*"), "events: \"*\" is unknown; expected some of"),
        (format!("{GOOD}\nagent = \"booking\""), "agent: expected the id of an agent in this"),
        (format!("{GOOD}\nevery_seconds = 5"), "every_seconds: expected only with \"live_us"),
        (GOOD.replace("50", "0"), "threshold: expected a whole number from 1 up"),
        (GOOD.replace("threshold = 50", ""), "threshold: expected a number of live users"),
        (GOOD.replace(", \"threshold\"", ""), "threshold: expected only with \"threshold\""),
        (format!("{GOOD}\nsecret = \"x\""), "unknown field `secret`"),
    ] {
        let found = mistakes(&lines);
        assert!(found.len() == 1 && found[0].contains(expected), "{found:?}: {expected}");
        assert!(!found[0].contains("whsec_1") && !found[0].contains("s3cr3t"), "{found:?}");
    }
    let slow = GOOD.replace("call.started", "live_users.changed");
    assert_eq!(mistakes(&format!("{slow}\nevery_seconds = 3600")), [""; 0]);
    let found = mistakes(&format!("{slow}\nevery_seconds = 3601"));
    assert!(found.len() == 1 && found[0].contains("expected 1 to 3600"), "{found:?}");
    let twice = mistakes(&format!("{GOOD}\n[[hook]]\n{GOOD}"));
    assert!(twice.len() == 1 && twice[0].contains("already the id of hook 1"), "{twice:?}");
    let many: String = (0..=HOOKS_MAX)
        .map(|n| format!("[[hook]]\n{}\n", GOOD.replace("\"crm\"", &format!("\"h{n}\""))))
        .collect();
    assert_eq!(Agents::parse(&many).1, ["21 hooks; expected at most 20"]);
}

#[test]
fn a_hook_takes_what_it_names_for_the_agent_that_it_names() {
    let agent = "[[agent]]\nid = \"booking\"\nname = \"Bookings\"\n";
    let (agents, mistakes) =
        Agents::parse(&format!("{agent}[[hook]]\n{GOOD}\nagent = \"booking\"\n"));
    assert_eq!(mistakes, [""; 0]);
    let [hook] = agents.hooks() else { panic!("one hook") };
    let taken = HookEvent::ALL.map(|event| hook.takes(event));
    assert_eq!(taken, [false, true, false, true, false]);
    assert!(hook.takes_calls() && hook.agent.as_deref() == Some("booking"));
    assert_eq!((hook.every_seconds(), hook.threshold), (1, Some(50)));
}

#[test]
fn each_format_has_the_keys_that_it_needs_and_no_others() {
    let slack = "id = \"ops\"\nformat = \"slack\"\nurl_env = \"OPS_URL\"\nevents = [\"alert\"]";
    let teams = slack.replace("slack", "teams");
    let mail = "id = \"ops\"\nformat = \"mail\"\nmail_command = [\"sendmail\", \"-t\"]\n\
                mail_to = [\"ops@example.com\"]\nmail_from = \"live@example.com\"\n\
                events = [\"alert\"]";
    for good in [slack, &teams, mail] {
        assert_eq!(mistakes(good), [""; 0]);
    }
    let ours = GOOD.replace("url = \"https://crm.example.com/x?key=s3cr3t\"", "url_env = \"U\"");
    assert_eq!(mistakes(&ours), [""; 0]);
    for (lines, expected) in [
        (slack.replace("slack", "discord"), "format: expected one of live-users, slack, teams"),
        (slack.replace("OPS_URL", "https://x/s3cr3t"), "url_env: expected the name of an env"),
        (slack.replace("url_env = \"OPS_URL\"", ""), "url_env: expected the name of an env"),
        (format!("{slack}\nurl = \"https://x/s3cr3t\""), "url: the URL is a secret with this"),
        (slack.replace("\"alert\"", "\"alert\", \"call.ended\""), "events: expected only \"al"),
        (format!("{slack}\nsecret_env = \"X\""), "secret_env: expected only with format = "),
        (format!("{slack}\nmail_to = [\"a@b\"]"), "mail_to: expected only with format = \"m"),
        (format!("{GOOD}\nurl_env = \"U\""), "url_env: expected it without url"),
        (GOOD.replace("secret_env = \"CRM_SECRET\"", ""), "secret_env: expected the name of"),
        (mail.replace("[\"sendmail\", \"-t\"]", "[]"), "mail_command: expected a program and"),
        (mail.replace("ops@example.com", "ops"), "mail_to: expected 1 to 20 addresses such as"),
        (mail.replace("ops@", "a@b\\nBcc: x@"), "mail_to: expected 1 to 20 addresses such as"),
        (mail.replace("ops@", "-f@"), "mail_to: expected 1 to 20 addresses such as"),
        (mail.replace("mail_from = \"live@example.com\"", ""), "mail_from: expected an addr"),
        (format!("{mail}\nurl_env = \"U\""), "url_env: expected none with format = \"mail\""),
    ] {
        let found = mistakes(&lines);
        assert!(found.len() == 1 && found[0].contains(expected), "{found:?}: {expected}");
        assert!(!found[0].contains("s3cr3t"), "{found:?}");
    }
}
