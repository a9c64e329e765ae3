//! The figures are those of `/metrics`.

use std::collections::BTreeMap;

use live_users_testkit::{Metrics, Server, send};

use crate::collector::{Collector, Manner};
use crate::figures::{figures, sorted};
use crate::spans::attributes;
use crate::{AGENTS, API_TOKEN, agents_file, sid, start};

/// These differ from one moment to the next: ages, and the connections of whoever scrapes.
const MOVING: [&str; 4] = [
    "live_users_journal_contact_age_seconds",
    "live_users_clock_offset_seconds",
    "live_users_open_connections",
    "live_users_hook_pending_age_seconds",
];

fn scrape(server: &Server) -> BTreeMap<String, f64> {
    let authorization = format!("Bearer {API_TOKEN}");
    let url = format!("{}/metrics", server.url);
    let answer = send("GET", &url, &[("Authorization", &authorization)], b"");
    let metrics = Metrics::parse(&answer.body);
    let all = metrics.names("");
    all.map(|name| (sorted(name), metrics.get(name).expect("it is there"))).collect()
}

fn is_still((name, _): &(&String, &f64)) -> bool {
    !MOVING.iter().any(|it| name.starts_with(it))
}

#[test]
fn the_figures_are_those_of_a_scrape_to_the_last_bucket() {
    let collector = Collector::start(Manner::Takes);
    let (_folder, file) = agents_file(AGENTS);
    let attributes_set = "deployment.environment.name=test,team=voice%20%26%20care";
    let set = [("AGENTS_FILE", file.as_str()), ("OTEL_RESOURCE_ATTRIBUTES", attributes_set)];
    let (server, twilio) = start(&collector, &set);
    twilio.start(1);
    twilio.start(2);
    twilio.end(2);
    twilio.post("/speech-result", &[("CallSid", &sid(1)), ("CallStatus", "in-progress")]);
    send("POST", &format!("{}/voice", server.url), &[], b"");
    // The exports of before the last webhook differ, and one of after it has to be the same.
    let mut last = None;
    for _ in 0..200 {
        let message = collector.metrics();
        let (sent, scraped) = (figures(&message), scrape(&server));
        assert_eq!(sent.keys().collect::<Vec<_>>(), scraped.keys().collect::<Vec<_>>());
        let differs = |it: &(&String, &f64)| is_still(it) && scraped[it.0] != *it.1;
        let different: Vec<_> = sent.iter().filter(differs).map(|it| it.0.clone()).collect();
        last = Some((different.clone(), message));
        if different.is_empty() {
            break;
        }
    }
    let (different, message) = last.expect("an export");
    assert!(different.is_empty(), "{different:?}");
    let sent = figures(&message);
    assert_eq!(sent["live_users_users"], 1.0);
    assert_eq!(sent["live_users_agent_users{agent=\"booking\"}"], 1.0);
    assert_eq!(sent["live_users_agent_users{agent=\"support\"}"], 0.0);
    assert_eq!(sent["live_users_agent_capacity{agent=\"booking\"}"], 20.0);
    assert_eq!(sent["live_users_webhooks_total{outcome=\"accepted\",path=\"/voice\"}"], 2.0);
    assert_eq!(sent["live_users_acknowledgement_seconds_count"], 4.0);
    assert_eq!(sent["live_users_otlp_failed_exports_total{signal=\"metrics\"}"], 0.0);
    assert!(message.resource_metrics.len() == 1, "one process");
    let resource = message.resource_metrics[0].resource.as_ref().expect("a resource");
    let said = attributes(&resource.attributes);
    for expected in [
        ("service.name", "live-users-backend"),
        ("service.version", env!("CARGO_PKG_VERSION")),
        ("deployment.environment.name", "test"),
        ("team", "voice & care"),
    ] {
        assert!(said.iter().any(|(k, v)| (k.as_str(), v.as_str()) == expected), "{said:?}");
    }
}

#[test]
fn what_is_not_known_is_left_out_and_each_signal_has_an_address_of_its_own() {
    let collector = Collector::start(Manner::Takes);
    let (metrics, none) = (format!("{}/otlp/v1/metrics", collector.url), "none");
    let set = [
        ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", metrics.as_str()),
        ("OTEL_TRACES_EXPORTER", none),
        ("OTEL_SERVICE_NAME", "phones"),
        ("OTEL_RESOURCE_ATTRIBUTES", "service.name=other"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "x-scope=blue%20team,authorization=Bearer%20s3cr3t"),
    ];
    let (server, twilio) = start(&collector, &set);
    twilio.start(1);
    let request = collector.next();
    assert!(request.head.starts_with("POST /otlp/v1/metrics HTTP/1.1\r\n"), "{}", request.head);
    let head = request.head.to_lowercase();
    for header in [
        "content-type: application/x-protobuf",
        "x-scope: blue team",
        "authorization: bearer s3cr3t",
    ] {
        assert!(head.contains(&format!("{header}\r\n")), "{header} in {head}");
    }
    let message = collector.metrics();
    let resource = message.resource_metrics[0].resource.as_ref().expect("a resource");
    let said = attributes(&resource.attributes);
    assert!(said.contains(&("service.name".to_owned(), "phones".to_owned())), "{said:?}");
    let names = figures(&message);
    assert!(!names.keys().any(|name| name.starts_with("live_users_referee")), "there is none");
    let (status, log) = server.terminate();
    assert!(status.success());
    assert!(!log.contains("s3cr3t") && log.contains("metrics go to the collector at http://127."));
    assert!(collector.rest().iter().all(|it| matches!(it, crate::collector::Said::Metrics(_))));
}
