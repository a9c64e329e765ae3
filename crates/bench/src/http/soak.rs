//! Hours of webhooks against the real servers, with a kill of the backend in each minute.
//!
//! The hours are simulated: what would come in a minute is sent in some seconds, and then the
//! backend is killed. Each webhook that got no answer is sent again, as Twilio does with
//! `#rc=5&rp=all`. So at each start the number has to lie between what was acknowledged and what was
//! sent, and at the end it has to be exact.

use std::collections::{BTreeMap, VecDeque};
use std::fs;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use live_users_testkit::get;
use live_users_twilio::{Form, Payload, SIGNATURE_HEADER, sign};
use reqwest::Client;
use reqwest::header::CONTENT_TYPE;
use tokio::task::JoinSet;

use super::backend::{Backend, Binary, PUBLIC_URL, TOKEN};
use super::process::free_address;
use super::proxy::{Proxy, ProxyBinary};
use crate::report::{Goal, Median, Report, Row};

/// Webhooks in a minute: 200 in each second.
const PER_MINUTE: usize = 12_000;

/// Webhooks of one call: its start, what is heard, and its end.
const PER_CALL: u32 = 10;

/// Calls that go on at the same time.
const LIVE: usize = 2_000;

/// Webhooks under way at the same time.
const UNDER_WAY: usize = 32;

/// So many webhooks of a minute are acknowledged before the kill; it comes among the others.
const BEFORE_KILL: usize = PER_MINUTE - UNDER_WAY;

/// The longest pause of the backend that is put up with, in seconds.
const PATIENCE_S: u64 = 60;

/// What is known of a call.
#[derive(Clone, Copy, Default)]
struct Call {
    /// The webhooks that were sent, and those that were acknowledged.
    sent: u32,
    acknowledged: u32,
}

/// One webhook.
#[derive(Clone, Copy)]
struct Webhook {
    call: u64,
    n: u32,
}

/// The calls, and what the number may be.
#[derive(Default)]
struct Ledger {
    calls: BTreeMap<u64, Call>,
    waiting: VecDeque<u64>,
    /// Without an answer: to be sent again.
    unanswered: Vec<Webhook>,
    next: u64,
    acknowledged: u64,
    repeated: u64,
}

/// The figures of one minute.
struct Minute {
    latencies_ms: Vec<f64>,
    resident: usize,
    descriptors: usize,
    proxy_resident: usize,
    proxy_descriptors: usize,
}

/// Runs so many minutes.
pub(super) fn measure(report: &mut Report, minutes: usize) -> Result<()> {
    eprintln!("soak: {minutes} minutes of {PER_MINUTE} webhooks, and a kill in each");
    let (binary, proxy) = (Binary::build()?, ProxyBinary::build()?);
    let folder = tempfile::tempdir_in(".")?;
    let journal = format!("file:{}", folder.path().display());
    let address = free_address()?;
    let env = [("TWILIO_AUTH_TOKEN", TOKEN), ("JOURNAL_URL", &*journal), ("RUST_LOG", "warn")];
    let start = || binary.start_at(address, &env);
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let mut backend = start()?;
    let proxy = proxy.start(&backend.url, &[("RUST_LOG", "error")])?;
    let (mut ledger, mut seen) = (Ledger::default(), Vec::with_capacity(minutes));
    let begin = Instant::now();
    for minute in 0..minutes {
        let latencies_ms = runtime.block_on(ledger.pass(&backend.url))?;
        seen.push(Minute::of(latencies_ms, &backend, &proxy)?);
        runtime.block_on(ledger.pass_into_kill(&mut backend))?;
        backend = start().with_context(|| format!("after the kill of minute {minute}"))?;
        let live = backend.live_users()?;
        let (low, high) = ledger.bounds();
        ensure!((low..=high).contains(&live), "minute {minute}: {live} live, not {low} to {high}");
        if minute % 30 == 29 {
            eprintln!("  minute {}: {live} live, all of {low} to {high}", minute + 1);
        }
    }
    runtime.block_on(ledger.end_all(&backend.url))?;
    let (low, high) = ledger.bounds();
    ensure!((low, high) == (0, 0), "all calls have ended: {low} to {high}");
    ensure!(backend.live_users()? == 0, "{} calls are left over", backend.live_users()?);
    let through = get(&format!("{}/api/live-users", proxy.url)).body;
    ensure!(through == r#"{"success":true,"liveUsers":0}"#, "{through}");
    tell(report, &ledger, &seen, begin.elapsed());
    let size = fs::read_dir(folder.path())?
        .map(|file| Ok(file?.metadata()?.len()))
        .sum::<Result<u64>>()?;
    report.add(Row::new("the journal at the end", format!("{} MB", size / 1_000_000)));
    Ok(())
}

fn tell(report: &mut Report, ledger: &Ledger, seen: &[Minute], took: Duration) {
    let Ledger { acknowledged, repeated, next, .. } = ledger;
    let figure = format!("{acknowledged} acknowledged, of {next} calls, in {} s", took.as_secs());
    report.add(Row::new("webhooks", figure));
    report.add(Row::new("webhooks that were sent again after a kill", repeated));
    report.add(Row::new("acknowledged webhooks that were lost", 0));
    let quarter = (seen.len() / 4).max(1);
    let (first, last) = (&seen[..quarter], &seen[seen.len() - quarter..]);
    let mut compare = |what: &str, unit: &str, of: &dyn Fn(&Minute) -> f64, goal: Option<f64>| {
        let median = |minutes: &[Minute]| Median::of(minutes.iter().map(of));
        let (first, last) = (median(first), median(last));
        let ratio = Median::ratio(&[last.middle], &[first.middle]);
        let row = Row::new(what, format!("{} {unit}", last.with_digits(1)));
        let row = row.beside(format!("{} {unit}", first.with_digits(1)), ratio);
        report.add(match goal {
            Some(goal) => row.goal(Goal::AtMost(goal), last.middle / first.middle),
            None => row,
        });
    };
    let mb = |bytes: usize| bytes as f64 / 1e6;
    compare(
        "acknowledgement, p50: last quarter beside the first",
        "ms",
        &|it| it.quantile(0.5),
        Some(1.5),
    );
    compare("acknowledgement, p99: the same", "ms", &|it| it.quantile(0.99), Some(2.0));
    compare("descriptors of the backend: the same", "", &|it| it.descriptors as f64, Some(1.1));
    compare("descriptors of the proxy: the same", "", &|it| it.proxy_descriptors as f64, Some(1.1));
    compare("memory of the proxy: the same", "MB", &|it| mb(it.proxy_resident), Some(1.1));
    // It remembers each call that is over for 25 h.
    compare("memory of the backend: the same", "MB", &|it| mb(it.resident), None);
}

impl Minute {
    fn of(mut latencies_ms: Vec<f64>, backend: &Backend, proxy: &Proxy) -> Result<Self> {
        latencies_ms.sort_unstable_by(f64::total_cmp);
        Ok(Self {
            latencies_ms,
            resident: backend.resident_bytes()?,
            descriptors: backend.open_files()?,
            proxy_resident: proxy.resident_bytes()?,
            proxy_descriptors: proxy.open_files()?,
        })
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "below a length")]
    fn quantile(&self, at: f64) -> f64 {
        let last = self.latencies_ms.len() - 1;
        self.latencies_ms[(last as f64 * at) as usize]
    }
}

impl Ledger {
    /// The fewest and the most live calls that can be true.
    fn bounds(&self) -> (u64, u64) {
        let is_surely = |it: &&Call| it.acknowledged >= 1 && it.sent < PER_CALL;
        let is_perhaps = |it: &&Call| it.sent >= 1 && it.acknowledged < PER_CALL;
        let count = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
        (
            count(self.calls.values().filter(is_surely).count()),
            count(self.calls.values().filter(is_perhaps).count()),
        )
    }

    /// The next webhook: of a new call, or of the one that has waited for the longest.
    fn next(&mut self) -> Webhook {
        if let Some(webhook) = self.unanswered.pop() {
            self.repeated += 1;
            return webhook;
        }
        let call = match self.waiting.pop_front() {
            Some(call) if self.calls.len() >= LIVE => call,
            other => {
                if let Some(call) = other {
                    self.waiting.push_front(call);
                }
                self.next += 1;
                self.calls.insert(self.next, Call::default());
                self.next
            }
        };
        let known = self.calls.get_mut(&call).expect("a call that goes on");
        known.sent += 1;
        Webhook { call, n: known.sent }
    }

    fn note(&mut self, webhook: Webhook, is_acknowledged: bool) {
        if !is_acknowledged {
            return self.unanswered.push(webhook);
        }
        self.acknowledged += 1;
        let known = self.calls.get_mut(&webhook.call).expect("a call that goes on");
        known.acknowledged = webhook.n;
        match webhook.n {
            PER_CALL => drop(self.calls.remove(&webhook.call)),
            _ => self.waiting.push_back(webhook.call),
        }
    }

    /// The webhooks of a minute, up to the kill. Returns how long each took, in milliseconds.
    async fn pass(&mut self, url: &str) -> Result<Vec<f64>> {
        let (client, mut under_way) = (client()?, JoinSet::new());
        let mut latencies = Vec::with_capacity(BEFORE_KILL);
        let mut begun = 0;
        while latencies.len() < BEFORE_KILL {
            while begun < BEFORE_KILL && under_way.len() < UNDER_WAY {
                under_way.spawn(send(client.clone(), url.to_owned(), self.next()));
                begun += 1;
            }
            let answer = under_way.join_next().await.context("nothing is under way")??;
            let (webhook, answered) = answer;
            let took = answered.with_context(|| format!("webhook {} of a call", webhook.n))?;
            latencies.push(took.as_secs_f64() * 1_000.0);
            self.note(webhook, true);
        }
        Ok(latencies)
    }

    /// The rest of the minute, in the middle of which the backend is killed.
    async fn pass_into_kill(&mut self, backend: &mut Backend) -> Result<()> {
        let (client, mut under_way) = (client()?, JoinSet::new());
        for n in 0..UNDER_WAY {
            under_way.spawn(send(client.clone(), backend.url.clone(), self.next()));
            if n == UNDER_WAY / 2 {
                // Some are answered by then, some are on their way.
                tokio::task::yield_now().await;
            }
        }
        backend.kill()?;
        while let Some(answer) = under_way.join_next().await {
            let (webhook, answered) = answer?;
            self.note(webhook, answered.is_ok());
        }
        Ok(())
    }

    /// Ends the calls that go on.
    async fn end_all(&mut self, url: &str) -> Result<()> {
        let client = client()?;
        while let Some(webhook) = self.unanswered.pop() {
            send(client.clone(), url.to_owned(), webhook).await.1?;
            self.note(webhook, true);
        }
        let calls: Vec<u64> = self.calls.keys().copied().collect();
        for call in calls {
            send(client.clone(), url.to_owned(), Webhook { call, n: PER_CALL }).await.1?;
            self.calls.remove(&call);
            self.acknowledged += 1;
        }
        Ok(())
    }
}

fn client() -> Result<Client> {
    let _already_installed = rustls::crypto::ring::default_provider().install_default();
    Ok(Client::builder().no_proxy().build()?)
}

/// Sends one webhook, and returns how long its answer took.
async fn send(client: Client, url: String, webhook: Webhook) -> (Webhook, Result<Duration>) {
    let (path, status) = match webhook.n {
        1 => ("/voice", "ringing"),
        PER_CALL => ("/call-status", "completed"),
        _ => ("/speech-result", "in-progress"),
    };
    let sid = format!("CA{:032x}", webhook.call);
    let words = format!("{} tables", webhook.n);
    let fields = [
        ("AccountSid", "AC00000000000000000000000000000001"),
        ("CallSid", &sid),
        ("CallStatus", status),
        ("Direction", "inbound"),
        ("To", "+15005550000"),
        ("SpeechResult", &words),
    ];
    let form = Form::from_pairs(
        fields.into_iter().filter(|(name, _)| *name != "SpeechResult" || path == "/speech-result"),
    );
    let signature = sign(TOKEN, &format!("{PUBLIC_URL}{path}"), &Payload::Form(&form));
    let request = client
        .post(format!("{url}{path}"))
        .timeout(Duration::from_secs(PATIENCE_S))
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header(SIGNATURE_HEADER, signature)
        .body(form.encode());
    let begin = Instant::now();
    let exchange = async {
        let answer = request.send().await?;
        let status = answer.status();
        answer.bytes().await?;
        ensure!(status.is_success(), "status {status}");
        Ok(begin.elapsed())
    };
    (webhook, exchange.await)
}
