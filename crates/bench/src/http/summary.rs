//! What a change of one call takes on the stream of the summary, at both servers.

use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead, BufReader, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use live_users_testkit::Twilio;

use super::backend::{Backend, TOKEN, agent_number};
use super::builds::Build;
use crate::report::{Goal, Median, Report, Row};
use crate::world::sid;

const AGENTS: u64 = 1_000;

/// Calls that are up before, and those that begin while somebody reads.
const BEFORE: u64 = 100;
const CALLS: u64 = 40;

/// A change should have at most so many bytes.
const BYTES_MAX: f64 = 2_048.0;

/// A bound for a machine that is stuck, in seconds.
const PATIENCE_S: u64 = 60;

const API_TOKEN: &str = "benchmark-api-token-of-32-chars-";
const ADMIN_TOKEN: &str = "benchmark-admin-token-of-32-char";
const STREAM: &str = "/api/live-users/summary/stream";

pub(super) fn measure(report: &mut Report, builds: &[Build]) -> Result<()> {
    builds.iter().try_for_each(|build| of_build(report, build))
}

fn of_build(report: &mut Report, build: &Build) -> Result<()> {
    eprintln!("http: summary{}", build.suffix);
    let folder = tempfile::tempdir()?;
    let agents = folder.path().join("agents.toml");
    fs::write(&agents, agents_file())?;
    let agents = agents.to_str().context("a path of text")?;
    let backend = build.backend.start(&[
        ("TWILIO_AUTH_TOKEN", TOKEN),
        ("PUBLIC_URL", ""),
        ("RUST_LOG", "warn"),
        ("API_TOKEN", API_TOKEN),
        ("AGENTS_FILE", agents),
    ])?;
    let proxy = build.proxy.start(
        &backend.url,
        &[("BACKEND_TOKEN", API_TOKEN), ("ADMIN_TOKEN", ADMIN_TOKEN), ("RUST_LOG", "warn")],
    )?;
    let mut calls = Calls { twilio: Twilio::new(&backend.url, TOKEN), n: 0 };
    for _ in 0..BEFORE {
        calls.begin()?;
    }
    for (name, url, token) in
        [("backend", &backend.url, API_TOKEN), ("proxy", &proxy.url, ADMIN_TOKEN)]
    {
        let changes = format!("{STREAM}?changes=true");
        let whole = bytes_per_change(&backend, &mut calls, (url, STREAM, token))?;
        let what = format!("bytes that a call changes for an admin with {AGENTS} agents, {name}");
        let what = format!("{what}{}", build.suffix);
        if !build.is_ours() {
            // An older build tells whole summaries alone.
            report.add(Row::new(what, Median::of(whole).with_digits(0)));
            continue;
        }
        let small = bytes_per_change(&backend, &mut calls, (url, &changes, token))?;
        let ratio = Median::ratio(&small, &whole);
        let (small, whole) = (Median::of(small), Median::of(whole));
        let row = Row::new(what, small.with_digits(0));
        let whole = format!("whole summaries: {}", whole.with_digits(0));
        report.add(row.beside(whole, ratio).goal(Goal::AtMost(BYTES_MAX), small.middle));
    }
    Ok(())
}

/// The bytes of the event that tells of each of some calls.
fn bytes_per_change(
    backend: &Backend,
    calls: &mut Calls,
    (url, path, token): (&str, &str, &str),
) -> Result<Vec<f64>> {
    let mut events = Events::open(url, path, token)?;
    ensure!(backend.live_users()? == calls.n, "not all calls are counted");
    let told = |event: &str, n: u64| event.contains(&format!("\"liveUsers\":{n}"));
    // All that is there before.
    while !told(&events.next()?, calls.n) {}
    let mut bytes = Vec::new();
    for _ in 0..CALLS {
        calls.begin()?;
        let mut event = events.next()?;
        // Every 5 s it is told that time has passed.
        while !told(&event, calls.n) {
            event = events.next()?;
        }
        bytes.push(event.len() as f64);
    }
    Ok(bytes)
}

fn agents_file() -> String {
    (0..AGENTS).fold(String::new(), |mut file, n| {
        let number = agent_number(n);
        let agent = format!("id = \"agent-{n}\"\nname = \"The agent with the number {n}\"");
        writeln!(file, "[[agent]]\n{agent}\nnumbers = [\"{number}\"]\ncapacity = 20\n")
            .expect("a string can be written to");
        file
    })
}

struct Calls {
    twilio: Twilio,
    n: u64,
}

impl Calls {
    /// Somebody calls some agent.
    fn begin(&mut self) -> Result<()> {
        let (sid, from) = (sid(self.n), format!("+1415{:07}", self.n));
        let to = agent_number(self.n * 7 % AGENTS);
        self.n += 1;
        let fields = [
            ("CallSid", sid.as_str()),
            ("CallStatus", "ringing"),
            ("Direction", "inbound"),
            ("From", &from),
            ("FromCountry", "US"),
            ("FromState", "CA"),
            ("FromCity", "OAKLAND"),
            ("To", &to),
        ];
        let answer = self.twilio.post("/voice", &fields);
        ensure!(answer.status == 200, "{}", answer.body);
        Ok(())
    }
}

/// A stream of server-sent events, by its blocks.
struct Events(BufReader<TcpStream>);

impl Events {
    fn open(url: &str, path: &str, token: &str) -> Result<Self> {
        let authority = url.strip_prefix("http://").context("http://")?;
        let mut stream = TcpStream::connect(authority)?;
        stream.set_read_timeout(Some(Duration::from_secs(PATIENCE_S)))?;
        // HTTP/1.0, because then the body is not cut into chunks.
        write!(
            stream,
            "GET {path} HTTP/1.0\r\nHost: {authority}\r\nAuthorization: Bearer {token}\r\n\r\n"
        )?;
        let mut events = Self(BufReader::new(stream));
        let mut line = String::new();
        events.0.read_line(&mut line)?;
        ensure!(line.contains(" 200 "), "{line}");
        while line != "\r\n" {
            line.clear();
            events.0.read_line(&mut line)?;
        }
        Ok(events)
    }

    /// All lines of the next event that has data.
    fn next(&mut self) -> Result<String> {
        let mut block = String::new();
        loop {
            let start = block.len();
            if self.0.read_line(&mut block)? == 0 {
                bail!("the stream has ended");
            }
            match &block[start..] {
                "\n" if block.contains("data: ") => return Ok(block),
                "\n" => block.clear(),
                _ => {}
            }
        }
    }
}
