//! The backend from outside: the real binary, spoken to as Twilio does.

mod accounts;
mod alerts;
mod bad_input;
mod capacity;
mod chat;
mod clocks;
mod copy;
mod crash;
mod doubt;
mod events;
mod exports;
mod fixtures;
mod following;
mod hand_over;
mod history;
mod honest;
mod hooks;
mod identity;
mod isolation;
mod journal;
mod journal_files;
mod life;
mod limits;
mod links;
mod local_days;
mod mail_commands;
mod metrics;
mod old_callbacks;
mod openapi;
mod overview;
mod parties;
mod passing_on;
mod provider;
mod ready;
mod receiver;
mod referee;
mod reload;
mod replays;
mod replicas;
mod scopes;
mod settings;
mod setup;
mod shards;
mod signatures;
mod source_referees;
mod sources;
mod spread;
mod standby;
mod streams;
mod summary_changes;
mod tls;
mod tokens;
mod total;
mod twiml;
mod webhook_forms;

use live_users_testkit::{Server, Twilio};
use tempfile::TempDir;

const BINARY: &str = env!("CARGO_BIN_EXE_live-users-backend");
const TOKEN: &str = "f4k3t0k3nf4k3t0k3nf4k3t0k3nf4k3t";

fn start(env: &[(&str, &str)]) -> (Server, Twilio) {
    let env = [&[("TWILIO_AUTH_TOKEN", TOKEN)], env].concat();
    let server = Server::start(BINARY, &[], &env);
    let twilio = Twilio::new(&server.url, TOKEN);
    (server, twilio)
}

const AGENTS: &str = r#"
    [[agent]]
    id = "booking"
    name = "Tables & <More>"
    numbers = ["+15005550006"]
    capacity = 20

    [[agent]]
    id = "support"
    name = "Support"
    voice_url = "https://support.example.com/voice?a=1&b=2"
"#;

/// An agents file with this text, and the folder that goes when the test ends.
fn agents_file(text: &str) -> (TempDir, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("agents.toml");
    std::fs::write(&path, text).expect("a file can be written");
    (folder, path.to_str().expect("a path of text").to_owned())
}
