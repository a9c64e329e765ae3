//! What the command says once the stack has its ports.

use std::ffi::OsStr;
use std::path::Path;

use live_users_http_kit::Env;

use crate::args::{BACKEND_PORT, PROXY_PORT};
use crate::local::{LOOK_SECONDS, Stack, Told};
use crate::{NAME, tell};

/// What cargo was asked for beyond what a first run needs, so that a printed command builds nothing anew.
const FEATURES: &[&str] = match (cfg!(feature = "nats"), cfg!(feature = "otlp")) {
    (true, true) => &["nats", "otlp"],
    (true, false) => &["nats"],
    (false, true) => &["otlp"],
    (false, false) => &[],
};

/// How to run this command with these arguments, for whoever has started this process.
pub(crate) fn command(env: &Env, arguments: &str) -> String {
    // Cargo sets it for what it runs.
    let by_cargo = env.get("CARGO").map(|_| FEATURES);
    as_started(by_cargo, std::env::args().next().as_deref(), arguments)
}

/// The same for what is printed where no environment is at hand, in backticks.
pub(crate) fn how_to_run(arguments: &str) -> String {
    format!("`{}`", command(&Env::process(), arguments))
}

/// A program that was named by a path may not be found without it. Cargo has been given these features.
fn as_started(by_cargo: Option<&[&str]>, program: Option<&str>, arguments: &str) -> String {
    let is_plain = |it: &char| it.is_ascii_alphanumeric() || "/._-+~".contains(*it);
    let path = program.filter(|it| it.contains('/'));
    if let Some(features) = by_cargo {
        let cargo = by_cargo_of(path.unwrap_or_default(), features);
        let end = if arguments.is_empty() { "" } else { " --" };
        return format!("{cargo}{end} {arguments}").trim_end().to_owned();
    }
    let program = match path {
        Some(path) if path.chars().all(|it| is_plain(&it)) => path,
        _ => NAME,
    };
    format!("{program} {arguments}").trim_end().to_owned()
}

/// How cargo has started the program at this path: it should not build it anew in another profile. The
/// folder has the name of the profile, but for that of `dev`.
fn by_cargo_of(path: &str, features: &[&str]) -> String {
    let mut cargo = match Path::new(path).parent().and_then(Path::file_name).and_then(OsStr::to_str)
    {
        Some("debug") => "cargo run".to_owned(),
        Some(profile) if profile != "release" => format!("cargo run --profile {profile}"),
        Some(_) | None => "cargo run --release".to_owned(),
    };
    if !features.is_empty() {
        cargo += &format!(" --features {}", features.join(","));
    }
    cargo
}

/// Says how a demonstration is left.
pub(crate) fn tell_of_own_calls() {
    tell(format_args!(
        "For your own calls, set TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN and start"
    ));
    tell(format_args!("again: nothing is changed in Twilio.\n"));
}

impl Stack {
    /// How to run this command against these servers.
    fn command(&self, env: &Env, arguments: &str) -> String {
        let mut ports = String::new();
        for (flag, port, default) in [
            ("backend-port", self.backend_port(), BACKEND_PORT),
            ("proxy-port", self.proxy_port(), PROXY_PORT),
        ] {
            if port != default {
                ports += &format!(" --{flag} {port}");
            }
        }
        command(env, &format!("{arguments}{ports}"))
    }

    /// The command that fills a demonstration; the page shows it, too.
    pub(crate) fn simulate(&self, env: &Env) -> String {
        self.command(env, "simulate --calls 25")
    }

    pub(crate) fn welcome(&self, told: &Told) {
        tell(format_args!("\nLive Users runs on this machine.\n"));
        self.tell_where(told);
        let command = |arguments: &str| self.command(&told.env, arguments);
        match told.env.get("PUBLIC_URL") {
            _ if told.is_demo => {
                tell(format_args!(
                    "A demonstration, since TWILIO_AUTH_TOKEN is not set. See the number move:\n"
                ));
                tell(format_args!("  {}\n", self.simulate(&told.env)));
                tell_of_own_calls();
            }
            None if told.watches => {
                let seconds = told.env.get("REFEREE_LOOK_SECONDS").unwrap_or(LOOK_SECONDS);
                tell(format_args!(
                    "The number comes from asking Twilio each {seconds} s, so it is right within"
                ));
                tell(format_args!("some seconds. Nothing was changed in Twilio.\n"));
                tell(format_args!(
                    "For the exact number at once, set PUBLIC_URL to the address that Twilio"
                ));
                tell(format_args!("reaches the backend by, start again, and run\n"));
                tell(format_args!("  {}\n", command("connect")));
                tell(format_args!("Check everything:  {}\n", command("doctor")));
            }
            None => {
                let backend = self.backend_url();
                tell(format_args!(
                    "Twilio has to reach {backend} under an address of its own: set"
                ));
                tell(format_args!("PUBLIC_URL to that address, for the signature covers it.\n"));
            }
            Some(public) => {
                let public = public.trim_end_matches('/');
                tell(format_args!("Connect your numbers:  {}", command("connect")));
                tell(format_args!("Check everything:      {}\n", command("doctor")));
                tell(format_args!(
                    "Or by hand in Twilio, for each number, under Voice, each with HTTP POST:\n"
                ));
                tell(format_args!("  A call comes in         {public}/voice"));
                tell(format_args!("  Primary handler fails   the agent's own URL, or a TwiML Bin"));
                tell(format_args!(
                    "  Call status changes     {public}/call-status#ct=500&rc=5&rp=all\n"
                ));
                tell(format_args!(
                    "Twilio requests the second when the first has failed: it should not fail with it.\n"
                ));
            }
        }
    }

    /// The addresses, and how to sign in.
    fn tell_where(&self, told: &Told) {
        let (backend, proxy) = (self.backend_url(), self.proxy_url());
        match &told.drawn_admin_token {
            Some(drawn) => {
                let token = &drawn.token;
                tell(format_args!("  The page     {proxy}/admin/sign-in#token={token}"));
                tell(format_args!("  The count    {backend}/api/live-users\n"));
                match &drawn.file {
                    Some(file) => tell(format_args!(
                        "The link signs in. Its token is kept in {}.",
                        file.display()
                    )),
                    None => tell(format_args!("The link signs in. Its token is for this run.")),
                }
            }
            None => {
                tell(format_args!("  The page     {proxy}/admin/existing-agents"));
                tell(format_args!("  The count    {backend}/api/live-users\n"));
                tell(format_args!("The page asks for your ADMIN_TOKEN."));
            }
        }
        let port = self.proxy_port();
        tell(format_args!("On another machine than your browser, run this beside the browser:\n"));
        tell(format_args!("  ssh -L {port}:127.0.0.1:{port} THAT-MACHINE\n"));
        match &told.drawn_admin_token {
            Some(drawn) if drawn.file.is_none() => {
                let token = &drawn.token;
                tell(format_args!("What is behind the number, as JSON:\n"));
                tell(format_args!("  curl -H 'Authorization: Bearer {token}' \\"));
                tell(format_args!("    {proxy}/api/live-users/summary\n"));
            }
            _ => tell(format_args!(
                "What is behind the number:  {}\n",
                self.command(&told.env, "status")
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_printed_as_the_program_was_started() {
        type Features<'a> = Option<&'a [&'a str]>;
        let (plain, with): (Features, Features) = (Some(&[]), Some(&["nats", "otlp"]));
        let release = Some("target/release/live-users");
        let quick = Some("target/quick/live-users");
        for (by_cargo, program, arguments, printed) in [
            (plain, release, "doctor", "cargo run --release -- doctor"),
            (plain, release, "", "cargo run --release"),
            (plain, quick, "", "cargo run --profile quick"),
            (plain, Some("/a/quick/live-users"), "doctor", "cargo run --profile quick -- doctor"),
            (with, quick, "", "cargo run --profile quick --features nats,otlp"),
            (with, release, "doctor", "cargo run --release --features nats,otlp -- doctor"),
            (plain, Some("target/debug/live-users"), "doctor", "cargo run -- doctor"),
            (plain, None, "doctor", "cargo run --release -- doctor"),
            (None, Some("./live-users"), "doctor", "./live-users doctor"),
            (None, Some("/opt/live-users"), "", "/opt/live-users"),
            (None, Some("live-users"), "doctor", "live-users doctor"),
            (None, Some("/a b/live-users"), "doctor", "live-users doctor"),
            (None, None, "doctor", "live-users doctor"),
        ] {
            assert_eq!(as_started(by_cargo, program, arguments), printed);
        }
    }
}
