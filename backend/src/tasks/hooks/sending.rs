//! Sends one message to a hook: by a request, or by a command that sends mail.

use std::ffi::OsString;
use std::io;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use live_users_http_kit::error_chain;
use reqwest::header::CONTENT_TYPE;
use reqwest::{Client, RequestBuilder};
use tokio::io::AsyncWriteExt;
use tokio::process::{ChildStdin, Command};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::keeper::{KEEP, cannot_be_started};
use super::message::Message;
use crate::parts::clock::Clock;
use crate::parts::hooks::{Hook, Target};
use crate::parts::telemetry::{self, Purpose};

/// The longest time of one request.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The longest time of one command.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(30);

/// So many commands run at the same time.
const COMMANDS_MAX: usize = 2;

/// The variables that a command gets. The others may be secrets of this process.
const VARIABLES: [&str; 5] = ["PATH", "HOME", "LANG", "TZ", "USER"];

/// Sends messages to hooks. Cheap to clone.
#[derive(Clone)]
pub(super) struct Sender {
    client: Client,
    clock: Clock,
    commands: Arc<Semaphore>,
    /// The program and the first arguments of the process that keeps a command.
    keeper: Arc<[OsString]>,
}

impl Sender {
    /// # Errors
    /// The system's own.
    pub(super) fn new(client: Client, clock: Clock) -> io::Result<Self> {
        let program = if cfg!(target_os = "linux") {
            // It is this program also after an upgrade has put another file in its place.
            "/proc/self/exe".into()
        } else {
            std::env::current_exe()?.into_os_string()
        };
        let commands = Arc::new(Semaphore::new(COMMANDS_MAX));
        Ok(Self { client, clock, commands, keeper: Arc::new([program, KEEP.into()]) })
    }

    /// Sends it. The error has no address and nothing of the message in it: both may be secret.
    pub(super) async fn send(&self, hook: &Hook, message: &Message) -> Result<(), String> {
        match &hook.target {
            Target::Signed(url, secret) => {
                let now = self.clock.for_others().0 / 1_000;
                let Message { id, body } = message;
                let request = self
                    .client
                    .post(url.clone())
                    .header("webhook-id", id)
                    .header("webhook-timestamp", now)
                    .header("webhook-signature", secret.sign(id, now, body.as_bytes()));
                post(request, message).await
            }
            Target::Posted(url) => post(self.client.post(url.clone()), message).await,
            Target::Mail => {
                let _place = self.commands.acquire().await;
                run(&self.keeper, &hook.table.mail_command, message, COMMAND_TIMEOUT).await
            }
        }
    }
}

async fn post(request: RequestBuilder, message: &Message) -> Result<(), String> {
    let request = request
        .timeout(TIMEOUT)
        .header(CONTENT_TYPE, "application/json")
        .body(message.body.clone());
    // The body of the answer is not read.
    match telemetry::send(request, Purpose::Hook).await.map(|answer| answer.status()) {
        Ok(status) if status.is_success() => Ok(()),
        Ok(status) => Err(format!("status {}", status.as_u16())),
        Err(error) if error.is_timeout() => Err(too_long(TIMEOUT)),
        Err(error) => Err(error_chain(&error.without_url())),
    }
}

/// Runs a command without a shell, with the message on its standard input. It gets so much time, and one
/// that takes longer leaves nothing behind.
///
/// Its keeper ([`super::keeper`]) starts it, and ends it when the pipe to the keeper is closed: after
/// its time, when nobody waits for this any more, and when this process is killed.
async fn run(
    keeper: &[OsString],
    command: &[String],
    message: &Message,
    limit: Duration,
) -> Result<(), String> {
    let Some((program, arguments)) = keeper.split_first() else {
        return Err("there is no keeper".to_owned());
    };
    let variables = VARIABLES.iter().filter_map(|name| Some((name, std::env::var_os(name)?)));
    // Nothing but the pipe ends the keeper: if it were killed, the command would go on.
    let mut keeper = Command::new(program)
        .args(arguments)
        .args(command)
        .env_clear()
        .envs(variables)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .map_err(cannot_be_started)?;
    let mut stdin = keeper.stdin.take();
    let exchange = async {
        if let Some(stdin) = &mut stdin {
            // Why it did not take the message is told by its end.
            let _not_read = hand_over(stdin, message.body.as_bytes()).await;
        }
        keeper.wait_with_output().await
    };
    let ended = timeout(limit, exchange).await;
    // Trap: not earlier, or the command ends at once.
    drop(stdin);
    match ended {
        Ok(Ok(output)) if output.status.success() => Ok(()),
        Ok(Ok(output)) => match String::from_utf8_lossy(&output.stdout).trim_end() {
            "" => Err(format!("the keeper of the command ended: {}", output.status)),
            why => Err(why.to_owned()),
        },
        Ok(Err(error)) => Err(format!("the command cannot be waited for: {error}")),
        Err(_) => Err(too_long(limit)),
    }
}

async fn hand_over(stdin: &mut ChildStdin, body: &[u8]) -> io::Result<()> {
    stdin.write_u64(body.len() as u64).await?;
    stdin.write_all(body).await
}

fn too_long(limit: Duration) -> String {
    format!("it took more than {} ms", limit.as_millis())
}

#[cfg(test)]
mod tests;
