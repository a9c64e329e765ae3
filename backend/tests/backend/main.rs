//! The backend from outside: the real binary, spoken to as Twilio does.

mod bad_input;
mod crash;
mod fixtures;
mod honest;
mod journal;
mod life;
mod referee;
mod settings;
mod signatures;
mod streams;
mod twiml;

use live_users_testkit::{Server, Twilio};

const BINARY: &str = env!("CARGO_BIN_EXE_live-users-backend");
const TOKEN: &str = "f4k3t0k3nf4k3t0k3nf4k3t0k3nf4k3t";

fn start(env: &[(&str, &str)]) -> (Server, Twilio) {
    let env = [&[("TWILIO_AUTH_TOKEN", TOKEN)], env].concat();
    let server = Server::start(BINARY, &[], &env);
    let twilio = Twilio::new(&server.url, TOKEN);
    (server, twilio)
}
