//! Sends one message to a hook: by a request, or by a command that sends mail.

use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use live_users_http_kit::error_chain;
use reqwest::header::CONTENT_TYPE;
use reqwest::{Client, RequestBuilder};
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::AsyncWriteExt;
use tokio::process::{Child, Command};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::message::Message;
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
    commands: Arc<Semaphore>,
}

impl Sender {
    pub(super) fn new(client: Client) -> Self {
        Self { client, commands: Arc::new(Semaphore::new(COMMANDS_MAX)) }
    }

    /// Sends it. The error has no address and nothing of the message in it: both may be secret.
    pub(super) async fn send(&self, hook: &Hook, message: &Message) -> Result<(), String> {
        match &hook.target {
            Target::Signed(url, secret) => {
                let now =
                    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
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
                run(&hook.table.mail_command, message, COMMAND_TIMEOUT).await
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

/// The process group of a command. What is in it is killed when this is dropped: after its time, and
/// when nobody waits for it any more.
struct Group(Option<Pid>);

impl Group {
    fn of(child: &Child) -> Self {
        Self(child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?)))
    }

    /// The command has ended by itself: what it has left to go on delivers the mail, as the `sendmail` of
    /// some servers does.
    fn leave(mut self) {
        self.0 = None;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // A group without a process is none any more, and that is an error.
        let _nobody_left = self.0.map(|leader| kill_process_group(leader, Signal::KILL));
    }
}

/// Runs a command without a shell, with the message on its standard input. It gets so much time, and one
/// that takes longer leaves nothing behind.
async fn run(command: &[String], message: &Message, limit: Duration) -> Result<(), String> {
    let Some((program, arguments)) = command.split_first() else {
        return Err("there is no command".to_owned());
    };
    let variables = VARIABLES.iter().filter_map(|name| Some((name, std::env::var_os(name)?)));
    let mut command = Command::new(program);
    command
        .args(arguments)
        .env_clear()
        .envs(variables)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .kill_on_drop(true);
    let mut child =
        command.spawn().map_err(|error| format!("the command cannot be started: {error}"))?;
    let group = Group::of(&child);
    let stdin = child.stdin.take();
    let exchange = async {
        if let Some(mut stdin) = stdin {
            // A command that does not read all says by its exit code whether that is well.
            let _not_read = stdin.write_all(message.body.as_bytes()).await;
        }
        child.wait().await
    };
    let ended = timeout(limit, exchange).await;
    if matches!(ended, Ok(Ok(_))) {
        group.leave();
    }
    match ended {
        Ok(Ok(status)) if status.success() => Ok(()),
        Ok(Ok(status)) => Err(ended_with(status)),
        Ok(Err(error)) => Err(format!("the command cannot be waited for: {error}")),
        Err(_) => Err(too_long(limit)),
    }
}

fn ended_with(status: ExitStatus) -> String {
    match status.code() {
        Some(code) => format!("the command ended with exit code {code}"),
        None => "the command was ended by a signal".to_owned(),
    }
}

fn too_long(limit: Duration) -> String {
    format!("it took more than {} ms", limit.as_millis())
}

#[cfg(test)]
mod tests;
