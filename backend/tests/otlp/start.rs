//! Settings at the start.

use live_users_testkit::{Server, exit_of};

use crate::collector::{Collector, Manner};
use crate::spans::{Spans, attribute};
use crate::{BINARY, TOKEN, is_twiml, start};

#[test]
fn what_cannot_be_honoured_is_refused_without_a_secret_in_the_message() {
    let set = [
        ("TWILIO_AUTH_TOKEN", TOKEN),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://me:s3cr3t@collector:4318"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=ok,s3cr3t,bad name=s3cr3t,Host=s3cr3t"),
        ("OTEL_TRACES_SAMPLER", "xray"),
        ("OTEL_METRICS_EXPORTER", "prometheus"),
    ];
    let output = exit_of(BINARY, &[], &set);
    let said = String::from_utf8(output.stderr).expect("text");
    assert_eq!(output.status.code(), Some(64), "{said}");
    for part in [
        "OTEL_EXPORTER_OTLP_ENDPOINT has a login in it",
        "OTEL_EXPORTER_OTLP_PROTOCOL is \"grpc\": expected http/protobuf",
        "OTEL_EXPORTER_OTLP_HEADERS has no pair in place 2",
        "OTEL_EXPORTER_OTLP_HEADERS has no header in place 2",
        "OTEL_EXPORTER_OTLP_HEADERS has the header host",
        "OTEL_TRACES_SAMPLER is \"xray\"",
        "OTEL_METRICS_EXPORTER is \"prometheus\": expected otlp or none",
    ] {
        assert!(said.contains(part), "{part} in {said}");
    }
    assert!(!said.contains("s3cr3t"), "{said}");
}

#[test]
fn without_an_endpoint_nothing_is_sent_and_nothing_is_refused() {
    let set = [("TWILIO_AUTH_TOKEN", TOKEN), ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")];
    let server = Server::start(BINARY, &[], &set);
    let (status, log) = server.terminate();
    assert!(status.success() && !log.contains("collector"), "{log}");
}

#[test]
fn a_setting_that_is_not_read_and_the_port_of_grpc_are_told() {
    let collector = Collector::start(Manner::Takes);
    let (server, _) = start(&collector, &[("OTEL_EXPORTER_OTLP_CERTIFICATE", "/ca.pem")]);
    let (_, log) = server.terminate();
    assert!(log.contains("OTEL_EXPORTER_OTLP_CERTIFICATE is set, and is not among"), "{log}");
    let set = [("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4317")];
    let (mut server, _) = start(&collector, &set);
    server.await_log("4317 is the port of gRPC");
}

#[test]
fn a_setting_that_is_told_to_be_unread_has_no_effect() {
    let collector = Collector::start(Manner::Takes);
    // The SDK reads each of them, unless it is told what to do.
    let unread = [
        ("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "0"),
        ("OTEL_SPAN_EVENT_COUNT_LIMIT", "0"),
        ("OTEL_SPAN_LINK_COUNT_LIMIT", "0"),
        ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "1"),
        ("OTEL_BSP_EXPORT_TIMEOUT", "1"),
        ("OTEL_BSP_MAX_CONCURRENT_EXPORTS", "0"),
        ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "0"),
        ("OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", "gzip"),
        ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "content-type=text/plain"),
    ];
    // All spans wait for the end, and so are in one request.
    let late = [("OTEL_BSP_SCHEDULE_DELAY", "60000")];
    let (server, twilio) = start(&collector, &[&unread[..], &late].concat());
    assert!(is_twiml(&twilio.start(1)));
    let (_, log) = server.terminate();
    let mut spans = Spans::default();
    spans.add(collector.traces());
    assert_eq!(spans.0.len(), 9);
    let served = spans.named("POST /voice").expect("a span");
    assert_eq!(attribute(&served, "http.route").as_deref(), Some("/voice"));
    for (name, _) in unread {
        assert!(log.contains(&format!("{name} is set, and is not among")), "{name}: {log}");
    }
}
