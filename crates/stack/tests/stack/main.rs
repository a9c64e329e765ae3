//! The whole line from outside: signed webhooks in, the number in a real browser out.

mod account_world;
mod accounts;
mod alerts;
mod api_clients;
mod call_reason;
mod calls_table;
mod chart;
mod chart_peak;
mod chart_stream;
mod command;
mod details;
mod doctor;
mod embed;
mod guesses;
mod kept_tokens;
mod languages;
mod link;
mod long_names;
mod monitoring;
mod newcomer;
mod on_demand;
mod page;
mod page_first;
mod page_layout;
mod page_line;
mod page_live;
mod page_parts;
mod page_truth;
mod reconnect;
mod remote;
mod remote_sources;
mod sessions;
mod setup;
mod sharded_commands;
mod shards;
mod shared_links;
mod sign_in;
mod sources;
mod spread;
mod summary_changes;
mod wallboard;

use std::path::{Path, PathBuf};

use live_users_testkit::{Server, Twilio};
use tempfile::TempDir;

const STACK: &str = env!("CARGO_BIN_EXE_live-users");
const TOKEN: &str = "f4k3t0k3nf4k3t0k3nf4k3t0k3nf4k3t";

const API_TOKEN: &str = "4p1t0k3n4p1t0k3n4p1t0k3n";
const ADMIN_TOKEN: &str = "4dm1nt0k3n4dm1nt0k3n";

/// The agents of the demonstration.
fn agents_file() -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/agents.toml");
    file.to_str().expect("a path of text").to_owned()
}

/// A binary of another package of the workspace, which `cargo test --workspace` has just built.
fn sibling(name: &str) -> PathBuf {
    let binary = Path::new(STACK).with_file_name(name);
    assert!(binary.exists(), "{name} is not built: run `cargo test --workspace`");
    binary
}

/// A file with these agents. It is gone with its folder.
fn write_agents(text: &str) -> (TempDir, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("agents.toml");
    std::fs::write(&file, text).expect("a file can be written");
    let path = file.to_str().expect("a path of text").to_owned();
    (folder, path)
}

/// A backend with the agents of this file, and with these settings beside.
fn backend_with(agents: &str, more: &[(&str, &str)]) -> Server {
    let env = [("TWILIO_AUTH_TOKEN", TOKEN), ("AGENTS_FILE", agents), ("API_TOKEN", API_TOKEN)];
    Server::start(sibling("live-users-backend"), &[], &[&env[..], more].concat())
}

/// A proxy that reads the backend at this address, with these settings beside.
fn proxy_with(backend_url: &str, more: &[(&str, &str)]) -> Server {
    proxy_all(&[&[("BACKEND_URL", backend_url)], more].concat())
}

/// A proxy with these settings, which name its backends too.
fn proxy_all(more: &[(&str, &str)]) -> Server {
    let env = [("BACKEND_TOKEN", API_TOKEN), ("ADMIN_TOKEN", ADMIN_TOKEN)];
    Server::start(sibling("live-users-proxy"), &[], &[&env[..], more].concat())
}

/// A proxy that reads this backend.
fn proxy_of(backend: &Server) -> Server {
    proxy_with(&backend.url, &[])
}

/// A backend and a proxy, as two processes.
fn start_both() -> (Server, Server, Twilio) {
    start_both_with(&agents_file())
}

/// The same with these agents.
fn start_both_with(agents: &str) -> (Server, Server, Twilio) {
    let backend = backend_with(agents, &[]);
    let proxy = proxy_with(&backend.url, &[("ALLOWED_ORIGINS", "*")]);
    let twilio = Twilio::new(&backend.url, TOKEN);
    (backend, proxy, twilio)
}
