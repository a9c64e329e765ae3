//! Calls that have moved to another agent, which has another account: who is told what of them.

use super::*;

/// The rows of this call that whoever has the token reads.
fn rows(server: &Server, query: &str, token: &str) -> Vec<Value> {
    let rows = ask(server, "GET", &format!("/stretches{query}"), token).body;
    let rows = rows.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    rows.filter(|row| row["callSid"] == sid(1)).collect()
}

/// Agent, account and phase of each.
fn told(rows: &[Value]) -> Vec<[&str; 3]> {
    let names = ["agent", "account", "phase"];
    rows.iter().map(|row| names.map(|name| row[name].as_str().unwrap_or_default())).collect()
}

#[test]
fn who_reads_one_agent_or_account_is_not_told_where_a_call_is_now_nor_what_becomes_of_it() {
    let (server, twilio) = with_calls(&[]);
    let share = |scope: Value| share(&server, &scope, "page", "1d").1;
    let (booking, acme) = (share(json!({"agent": "booking"})), share(json!({"account": "acme"})));
    let (support, zeta) = (share(json!({"agent": "support"})), share(json!({"account": "zeta"})));
    let here = ["booking", "acme", "live"];
    for token in [API_TOKEN, &*booking, &*acme] {
        assert_eq!(told(&rows(&server, "", token)), [here]);
    }
    let (of_call, up) = (sid(1), [("CallStatus", "in-progress"), ("Direction", "inbound")]);
    let fields = [&[("CallSid", &*of_call)], &up[..]].concat();
    assert_eq!(twilio.post("/voice?agent=support", &fields).status, 200);
    for (phase, is_over) in [("live", false), ("evicted", true)] {
        if is_over {
            let evicted = ask(&server, "POST", &format!("/calls/{}/evict", sid(1)), API_TOKEN);
            assert_eq!(evicted.status, 200, "{}", evicted.body);
        }
        let (before, now) = (["booking", "acme", phase], ["support", "zeta", phase]);
        let moved = ["booking", "acme", "moved"];
        assert_eq!(told(&rows(&server, "", API_TOKEN)), [before, now]);
        assert_eq!(told(&rows(&server, "?account=zeta", API_TOKEN)), [now]);
        assert_eq!(told(&rows(&server, "?account=acme", API_TOKEN)), [moved]);
        for token in [&booking, &acme] {
            assert_eq!(told(&rows(&server, "", token)), [moved]);
        }
        for token in [&support, &zeta] {
            assert_eq!(told(&rows(&server, "", token)), [now]);
        }
    }
    let drift = |token: &str| shown(&server, "/summary", token)["drift"].clone();
    for token in [&booking, &acme] {
        assert_eq!(drift(token), json!({"healed": 0, "byCause": {}, "recent": []}));
    }
    for token in [&*support, &*zeta, API_TOKEN] {
        let drift = drift(token);
        assert_eq!(drift["byCause"], json!({"evicted": 1}), "{drift}");
        assert_eq!(drift["recent"][0]["callSid"], sid(1), "{drift}");
    }
    for path in ["/summary", "/calls", "/activity", "/stretches", "/history", "/alerts"] {
        for token in [&booking, &acme] {
            let answer = ask(&server, "GET", path, token).body;
            let theirs = ["support", "zeta", "evicted"].iter().find(|it| answer.contains(**it));
            assert_eq!(theirs, None, "{path}: {answer}");
        }
    }
}
