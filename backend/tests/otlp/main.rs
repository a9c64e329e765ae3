//! What the real binary sends to an OpenTelemetry collector, and what it does when that is slow, refuses
//! everything or is gone. The build has the feature `otlp`.

mod collector;
mod failing;
mod figures;
mod metrics;
mod privacy;
mod spans;
mod start;
mod traces;

use live_users_testkit::{Answer, Server, Twilio};
use tempfile::TempDir;

use crate::collector::Collector;

const BINARY: &str = env!("CARGO_BIN_EXE_live-users-backend");
const TOKEN: &str = "f4k3t0k3nf4k3t0k3nf4k3t0k3nf4k3t";
const API_TOKEN: &str = "0123456789abcdef0123456789abcdef";

const AGENTS: &str = r#"
    [[agent]]
    id = "booking"
    name = "Tables"
    numbers = ["+15005550006"]
    capacity = 20

    [[agent]]
    id = "support"
    name = "Support"
"#;

/// A server that sends to this collector at once.
fn start(collector: &Collector, env: &[(&str, &str)]) -> (Server, Twilio) {
    let own = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url.as_str()),
        ("OTEL_BSP_SCHEDULE_DELAY", "50"),
        ("OTEL_METRIC_EXPORT_INTERVAL", "100"),
        ("TWILIO_AUTH_TOKEN", TOKEN),
        ("API_TOKEN", API_TOKEN),
    ];
    // What comes later is taken.
    let given = |name: &str| env.iter().any(|(it, _)| *it == name);
    let own = own.into_iter().filter(|(name, _)| !given(name));
    let all: Vec<_> = own.chain(env.iter().copied()).collect();
    let server = Server::start(BINARY, &[], &all);
    let twilio = Twilio::new(&server.url, TOKEN);
    (server, twilio)
}

/// An agents file with this text, and the folder that goes when the test ends.
fn agents_file(text: &str) -> (TempDir, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("agents.toml");
    std::fs::write(&path, text).expect("a file can be written");
    (folder, path.to_str().expect("a path of text").to_owned())
}

fn sid(n: u8) -> String {
    format!("CA{n:032x}")
}

fn is_twiml(answer: &Answer) -> bool {
    answer.status == 200 && answer.body.contains("<Response>")
}
