//! A collector that is slow, refuses everything or is gone: no webhook waits for it.

use std::time::{Duration, Instant};

use live_users_testkit::{Metrics, Server, Twilio, send};

use crate::collector::{Collector, Manner, Said};
use crate::figures::figures;
use crate::spans::Spans;
use crate::{API_TOKEN, is_twiml, start};

fn figure(server: &Server, series: &str) -> f64 {
    let authorization = format!("Bearer {API_TOKEN}");
    let url = format!("{}/metrics", server.url);
    let answer = send("GET", &url, &[("Authorization", &authorization)], b"");
    Metrics::parse(&answer.body).get(series).expect("it is there")
}

fn dropped(server: &Server, reason: &str) -> f64 {
    figure(server, &format!("live_users_otlp_dropped_spans_total{{reason=\"{reason}\"}}"))
}

fn failed(server: &Server, signal: &str) -> f64 {
    figure(server, &format!("live_users_otlp_failed_exports_total{{signal=\"{signal}\"}}"))
}

/// Waits for all of these in the log, in whatever order they come.
fn await_all(server: &mut Server, texts: [&str; 2]) {
    while !texts.iter().all(|text| server.log().contains(text)) {
        // The next line, whatever it says.
        server.await_log("");
    }
}

fn answers(twilio: &Twilio, n: u8) {
    (0..n).for_each(|n| assert!(is_twiml(&twilio.start(n))));
}

#[test]
fn a_collector_that_never_answers_holds_no_webhook_up_and_what_is_dropped_is_counted() {
    let collector = Collector::start(Manner::NeverAnswers);
    // Longer than the whole test: nothing here goes on because a time is over.
    let set = [("OTEL_BSP_MAX_QUEUE_SIZE", "8"), ("OTEL_EXPORTER_OTLP_TIMEOUT", "60000")];
    let (mut server, twilio) = start(&collector, &set);
    answers(&twilio, 1);
    // From now on its thread waits for the answer to this one.
    collector.traces();
    answers(&twilio, 100);
    assert_eq!(twilio.count(), "{\"liveUsers\":100}");
    // Nine spans each, of which eight wait and at most eight more are under way.
    assert!(dropped(&server, "queue_full") >= 900.0 - 16.0);
    server.await_log("spans were dropped, because 8 wait for the collector already");
    let begun = Instant::now();
    let (status, log) = server.terminate();
    assert!(status.success() && begun.elapsed() < Duration::from_secs(8));
    assert!(log.contains("has not taken the last spans or metrics in time"), "{log}");
    assert_eq!(log.matches("spans were dropped").count(), 1, "told once:\n{log}");
}

#[test]
fn a_collector_that_refuses_everything_is_told_once_until_it_takes_again() {
    let collector = Collector::start(Manner::Refuses);
    let (mut server, twilio) = start(&collector, &[]);
    answers(&twilio, 3);
    server.await_log("does not take metrics: status 400");
    let mut spans = Spans::default();
    spans.until(&collector, |it| it.named("POST /voice"));
    collector.behave(Manner::Takes);
    server.await_log("the collector takes metrics again");
    answers(&twilio, 4);
    spans.until(&collector, |it| {
        (it.0.iter().filter(|span| span.name == "POST /voice").count() == 7).then_some(())
    });
    assert!(dropped(&server, "not_taken") >= 9.0);
    assert!(failed(&server, "metrics") >= 1.0);
    let (_, log) = server.terminate();
    assert_eq!(log.matches("does not take metrics").count(), 1, "{log}");
    assert_eq!(log.matches("does not take traces").count(), 1, "{log}");
}

#[test]
fn what_a_collector_rejects_of_a_request_is_counted_and_told_once_in_a_safe_line() {
    let collector = Collector::start(Manner::TakesPart);
    let set = [("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20s3cr3t-t0ken")];
    let (mut server, twilio) = start(&collector, &set);
    answers(&twilio, 3);
    let spans = "does not take 1 spans of a request: \"too old:\\n\\u{1b}[31m ***\"";
    await_all(&mut server, ["does not take 1 data points of a request: ", spans]);
    while failed(&server, "metrics") < 3.0 || dropped(&server, "not_taken") < 2.0 {
        collector.metrics();
        answers(&twilio, 1);
    }
    let lost = dropped(&server, "not_taken");
    assert!(lost <= failed(&server, "traces"), "one span of each request: {lost}");
    let (_, log) = server.terminate();
    for items in ["data points", "spans"] {
        assert_eq!(log.matches(&format!("1 {items} of a request")).count(), 1, "{log}");
    }
    assert!(!log.contains("s3cr3t") && !log.contains("does not take metrics"), "{log}");
}

#[test]
fn an_answer_that_is_not_that_of_a_collector_is_no_success() {
    let collector = Collector::start(Manner::Babbles);
    let (mut server, twilio) = start(&collector, &[]);
    answers(&twilio, 1);
    let lines = [
        "does not take metrics: its answer, with status 200, is not that of a",
        "does not take traces: its answer, with status 200, is not that of a",
    ];
    await_all(&mut server, lines);
    while dropped(&server, "not_taken") < 9.0 {
        collector.metrics();
    }
    assert_eq!(dropped(&server, "not_taken"), 9.0, "the spans of one webhook");
    assert!(failed(&server, "metrics") >= 1.0 && failed(&server, "traces") >= 1.0);
    collector.behave(Manner::Takes);
    server.await_log("the collector takes metrics again");
}

#[test]
fn a_collector_that_is_killed_is_missed_by_nobody_and_found_again() {
    let collector = Collector::start(Manner::Takes);
    let (mut server, twilio) = start(&collector, &[]);
    answers(&twilio, 1);
    Spans::default().until(&collector, |it| it.named("POST /voice"));
    collector.kill();
    server.await_log("does not take metrics: ");
    answers(&twilio, 50);
    assert_eq!(twilio.count(), "{\"liveUsers\":50}");
    collector.rise();
    server.await_log("the collector takes metrics again");
    answers(&twilio, 1);
    while figures(&collector.metrics())["live_users_users"] != 50.0 {}
    assert!(server.terminate().0.success());
}

#[test]
fn a_collector_that_was_never_there_changes_nothing() {
    let collector = Collector::start(Manner::Takes);
    collector.kill();
    let (server, twilio) = start(&collector, &[]);
    answers(&twilio, 20);
    let begun = Instant::now();
    let (status, _) = server.terminate();
    assert!(status.success() && begun.elapsed() < Duration::from_secs(8));
}

#[test]
fn the_end_flushes_what_waits() {
    let collector = Collector::start(Manner::Takes);
    let set = [("OTEL_BSP_SCHEDULE_DELAY", "60000"), ("OTEL_METRIC_EXPORT_INTERVAL", "3600000")];
    let (server, twilio) = start(&collector, &set);
    // The figures of the start.
    collector.metrics();
    answers(&twilio, 5);
    assert!(server.terminate().0.success());
    let (mut spans, mut last) = (Spans::default(), None);
    for said in collector.rest() {
        match said {
            Said::Traces(traces) => spans.add(traces),
            Said::Metrics(metrics) => last = Some(figures(&metrics)),
        }
    }
    let served = spans.0.iter().filter(|span| span.name == "POST /voice").count();
    assert_eq!((served, spans.0.len()), (5, 45));
    assert_eq!(last.expect("the last figures")["live_users_users"], 5.0);
}
