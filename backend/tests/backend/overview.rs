//! What the summary says of each agent and of durations and places, and the feed.

use live_users_testkit::{Events, Server, Twilio};
use serde_json::{Value, json};

use crate::honest::{API_TOKEN, WITH_TOKEN, ask, read, sid};
use crate::{AGENTS, agents_file, start};

/// A status callback that says for how many seconds the call went on.
fn end(twilio: &Twilio, n: u8, from: &str, seconds: &str) {
    let sid = sid(n);
    let fields = [
        ("CallSid", sid.as_str()),
        ("CallStatus", "completed"),
        ("Direction", "inbound"),
        ("From", from),
        ("To", "+15005550006"),
        // The one without "Call" is in minutes.
        ("Duration", "2"),
        ("CallDuration", seconds),
    ];
    assert_eq!(twilio.post("/call-status", &fields).status, 204);
}

fn call(twilio: &Twilio, n: u8, fields: &[(&str, &str)]) {
    let sid = sid(n);
    let common = [("CallSid", sid.as_str()), ("CallStatus", "ringing"), ("Direction", "inbound")];
    assert_eq!(twilio.post("/voice", &[&common[..], fields].concat()).status, 200);
}

fn row<'a>(summary: &'a Value, agent: &str) -> &'a Value {
    let rows = summary["byAgent"].as_array().expect("rows");
    rows.iter().find(|row| row["agent"] == agent).expect("a row of that agent")
}

#[test]
fn there_is_a_row_for_every_agent_also_with_nobody_on_the_line() {
    let (_folder, file) = agents_file(AGENTS);
    let (server, twilio) = start(&[WITH_TOKEN, ("AGENTS_FILE", &file)]);
    let none = json!({ "calls": 0, "averageMs": null, "longestMs": null });
    let idle = |row: Value| {
        let mut row = row;
        let numbers = json!({
            "liveUsers": 0, "liveCalls": 0, "withAgent": 0, "waiting": 0, "withPerson": 0,
            "machine": 0, "onTheLine": 0, "averageMs": null, "longestMs": null,
            "lastHour": none, "lastDay": none,
        });
        let numbers = numbers.as_object().unwrap().clone();
        row.as_object_mut().unwrap().extend(numbers);
        row
    };
    let booking = idle(json!({
        "agent": "booking", "name": "Tables & <More>", "numbers": ["+15005550006"],
        "capacity": 20, "ownVoice": false,
    }));
    let support = idle(json!({
        "agent": "support", "name": "Support", "numbers": [], "capacity": null, "ownVoice": true,
    }));
    let summary = read(&server, "/summary");
    assert_eq!(summary["byAgent"], json!([booking, support]), "in the order of the file");
    assert_eq!((&summary["averageMs"], &summary["longestMs"]), (&Value::Null, &Value::Null));
    assert_eq!((&summary["lastHour"], &summary["lastDay"]), (&none, &none));

    call(&twilio, 1, &[("From", "+14155550101"), ("To", "+15005550006")]);
    call(&twilio, 2, &[("From", "+14155550102"), ("To", "+15005559999")]);
    call(&twilio, 3, &[("From", "+14155550103"), ("To", "client:desk")]);
    let summary = read(&server, "/summary");
    let live = row(&summary, "booking");
    assert_eq!((&live["liveUsers"], &live["liveCalls"]), (&1.into(), &1.into()));
    assert!(live["averageMs"].is_u64() && live["averageMs"] == live["longestMs"], "{live}");
    assert_eq!(row(&summary, "support")["liveCalls"], 0);
    let others: Vec<_> = summary["byAgent"].as_array().unwrap()[2..].iter().collect();
    let shown = others.iter().map(|row| (&row["address"], &row["name"], &row["liveUsers"]));
    let expected = [
        (&json!("+15…99"), &Value::Null, &json!(1)),
        (&json!("client:desk"), &Value::Null, &json!(1)),
    ];
    assert_eq!(shown.collect::<Vec<_>>(), expected, "what is called shows up as itself");
    assert!(summary["longestMs"].as_u64() >= summary["averageMs"].as_u64(), "{summary}");
    let mut told = summary.clone();
    // It is drawn at random, and may have any digits.
    told["epoch"].take();
    assert!(!told.to_string().contains("9999") && !told.to_string().contains("415555"), "{told}");
}

#[test]
fn the_rows_follow_the_agents_file_when_it_is_read_again() {
    let (_folder, file) = agents_file(AGENTS);
    let (mut server, twilio) = start(&[WITH_TOKEN, ("AGENTS_FILE", &file)]);
    call(&twilio, 1, &[("From", "+14155550101"), ("To", "+15005550006")]);
    let changed = "[[agent]]\nid = \"sales\"\nname = \"Sales\"\ncapacity = 7\n";
    std::fs::write(&file, changed).unwrap();
    server.hang_up();
    server.await_log("the agents file is read again");
    let summary = read(&server, "/summary");
    let rows: Vec<_> = summary["byAgent"].as_array().unwrap().iter().collect();
    let told = rows.iter().map(|row| (&row["agent"], &row["capacity"], &row["liveUsers"]));
    let expected = [
        (&json!("sales"), &json!(7), &json!(0)),
        // It is gone from the file, and its caller is on the line all the same.
        (&json!("booking"), &Value::Null, &json!(1)),
    ];
    assert_eq!(told.collect::<Vec<_>>(), expected);
    assert_eq!(rows[1]["name"], Value::Null);
}

#[test]
fn the_durations_that_twilio_tells_are_in_the_feed_and_in_the_averages_also_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("file:{}", folder.path().display());
    let (_agents, file) = agents_file(AGENTS);
    let env = [WITH_TOKEN, ("JOURNAL_URL", &*url), ("AGENTS_FILE", &*file)];
    let (server, twilio) = start(&env);
    for (n, seconds) in [(1, "61"), (2, "119")] {
        let from = format!("+1415555010{n}");
        call(&twilio, n, &[("From", &from), ("To", "+15005550006")]);
        end(&twilio, n, &from, seconds);
    }
    // Said goodbye, so that we hung up; how long it was, Twilio tells afterwards.
    call(&twilio, 3, &[("From", "+14155550103"), ("To", "+15005550006")]);
    let (sid, spoken) = (sid(3), [("SpeechResult", "goodbye"), ("CallStatus", "in-progress")]);
    twilio.post("/speech-result", &[&[("CallSid", &*sid)][..], &spoken].concat());
    let goodbye = &read(&server, "/activity?limit=1")["activities"][0];
    assert_eq!((&goodbye["what"], &goodbye["reason"]), (&"ended".into(), &"goodbye".into()));
    assert!(goodbye["durationMs"].as_u64().unwrap() < 90_000, "measured here: {goodbye}");
    end(&twilio, 3, "+14155550103", "90");
    let told = |server: &Server| {
        let (summary, feed) = (read(server, "/summary"), read(server, "/activity?limit=5"));
        let ends = feed["activities"].as_array().unwrap().iter();
        let ends = ends.filter(|activity| activity["what"] == "ended");
        let durations: Vec<_> = ends.map(|end| end["durationMs"].clone()).collect();
        (json!(durations), summary["lastHour"].clone(), row(&summary, "booking")["lastDay"].clone())
    };
    let sums = json!({ "calls": 3, "averageMs": 90_000, "longestMs": 119_000 });
    let expected = (json!([90_000, 119_000, 61_000]), sums.clone(), sums);
    assert_eq!(told(&server), expected);
    drop(server);
    let (server, _twilio) = start(&env);
    assert_eq!(told(&server), expected, "after a restart");
}

#[test]
fn the_feed_goes_on_from_a_cursor_of_this_journal_and_no_other() {
    let (server, twilio) = start(&[WITH_TOKEN]);
    let empty = read(&server, "/activity");
    assert_eq!((&empty["activities"], &empty["missed"]), (&json!([]), &false.into()));
    (1..=3).for_each(|n| drop(twilio.start(n)));
    end(&twilio, 2, "+14155550002", "7");
    let page = read(&server, "/activity?limit=2");
    let whats = |page: &Value| {
        let all = page["activities"].as_array().unwrap().iter();
        let one = |it: &Value| format!("{} {}", it["what"].as_str().unwrap(), it["callSid"]);
        all.map(one).collect::<Vec<_>>()
    };
    assert_eq!(whats(&page), [format!("ended \"{}\"", sid(2)), format!("started \"{}\"", sid(3))]);
    assert_eq!(
        (&page["missed"], &page["cursor"]),
        (&false.into(), &page["activities"][0]["cursor"])
    );
    let ended = &page["activities"][0];
    assert_eq!((&ended["reason"], &ended["durationMs"]), (&"completed".into(), &7_000.into()));
    assert_eq!((&ended["direction"], &ended["country"]), (&"inbound".into(), &"US".into()));
    assert_eq!((&ended["agent"], &ended["address"]), (&Value::Null, &"+15…06".into()));
    assert_eq!(ended["caller"].as_str().map(str::len), Some(6));
    assert!(ended["at"].as_str().unwrap().ends_with('Z') && page["asOf"].is_string());
    assert_eq!(ended.get("cause"), None);
    assert!(page["activities"][1].get("reason").is_none(), "only an end has a reason");
    // Not fewer digits: a cursor or a moment may have three of them in a row.
    assert!(!page.to_string().contains("555000"), "{page}");

    let after = |cursor: &Value, limit: u32| {
        read(&server, &format!("/activity?limit={limit}&after={}", cursor.as_str().unwrap()))
    };
    let nothing = after(&page["cursor"], 10);
    assert_eq!((whats(&nothing).len(), &nothing["missed"]), (0, &false.into()));
    assert_eq!(nothing["cursor"], page["cursor"]);
    let all = after(&empty["cursor"], 10);
    assert_eq!((whats(&all).len(), &all["missed"]), (4, &false.into()));
    let some = after(&empty["cursor"], 3);
    assert_eq!((whats(&some).len(), &some["missed"]), (3, &true.into()));

    let summary = read(&server, "/summary");
    let epoch = u64::from_str_radix(summary["epoch"].as_str().unwrap(), 16).unwrap();
    let of_another = format!("after={:016x}-1", epoch ^ 1);
    for (query, field, says) in [
        ("limit=0", "limit", "from 1 to 1000"),
        ("limit=1001", "limit", "from 1 to 1000"),
        ("limit=many", "limit", "from 1 to 1000"),
        ("after=yesterday", "after", "the `cursor` of an answer before"),
        ("after=1", "after", "the `cursor` of an answer before"),
        ("after=%ff", "after", "the `cursor` of an answer before"),
        (&*of_another, "after", "this one is of another"),
    ] {
        let answer = ask(&server, "GET", &format!("/activity?{query}"), API_TOKEN);
        assert_eq!(answer.status, 400, "{query}: {}", answer.body);
        let problem: Value = serde_json::from_str(&answer.body).unwrap();
        assert_eq!(problem["field"], field, "{query}");
        assert!(problem["error"].as_str().unwrap().contains(says), "{query}: {problem}");
    }
}

#[test]
fn where_callers_are_is_told_as_far_as_it_was_sent() {
    let (server, twilio) = start(&[WITH_TOKEN]);
    let to = ("To", "+15005550006");
    let in_oakland = [
        ("From", "+15105550101"),
        ("FromCountry", "US"),
        ("FromState", "CA"),
        ("FromCity", "OAKLAND"),
        to,
    ];
    call(&twilio, 1, &in_oakland);
    let in_fresno = [
        ("From", "+15595550102"),
        ("FromCountry", "US"),
        ("FromState", "CA"),
        ("FromCity", "FRESNO"),
        to,
    ];
    call(&twilio, 2, &in_fresno);
    call(&twilio, 3, &[("From", "+442079460123"), to]);
    call(&twilio, 4, &[("From", "+266696687"), ("FromCountry", "LS"), to]);
    call(&twilio, 5, &[("From", "sip:jo@example.com"), to]);
    let summary = read(&server, "/summary");
    let with = |n: u64, mut place: Value| {
        (place["liveUsers"], place["liveCalls"]) = (n.into(), n.into());
        place
    };
    let countries = [
        with(2, json!({ "country": "US" })),
        with(2, json!({ "country": null })),
        with(1, json!({ "country": "GB" })),
    ];
    assert_eq!(summary["byCountry"], json!(countries), "withheld is not Lesotho");
    let regions = [
        with(2, json!({ "country": null, "region": null })),
        with(1, json!({ "country": "GB", "region": null })),
        with(2, json!({ "country": "US", "region": "CA" })),
    ];
    assert_eq!(summary["byRegion"], json!(regions), "nobody is counted by city");
    let calls = read(&server, "/calls")["calls"].clone();
    let places = calls.as_array().unwrap().iter();
    let places: Vec<_> =
        places.map(|it| json!([it["country"], it["region"], it["city"]])).collect();
    let expected = json!([
        ["US", "CA", "OAKLAND"],
        ["US", "CA", "FRESNO"],
        ["GB", null, null],
        [null, null, null],
        [null, null, null],
    ]);
    assert_eq!(json!(places), expected);
    assert_eq!(calls[3]["caller"], Value::Null);
    let feed = read(&server, "/activity");
    assert_eq!(feed["activities"][4]["city"], "OAKLAND");
    assert_eq!(
        (&feed["activities"][1]["country"], &feed["activities"][1]["caller"]),
        (&Value::Null, &Value::Null)
    );
}

#[tokio::test]
async fn the_stream_tells_the_same_object_as_the_answer() {
    let (_folder, file) = agents_file(AGENTS);
    let (server, twilio) = start(&[WITH_TOKEN, ("AGENTS_FILE", &file)]);
    twilio.start(1);
    end(&twilio, 1, "+14155550001", "61");
    let url = format!("{}/api/live-users/summary/stream", server.url);
    let shown = format!("Bearer {API_TOKEN}");
    let mut events = Events::open(&url, &[("Authorization", &shown)]).await.unwrap();
    let told: Value = serde_json::from_str(&events.next().await.unwrap()).unwrap();
    let mut asked = read(&server, "/summary");
    asked["asOf"] = told["asOf"].clone();
    assert_eq!(told, asked);
    assert_eq!(told["byAgent"][0]["lastHour"]["averageMs"], 61_000);
}
