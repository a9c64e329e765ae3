//! `live-users watch`: follows the number.

use std::io::{self, Write};
use std::pin::pin;
use std::process::ExitCode;
use std::time::Duration;

use jiff::Timestamp;
use live_users_backoff::{Schedule, full};
use live_users_broadcast::{Event, EventStream, HEARTBEAT_MS};
use live_users_http_kit::{Env, shutdown_signal};
use live_users_simulator::is_answering;
use live_users_wire::Count;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::Target;
use super::server::{Server, Trouble, no_answer, without_envelope};
use super::status::about;
use crate::Failure;
use crate::args::Ports;
use crate::credential::Credential;
use crate::local::{self, Stack};
use crate::terminal::shown;

/// When a lost stream is opened again.
const AGAIN: Schedule = Schedule { base_ms: 250, max_ms: 10_000 };

/// The longest frame, in bytes.
const FRAME_BYTES_MAX: usize = 1024 * 1024;

/// Follows the number until the process is asked to stop. Where nothing answers and Twilio can be
/// asked, the stack is started here.
pub(super) async fn run(target: &Target, ports: &Ports, env: &Env) -> Result<ExitCode, Failure> {
    let shutdown = shutdown_signal();
    let url = format!("http://127.0.0.1:{}", ports.backend_port);
    if target.url.is_some() || !local::watches(env) || is_answering(&url).await {
        let server = Server::new(target, ports, env)?;
        return follow(&server, &mut Lines::new(target.json), shutdown).await;
    }

    let told = local::read_env()?;
    let stack = Stack::bind(&told, ports)?;
    if !target.json {
        stack.welcome(&told);
    }
    let token = Credential::of_api(&told.env)?.token;
    let here = Target { url: Some(stack.backend_url()), token, ..target.clone() };
    let server = Server::new(&here, ports, &told.env)?;
    let (end, ended) = oneshot::channel();
    let following = async {
        let followed = follow(&server, &mut Lines::new(target.json), shutdown).await;
        let _the_servers_have_failed = end.send(());
        followed
    };
    let mut following = pin!(following);
    let mut serving = pin!(stack.serve(async {
        let _always_sent = ended.await;
    }));
    tokio::select! {
        served = &mut serving => served.map(|()| ExitCode::SUCCESS).map_err(Failure::run),
        followed = &mut following => {
            serving.await.map_err(Failure::run)?;
            followed
        }
    }
}

/// Writes a line for each change, until `shutdown` resolves or nobody reads the lines any more.
async fn follow(
    server: &Server,
    lines: &mut Lines,
    shutdown: impl Future<Output = ()>,
) -> Result<ExitCode, Failure> {
    let mut shutdown = pin!(shutdown);
    let mut failed = 0;
    loop {
        let ended = tokio::select! {
            () = &mut shutdown => return Ok(ExitCode::SUCCESS),
            ended = follow_once(server, lines, &mut failed) => ended,
        };
        let why = match ended {
            End::NobodyReads => return Ok(ExitCode::SUCCESS),
            End::Trouble(trouble) if is_final(&trouble) => return Err(server.failure(&trouble)),
            End::Trouble(trouble) if lines.was_known => server.describe(&trouble),
            End::Trouble(trouble) => server.failure(&trouble).to_string(),
        };
        if lines.unknown(&why, None).is_err() {
            return Ok(ExitCode::SUCCESS);
        }
        let delay_ms = AGAIN.delay_ms(failed, full(getrandom::u64().ok()));
        failed += 1;
        tokio::select! {
            () = &mut shutdown => return Ok(ExitCode::SUCCESS),
            () = sleep(Duration::from_millis(delay_ms)) => {}
        }
    }
}

/// Why a stream is not read any further.
enum End {
    NobodyReads,
    Trouble(Trouble),
}

/// Whether trying again cannot help: the token or the address has to change.
fn is_final(trouble: &Trouble) -> bool {
    match trouble {
        Trouble::Away(_) | Trouble::NoAnswer(_) => false,
        Trouble::OfEachShard(..) => true,
        Trouble::Refused(status, ..) => {
            status.is_client_error()
                && *status != StatusCode::TOO_MANY_REQUESTS
                && *status != StatusCode::REQUEST_TIMEOUT
        }
    }
}

/// A server that says nothing for longer than this is gone: it sends a comment in half the time.
const SILENCE: Duration = Duration::from_millis(2 * HEARTBEAT_MS);

/// The stream of a backend has no frame while the number is not known, so it is also asked: this
/// soon after the stream was opened, and then this often, in milliseconds.
const ASK_MS: (u64, u64) = (1_000, 5_000);

/// Opens the stream and follows it to its end.
async fn follow_once(server: &Server, lines: &mut Lines, failed: &mut u32) -> End {
    let silent = || Trouble::NoAnswer("it is silent".to_owned());
    // The proxy waits for the backend before it answers.
    let opened = timeout(SILENCE, server.open(Method::GET, "/stream")).await;
    let mut stream = match opened.unwrap_or_else(|_| Err(silent())) {
        Ok(stream) => stream,
        Err(trouble) => return End::Trouble(trouble),
    };
    let mut events = EventStream::new(FRAME_BYTES_MAX);
    let ask = |ms: u64| async move {
        sleep(Duration::from_millis(ms)).await;
        server.ask(Method::GET, "").await
    };
    let mut asking = Box::pin(ask(ASK_MS.0));
    let mut gone_at = Instant::now() + SILENCE;
    loop {
        let told = tokio::select! {
            chunk = timeout_at(gone_at, stream.chunk()) => {
                let frames = chunk.map_err(|_| silent()).and_then(|it| frames(it, &mut events));
                gone_at = Instant::now() + SILENCE;
                match frames {
                    Ok(frames) => frames.iter().try_for_each(|frame| {
                        *failed = 0;
                        lines.frame(frame)
                    }),
                    Err(trouble) => return End::Trouble(trouble),
                }
            }
            answer = &mut asking => {
                asking = Box::pin(ask(ASK_MS.1));
                lines.answer(answer, server)
            }
        };
        if told.is_err() {
            return End::NobodyReads;
        }
    }
}

/// The frames that a piece of the stream completes.
fn frames(
    chunk: reqwest::Result<Option<impl AsRef<[u8]>>>,
    events: &mut EventStream,
) -> Result<Vec<String>, Trouble> {
    let ended = || Trouble::NoAnswer("it has ended the stream".to_owned());
    let bytes = chunk.map_err(no_answer)?.ok_or_else(ended)?;
    let frames = events.push(bytes.as_ref()).map_err(|it| Trouble::NoAnswer(it.to_string()))?;
    Ok(frames.into_iter().map(Event::into_text).collect())
}

/// The lines that are written, one for each change.
struct Lines {
    json: bool,
    last: Option<Known>,
    /// Whether the number was known once.
    was_known: bool,
}

/// What the last line has said.
#[derive(PartialEq, Eq)]
enum Known {
    /// The live users, and how many of them are suspect if that is told.
    Number(u64, Option<u64>),
    Unknown(String),
}

impl Lines {
    fn new(json: bool) -> Self {
        Self { json, last: None, was_known: false }
    }

    /// Tells what was asked for beside the stream: that the number is not known, or is known again.
    /// Of a number that is known only the stream tells, whose order is certain.
    fn answer(&mut self, answer: Result<String, Trouble>, server: &Server) -> io::Result<()> {
        match (answer, &self.last) {
            (Ok(count), None | Some(Known::Unknown(_))) => self.frame(&count),
            (Err(trouble @ Trouble::Refused(status, ..)), None | Some(Known::Number(..)))
                if status != StatusCode::TOO_MANY_REQUESTS =>
            {
                self.unknown(&server.describe(&trouble), None)
            }
            _ => Ok(()),
        }
    }

    /// Tells what a frame says.
    fn frame(&mut self, frame: &str) -> io::Result<()> {
        let frame = without_envelope(frame);
        let trouble: Value = serde_json::from_str(&frame).unwrap_or_default();
        if let (false, Ok(Count { live_users, suspect, .. })) =
            (trouble.get("error").is_some(), serde_json::from_str(&frame))
        {
            self.was_known = true;
            let silent = suspect.map(|n| format!(" ({n} of them silent for a while)"));
            let text = || about(live_users, suspect) + silent.as_deref().unwrap_or_default();
            return self.change(Known::Number(live_users, suspect), || frame.clone(), text);
        }
        let why = trouble["error"].as_str().unwrap_or("the server sends something else");
        self.unknown(why, trouble.get("last"))
    }

    /// Tells that the number is not known, and what it was.
    fn unknown(&mut self, why: &str, last: Option<&Value>) -> io::Result<()> {
        let why = shown(why);
        let json = || {
            let mut line = json!({ "liveUsers": null, "error": why });
            if let Some(last) = last {
                line["last"] = last.clone();
            }
            line.to_string()
        };
        self.change(Known::Unknown(why.clone()), json, || {
            let last = last.and_then(|last| last["liveUsers"].as_u64());
            let last = last.map(|last| format!(" (it was {last})")).unwrap_or_default();
            format!("unknown: {why}{last}")
        })
    }

    fn change(
        &mut self,
        now: Known,
        json: impl Fn() -> String,
        text: impl Fn() -> String,
    ) -> io::Result<()> {
        if self.last.as_ref() == Some(&now) {
            return Ok(());
        }
        self.last = Some(now);
        let mut output = io::stdout().lock();
        match self.json {
            true => writeln!(output, "{}", json())?,
            false => writeln!(output, "{:.0}  {}", Timestamp::now(), text())?,
        }
        output.flush()
    }
}
