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

/// Somebody who goes on with the activity from where the last answer ended.
struct Follower {
    token: String,
    query: &'static str,
    after: Option<String>,
    told: Vec<String>,
}

impl Follower {
    fn begin(server: &Server, token: &str, query: &'static str) -> Self {
        let mut it = Self { token: token.to_owned(), query, after: None, told: Vec::new() };
        it.go_on(server);
        it.told.clear();
        it
    }

    /// Reads what is new. No cursor is before the one that it goes on from.
    fn go_on(&mut self, server: &Server) {
        let after = self.after.as_ref().map(|after| format!("&after={after}")).unwrap_or_default();
        let page = shown(server, &format!("/activity?{}{after}", self.query), &self.token);
        assert_eq!(page["missed"], false, "{page}");
        let mut last = self.after.as_deref().map(place);
        for it in page["activities"].as_array().expect("activities").iter().rev() {
            let cursor = place(it["cursor"].as_str().expect("a cursor"));
            assert!(last.is_none_or(|last| cursor > last), "{page} after {:?}", self.after);
            last = Some(cursor);
            self.told.push(in_short(it));
        }
        let cursor = page["cursor"].as_str().expect("a cursor");
        assert!(last.is_none_or(|last| place(cursor) == last), "{page} after {:?}", self.after);
        self.after = Some(cursor.to_owned());
    }
}

/// The moment in a cursor, and which one of that moment it is.
fn place(cursor: &str) -> (u64, u64) {
    let (_, place) = cursor.split_once('-').expect("an epoch and a place");
    let (at, n) = place.split_once('.').expect("a moment and a number");
    (at.parse().expect("a moment"), n.parse().expect("a number"))
}

fn in_short(activity: &Value) -> String {
    let text = |name: &str| activity[name].as_str().unwrap_or_default().to_owned();
    let away = if activity["away"] == true { " away" } else { "" };
    let known = (1..=9).find(|n| text("callSid") == sid(*n)).expect("a call of this test");
    format!("{known} {} {}{away}", text("what"), text("agent"))
}

#[test]
fn the_activity_of_an_account_or_agent_is_told_once_by_whose_the_call_was_then() {
    let (server, twilio) = with_calls(&[]);
    let share = |scope: Value| share(&server, &scope, "page", "1d").1;
    let tokens = ["agent", "account"].map(|kind| {
        let names = if kind == "agent" { ["booking", "support"] } else { ["acme", "zeta"] };
        names.map(|name| share(json!({ kind: name })))
    });
    let [[booking, support], [acme, zeta]] = &tokens;
    let follow = |token: &str, query| Follower::begin(&server, token, query);
    let mut of_acme =
        [follow(booking, ""), follow(acme, ""), follow(OPS, ""), follow(API_TOKEN, "account=acme")];
    let mut of_zeta = [follow(support, ""), follow(zeta, ""), follow(API_TOKEN, "account=zeta")];
    let post = |path: &str, n: u8, status: &str, more: &[(&str, &str)]| {
        let of_call = sid(n);
        let fields = [&[("CallSid", &*of_call), ("CallStatus", status)], more].concat();
        assert!(matches!(twilio.post(path, &fields).status, 200 | 204));
    };
    let inbound = [("Direction", "inbound")];
    let outbound =
        [("Direction", "outbound-api"), ("From", "+15005550006"), ("To", "+14155550106")];
    let steps: [&dyn Fn(); 9] = [
        &|| call(&twilio, 4, 4, "+15005550006"),
        &|| post("/voice?agent=support", 4, "in-progress", &inbound),
        &|| call(&twilio, 5, 5, "+15005550007"),
        &|| post("/voice?agent=booking", 5, "in-progress", &inbound),
        &|| post("/voice?agent=booking", 4, "in-progress", &inbound),
        &|| post("/call-status", 4, "completed", &[]),
        // It moves before it is answered.
        &|| post("/call-status", 6, "ringing", &outbound),
        &|| post("/voice?agent=support", 6, "in-progress", &outbound),
        &|| post("/call-status", 6, "completed", &[]),
    ];
    for step in steps {
        step();
        of_acme.iter_mut().chain(&mut of_zeta).for_each(|it| it.go_on(&server));
    }
    let at_acme = [
        "4 started booking",
        "4 moved booking away",
        "5 moved booking",
        "4 moved booking",
        "4 ended booking",
        "6 started booking",
        "6 moved booking away",
    ];
    let at_zeta = [
        "4 moved support",
        "5 started support",
        "5 moved support away",
        "4 moved support away",
        "6 answered support",
        "6 ended support",
    ];
    for (followers, expected) in [(&of_acme[..], &at_acme[..]), (&of_zeta, &at_zeta)] {
        for Follower { token, query, told, .. } in followers {
            assert_eq!(told, expected, "{query}");
            // It is the same to whoever begins now.
            let all = shown(&server, &format!("/activity?{query}"), token)["activities"].clone();
            let all: Vec<_> = all.as_array().into_iter().flatten().rev().map(in_short).collect();
            assert!(all.ends_with(told), "{all:?}");
        }
    }
    for (token, others) in [(booking, "support"), (acme, "support"), (zeta, "booking")] {
        let answer = ask(&server, "GET", "/activity", token);
        assert!(!answer.body.contains(others), "{}", answer.body);
        OpenApi::of(&server.url, env!("CARGO_PKG_VERSION")).check(
            "GET",
            "/api/live-users/activity",
            &answer,
        );
    }
}

#[test]
fn what_was_before_any_account_was_known_is_told_to_the_first_one_and_not_to_the_present_one() {
    let (server, twilio) = with_calls(&[]);
    let acme = share(&server, &json!({"account": "acme"}), "page", "1d").1;
    let zeta = share(&server, &json!({"account": "zeta"}), "page", "1d").1;
    let of_call = sid(4);
    let post = |path: &str, status: &str| {
        let fields = [
            ("CallSid", &*of_call),
            ("CallStatus", status),
            ("Direction", "outbound-api"),
            ("From", "+15005550009"),
            ("To", "+14155550104"),
        ];
        assert!(matches!(twilio.post(path, &fields).status, 200 | 204));
    };
    // A number of no agent; then one of acme dials, and one of zeta talks. No stretch is kept of before.
    post("/call-status", "ringing");
    post("/voice?agent=booking", "ringing");
    post("/voice?agent=support", "in-progress");
    let told = |token: &str, query: &str| {
        let page = shown(&server, &format!("/activity{query}"), token);
        let all = page["activities"].as_array().expect("activities").iter().rev();
        let its = all.filter(|it| it["callSid"] == of_call).map(in_short);
        its.collect::<Vec<_>>()
    };
    let at_acme = ["4 started ", "4 moved booking", "4 moved booking away"];
    let at_zeta = ["4 answered support"];
    for (token, account, expected) in [(&acme, "acme", &at_acme[..]), (&zeta, "zeta", &at_zeta)] {
        assert_eq!(told(token, ""), expected);
        assert_eq!(told(API_TOKEN, &format!("?account={account}")), expected);
    }
    assert_eq!(told(OPS, ""), at_acme);
}
