//! Who is one person: one number in many spellings, and nobody in particular in many others.

use live_users_testkit::{Twilio, get, send};
use serde_json::Value;

use crate::honest::{API_TOKEN, WITH_TOKEN};
use crate::{AGENTS, agents_file, start};

fn count(twilio: &Twilio) -> u64 {
    let count: Value = serde_json::from_str(&twilio.count()).expect("JSON");
    count["liveUsers"].as_u64().expect("a number")
}

/// A call from this party goes on.
fn call(twilio: &Twilio, n: usize, from: &str, more: &[(&str, &str)]) {
    let sid = format!("CA{n:032x}");
    let fields = [
        ("CallSid", sid.as_str()),
        ("CallStatus", "ringing"),
        ("Direction", "inbound"),
        ("From", from),
        ("To", "+15005550006"),
    ];
    assert_eq!(twilio.post("/voice", &[&fields[..], more].concat()).status, 200, "{from}");
}

/// The countries of callers, with their numbers.
fn countries(twilio: &Twilio) -> Vec<(Option<String>, u64)> {
    let url = format!("{}/api/live-users/summary", twilio.url);
    let authorization = format!("Bearer {API_TOKEN}");
    let answer = send("GET", &url, &[("Authorization", &authorization)], b"");
    let summary: Value = serde_json::from_str(&answer.body).expect("JSON");
    let countries = summary["byCountry"].as_array().expect("countries").iter();
    let live = |it: &Value| it["liveUsers"].as_u64().expect("a number");
    countries.map(|it| (it["country"].as_str().map(str::to_owned), live(it))).collect()
}

#[test]
fn one_number_in_all_its_spellings_is_one_user() {
    let (_server, twilio) = start(&[WITH_TOKEN]);
    let spellings = [
        "+14155550123",
        "14155550123",
        "0014155550123",
        "+1 (415) 555-0123",
        "tel:+1-415-555-0123;ext=7",
        "sip:+14155550123@10.0.0.1:5060;transport=udp",
        "sips:14155550123@pbx.example.com",
        "sip:+14155550123;npdi=yes@b.example;user=phone",
        "sip:%2B14155550123@b.example",
        "\"Jo\" <sip:+14155550123@b.example>;tag=1",
        "whatsapp:+14155550123",
    ];
    for (n, from) in (1..).zip(spellings) {
        call(&twilio, n, from, &[]);
        assert_eq!(count(&twilio), 1, "{from}");
    }
    assert_eq!(countries(&twilio), [(Some("US".to_owned()), 1)]);
    for (n, from) in (50..).zip(["sip:100@a.example:5060", "sips:100@A.example;x=y"]) {
        call(&twilio, n, from, &[]);
        assert_eq!(count(&twilio), 2, "{from}");
    }
    call(&twilio, 60, "sip:100@b.example", &[]);
    assert_eq!(count(&twilio), 3);
}

#[test]
fn each_withheld_caller_is_a_user_of_no_country() {
    let (_server, twilio) = start(&[WITH_TOKEN]);
    let withheld = [
        "+266696687",
        "7378742833",
        "+17378742833",
        "+12562533",
        "008656696",
        "sip:86282452253@10.0.0.1",
        "+7748283",
        "Restricted",
        "sip:anonymous@anonymous.invalid",
        "\"Anonymous\" <sip:x@a.example>",
        "sip:10.0.0.1",
        "0000",
        "+464",
        "",
    ];
    let lesotho = [("FromCountry", "LS")];
    let mut n = 0;
    for from in withheld {
        for _ in 0..2 {
            n += 1;
            // For the one that may be a real number, no place is told.
            let more = if from == "+17378742833" { &[][..] } else { &lesotho };
            call(&twilio, n, from, more);
            assert_eq!(count(&twilio), n as u64, "{from}");
        }
    }
    assert_eq!(countries(&twilio), [(None, n as u64)]);
    for _ in 0..2 {
        n += 1;
        call(&twilio, n, "+17378742833", &[("FromState", "TX"), ("FromCountry", "US")]);
    }
    assert_eq!(count(&twilio), n as u64 - 1, "with a place it is somebody's");
}

#[test]
fn a_number_that_many_share_is_each_time_somebody_else_in_its_country() {
    let (_folder, file) = agents_file(&format!("shared = [\"+14155550101\"]\n{AGENTS}"));
    let env = [WITH_TOKEN, ("AGENTS_FILE", &*file), ("SHARED_NUMBERS", "+14155550100")];
    let (_server, twilio) = start(&env);
    let spellings = ["+14155550100", "sip:14155550100@a.example", "+14155550101", "14155550101"];
    for (n, from) in (1..).zip(spellings) {
        call(&twilio, n, from, &[]);
        assert_eq!(count(&twilio), n as u64, "{from}");
    }
    assert_eq!(countries(&twilio), [(Some("US".to_owned()), 4)]);
    assert_eq!(get(&format!("{}/healthz", twilio.url)).status, 200);
}

#[test]
fn a_call_belongs_to_the_agent_of_its_number_in_each_spelling() {
    let (_folder, file) = agents_file(AGENTS);
    let (mut server, twilio) = start(&[("AGENTS_FILE", &file)]);
    for (n, to) in (1..).zip(["15005550006", "0015005550006", "sip:+15005550006@a.example:5060"]) {
        let sid = format!("CA{n:032x}");
        let fields = [("CallSid", sid.as_str()), ("CallStatus", "ringing"), ("To", to)];
        assert!(twilio.post("/voice", &fields).body.contains("this is Tables"), "{to}");
        let line = server.await_log(&sid);
        assert!(line.ends_with("agent booking"), "{line}");
    }
}
