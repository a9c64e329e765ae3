//! Live calls in shards over three backends, of which any takes any webhook, beside one backend with all
//! of them.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use live_users_intake::shards::Router;
use live_users_testkit::get;
use tempfile::TempDir;

use super::backend::{Backend, Binary, TOKEN};
use super::process::free_address;
use super::proxy::{Proxy, ProxyBinary};
use super::times::Times;
use super::voice::signed_requests;
use super::wrk::Requests;
use crate::report::{Median, Report, Row};
use crate::world::{index, mixed};

/// How many calls are live at the end.
const CALLS: u64 = 200_000;
const BACKENDS: usize = 3;
const SHARDS: usize = 6;
/// Who sends at once for each backend, each over a connection to every one. Backends at their limit have many
/// webhooks under way, and three machines have three times as many.
const SENDERS: u64 = 64;
/// Reads of the number, one after the other.
const READS: usize = 1_000;
/// How often a backend is killed and started again.
const RESTARTS: usize = 3;
/// How long an answer may take before the run has failed.
const PATIENCE: Duration = Duration::from_secs(30);
/// What backends and the proxy show each other.
const API_TOKEN: &str = "benchmark-api-token-of-32-chars-";

/// Some backends, and the proxy that tells their number.
struct Service<'a> {
    binary: &'a Binary,
    folder: TempDir,
    addresses: Vec<SocketAddr>,
    backends: Vec<Backend>,
    proxy: Proxy,
}

/// What it took to take a webhook of each call.
struct Sent {
    per_s: f64,
    /// The processor time of all backends for each, in microseconds.
    processor_us: f64,
}

/// What was measured of a service.
struct Figures {
    /// Webhooks in a second: the first of each call, and one more of each.
    sent: [Sent; 2],
    resident: Vec<usize>,
    restart_s: Median,
    reads: Times,
}

pub(super) fn measure(report: &mut Report, (binary, proxy): (&Binary, &ProxyBinary)) -> Result<()> {
    eprintln!("http: shards");
    let requests = signed_requests()?;
    let one = Service::start(binary, proxy, 1)?.measure(&requests)?;
    let three = Service::start(binary, proxy, BACKENDS)?.measure(&requests)?;
    let thousands = CALLS / 1000;
    let whats = ["the first webhook of each call", "a second one of each"];
    for (what, (of_three, of_one)) in whats.into_iter().zip(three.sent.iter().zip(&one.sent)) {
        let whole = format!(
            "{thousands} k live calls in {SHARDS} shards over {BACKENDS} backends, through any of them: {what}"
        );
        let row = Row::new(whole, format!("{:.0} webhooks/s", of_three.per_s));
        let beside = format!("one backend with all: {:.0}", of_one.per_s);
        report.add(row.beside(beside, Median::ratio(&[of_three.per_s], &[of_one.per_s])));
        let [of_three, of_one] = [of_three.processor_us, of_one.processor_us];
        let row = Row::new(
            format!("processor time of all backends for {what}"),
            format!("{of_three:.0} µs"),
        );
        let beside = format!("of one backend: {of_one:.0} µs");
        report.add(row.beside(beside, Median::ratio(&[of_three], &[of_one])));
    }
    let (all, of_one): (usize, usize) = (three.resident.iter().sum(), one.resident.iter().sum());
    let row = Row::new("memory of each, and of all together", told_mb(&three.resident));
    let beside = format!("one backend: {}", told_mb(&one.resident));
    report.add(row.beside(beside, Median::ratio(&[all as f64], &[of_one as f64])));
    let restart = format!("{} s", three.restart_s.with_digits(2));
    let beside = format!("one backend: {} s", one.restart_s.with_digits(2));
    let ratio = Median::ratio(&[three.restart_s.middle], &[one.restart_s.middle]);
    report.add(
        Row::new("from the start of one of them until it is ready", restart).beside(beside, ratio),
    );
    let ratio = Median::ratio(&[three.reads.p50_ms], &[one.reads.p50_ms]);
    let row = Row::new("a read of the sum at the proxy", three.reads.figure());
    report.add(row.beside(format!("of one backend: {}", one.reads.figure()), ratio));
    Ok(())
}

fn told_mb(bytes: &[usize]) -> String {
    let mb = |bytes: usize| format!("{:.0}", bytes as f64 / 1e6);
    let each: Vec<_> = bytes.iter().map(|it| mb(*it)).collect();
    match &each[..] {
        [only] => format!("{only} MB"),
        several => format!("{} MB, {} MB", several.join(" + "), mb(bytes.iter().sum())),
    }
}

/// The settings of one of so many backends.
fn settings(addresses: &[SocketAddr], n: usize, folder: &Path) -> Vec<(String, String)> {
    let journal = format!("file:{}", folder.join(format!("journal-{n}")).display());
    let mut settings = vec![
        ("TWILIO_AUTH_TOKEN".to_owned(), TOKEN.to_owned()),
        ("API_TOKEN".to_owned(), API_TOKEN.to_owned()),
        ("RUST_LOG".to_owned(), "warn".to_owned()),
        ("JOURNAL_URL".to_owned(), journal),
    ];
    if addresses.len() > 1 {
        settings.push(("SHARDS".to_owned(), SHARDS.to_string()));
        settings.push(("SHARD_BY".to_owned(), "caller".to_owned()));
        settings.push(("SHARDS_HERE".to_owned(), shards_of(addresses, n)));
        settings.push(("SHARD_BACKENDS".to_owned(), places(addresses)));
    }
    settings
}

fn shards_of(addresses: &[SocketAddr], n: usize) -> String {
    let each = SHARDS / addresses.len();
    format!("{}-{}", n * each, (n + 1) * each - 1)
}

fn places(addresses: &[SocketAddr]) -> String {
    let place = |(n, address)| format!("{}=http://{address}", shards_of(addresses, n));
    addresses.iter().enumerate().map(place).collect::<Vec<_>>().join(",")
}

fn start(binary: &Binary, addresses: &[SocketAddr], n: usize, folder: &Path) -> Result<Backend> {
    let settings = settings(addresses, n, folder);
    let settings: Vec<_> = settings.iter().map(|(name, it)| (&**name, &**it)).collect();
    let backend = binary.start_at(addresses[n], &settings)?;
    let ready = get(&format!("{}/readyz", backend.url));
    ensure!(ready.status == 200, "{}", ready.body);
    Ok(backend)
}

impl<'a> Service<'a> {
    fn start(binary: &'a Binary, proxy: &ProxyBinary, count: usize) -> Result<Self> {
        let folder = tempfile::tempdir_in(".")?;
        let addresses = (0..count).map(|_| Ok(free_address()?)).collect::<Result<Vec<_>>>()?;
        let backends = (0..count).map(|n| start(binary, &addresses, n, folder.path()));
        let backends = backends.collect::<Result<Vec<_>>>()?;
        let env = [("BACKEND_TOKEN", API_TOKEN), ("RUST_LOG", "warn")];
        let proxy = match count {
            1 => proxy.start(&backends[0].url, &env)?,
            _ => {
                let (shards, places) = (SHARDS.to_string(), places(&addresses));
                let spread = [("SHARDS", &*shards), ("SHARD_BACKENDS", &*places)];
                proxy.start_with(&[&env[..], &spread].concat())?
            }
        };
        Ok(Self { binary, folder, addresses, backends, proxy })
    }

    fn measure(mut self, requests: &Requests) -> Result<Figures> {
        // not a wait for time: until then each backend asks the others about each call.
        std::thread::sleep(Duration::from_millis(Router::ASK_ALL_MS));
        let sent = [self.send(requests, 0)?, self.send(requests, 1)?];
        self.check()?;
        let resident = self.backends.iter().map(Backend::resident_bytes);
        let resident = resident.collect::<Result<Vec<_>>>()?;
        let reads = self.read()?;
        let mut restarts = Vec::with_capacity(RESTARTS);
        for _ in 0..RESTARTS {
            self.backends[0].kill()?;
            let begin = Instant::now();
            self.backends[0] = start(self.binary, &self.addresses, 0, self.folder.path())?;
            restarts.push(begin.elapsed().as_secs_f64());
            self.check()?;
        }
        Ok(Figures { sent, resident, restart_s: Median::of(restarts), reads })
    }

    /// Sends a webhook of each call, each to any of the backends.
    fn send(&self, requests: &Requests, turn: u64) -> Result<Sent> {
        let before = self.processor_s()?;
        let begin = Instant::now();
        std::thread::scope(|scope| {
            let senders = SENDERS * self.backends.len() as u64;
            let sending: Vec<_> = (0..senders)
                .map(|sender| {
                    scope.spawn(move || self.send_share(requests, (sender, senders), turn))
                })
                .collect();
            sending.into_iter().try_for_each(|it| it.join().expect("no panic"))
        })?;
        let per_s = CALLS as f64 / begin.elapsed().as_secs_f64();
        Ok(Sent { per_s, processor_us: (self.processor_s()? - before) * 1e6 / CALLS as f64 })
    }

    fn processor_s(&self) -> Result<f64> {
        self.backends.iter().map(Backend::processor_s).sum()
    }

    fn send_share(
        &self,
        requests: &Requests,
        (sender, senders): (u64, u64),
        turn: u64,
    ) -> Result<()> {
        let file = File::open(requests.file.path())?;
        let connect = |address: &SocketAddr| Connection::to(*address);
        let mut ways = self.addresses.iter().map(connect).collect::<Result<Vec<_>>>()?;
        let mut request = vec![0; requests.length];
        for call in (sender..CALLS).step_by(usize::try_from(senders)?) {
            file.read_exact_at(&mut request, call * requests.length as u64)?;
            let way = index(mixed(call ^ turn << 32), ways.len());
            ways[way].exchange(&request)?;
        }
        Ok(())
    }

    /// Whether the proxy tells all that was sent: it may take a moment until it is in contact again.
    fn check(&self) -> Result<()> {
        let expected = format!("{{\"success\":true,\"liveUsers\":{CALLS}}}");
        let begin = Instant::now();
        loop {
            let told = get(&format!("{}{}", self.proxy.url, super::count::PATH)).body;
            if told == expected {
                return Ok(());
            }
            ensure!(begin.elapsed() < PATIENCE, "{told}, not {expected}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn read(&self) -> Result<Times> {
        let url = format!("{}{}", self.proxy.url, super::count::PATH);
        let read = |_| {
            let begin = Instant::now();
            let answer = get(&url);
            ensure!(answer.status == 200, "{}", answer.body);
            Ok(begin.elapsed().as_secs_f64() * 1e3)
        };
        Ok(Times::of((0..READS).map(read).collect::<Result<_>>()?))
    }
}

/// A connection over which one request goes after the other.
struct Connection(BufReader<TcpStream>);

impl Connection {
    fn to(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Self(BufReader::new(stream)))
    }

    /// Sends a webhook, and reads its answer, which has to be TwiML.
    fn exchange(&mut self, request: &[u8]) -> Result<()> {
        self.0.get_mut().write_all(request)?;
        let (mut line, mut length) = (String::new(), None);
        self.0.read_line(&mut line)?;
        ensure!(line.starts_with("HTTP/1.1 200 "), "{line}");
        while line != "\r\n" {
            line.clear();
            if self.0.read_line(&mut line)? == 0 {
                bail!("the backend has hung up");
            }
            let (name, value) = line.split_once(':').unwrap_or_default();
            if name.eq_ignore_ascii_case("content-length") {
                length = Some(value.trim().parse()?);
            }
        }
        let mut body = vec![0; length.context("an answer of a known length")?];
        Ok(self.0.read_exact(&mut body)?)
    }
}
