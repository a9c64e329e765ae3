//! From an event to the readers of a stream: through both servers, beside nchan.

mod frames;
mod nchan;
mod prepared;
pub(super) mod readers;
mod webhooks;

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::sleep;
use std::time::Duration;

use anyhow::Result;
use live_users_testkit::{Twilio, get};

use self::nchan::Nchan;
use self::prepared::Prepared;
use self::readers::{Readers, Transport};
use super::backend::{Backend, TOKEN};
use super::builds::Build;
use super::proxy::Proxy;
use crate::against::OTHER;
use crate::report::{Goal, Median, Report, Row};
use crate::world::sid;

pub(super) const STREAM: &str = "/api/live-users/stream";
const SOCKET: &str = "/api/live-users/ws";

/// All readers are at one address.
const SETTINGS: [(&str, &str); 3] =
    [("STREAMS_MAX", "20000"), ("CONNECTIONS_PER_ADDRESS", "20000"), ("RUST_LOG", "warn")];

/// How many read, and how many events they see: enough that one slow event in a hundred is no p99.
const SIZES: [(usize, usize); 3] = [(1, 400), (1_000, 300), (5_000, 200)];

/// Idle readers whose memory is measured.
const IDLE: usize = 10_000;

/// The memory of an idle reader in the proxy should be at most so much, in bytes.
const IDLE_BYTES_MAX: f64 = 5_500.0;

/// The p99 should be at most so many times that of nchan.
const RATIO_MAX: f64 = 0.8;

/// The same for one reader, whom nchan tells without a second server and without a sync.
const RATIO_OF_ONE_MAX: f64 = 1.3;

/// From one event to the next, in milliseconds. Frames are joined when they come faster than 20 a
/// second, which would be measured instead.
const PAUSE_MS: u64 = 120;

/// Of the builds, the first is this one.
pub(super) fn measure(report: &mut Report, builds: &[Build]) -> Result<()> {
    eprintln!("http: fan-out");
    let ours = builds.iter().map(Ours::start).collect::<Result<Vec<_>>>()?;
    let nchan = Nchan::start()?;
    for transport in [Transport::WebSocket, Transport::Sse] {
        for (readers, events) in SIZES {
            beside_nchan(report, &ours, &nchan, transport, readers, events)?;
        }
    }
    drop((nchan, ours));
    for transport in [Transport::WebSocket, Transport::Sse] {
        for build in builds {
            // A proxy that had readers before has room left over from them.
            memory(report, &Ours::start(build)?, transport)?;
        }
    }
    builds.iter().try_for_each(|build| webhooks::measure(report, build))
}

fn beside_nchan(
    report: &mut Report,
    ours: &[Ours<'_>],
    nchan: &Nchan,
    transport: Transport,
    count: usize,
    events: usize,
) -> Result<()> {
    let opened = |it: &Ours<'_>| Ok((it.readers(transport, count)?, Latencies::default()));
    let mut opened = ours.iter().map(opened).collect::<Result<Vec<_>>>()?;
    nchan.event(0)?.send()?;
    let their_readers = Readers::open(&nchan.url, nchan::SUBSCRIBE, transport, count)?;
    let mut their_ms = Latencies::default();
    for n in 1..=events as u64 {
        for (build, (readers, ms)) in ours.iter().zip(&mut opened) {
            let call = build.calls.next()?;
            ms.add(&readers.await_count(build.live_users(), || call.send())?.ms);
            sleep(Duration::from_millis(PAUSE_MS));
        }
        let event = nchan.event(n)?;
        their_ms.add(&their_readers.await_count(n, || event.send())?.ms);
        sleep(Duration::from_millis(PAUSE_MS));
    }
    let ratio_max = if count == 1 { RATIO_OF_ONE_MAX } else { RATIO_MAX };
    let first_ms = &opened[0].1;
    for (build, (_, ms)) in ours.iter().zip(&opened) {
        let suffix = &build.build.suffix;
        let what = format!("from a webhook to {count} readers by {}{suffix}", transport.name());
        let ratio = Median::of([ms.p99() / their_ms.p99()]);
        let row =
            Row::new(what, ms.figure()).beside(format!("nchan: {}", their_ms.figure()), ratio);
        if build.build.is_ours() {
            report.add(row.goal(Goal::AtMost(ratio_max), ratio.middle));
        } else {
            report.add(row);
            let ratio = Median::of([first_ms.p99() / ms.p99()]);
            let what = format!("from a webhook to {count} readers by {}", transport.name());
            let other = format!("{OTHER}: {}", ms.figure());
            report.add(Row::new(what, first_ms.figure()).beside(other, ratio));
        }
    }
    Ok(())
}

fn memory(report: &mut Report, ours: &Ours<'_>, transport: Transport) -> Result<()> {
    // The first connections bring buffers of threads that later ones share.
    drop(ours.readers(transport, 100)?);
    let before = ours.proxy.resident_bytes()?;
    let readers = ours.readers(transport, IDLE)?;
    let call = ours.calls.next()?;
    readers.await_count(ours.live_users(), || call.send())?;
    let bytes = ours.proxy.resident_bytes()?.saturating_sub(before) as f64 / IDLE as f64;
    let (by, suffix) = (transport.name(), &ours.build.suffix);
    let what = format!("bytes of the proxy per idle reader by {by}, {IDLE} of them{suffix}");
    let row = Row::new(what, format!("{bytes:.0} resident"));
    let is_ours = ours.build.is_ours();
    report.add(if is_ours { row.goal(Goal::AtMost(IDLE_BYTES_MAX), bytes) } else { row });
    Ok(())
}

/// Both servers of a build.
struct Ours<'a> {
    build: &'a Build,
    // The proxy ends first.
    proxy: Proxy,
    backend: Backend,
    calls: Calls,
}

impl<'a> Ours<'a> {
    fn start(build: &'a Build) -> Result<Self> {
        let backend = build.backend.start(&[
            ("TWILIO_AUTH_TOKEN", TOKEN),
            ("PUBLIC_URL", ""),
            ("RUST_LOG", "warn"),
        ])?;
        let calls = Calls::new(&backend);
        let proxy = build.proxy.start(&backend.url, &SETTINGS)?;
        Ok(Self { build, proxy, backend, calls })
    }

    fn readers(&self, transport: Transport, count: usize) -> Result<Readers> {
        let path = match transport {
            Transport::Sse => STREAM,
            Transport::WebSocket => SOCKET,
        };
        Readers::open(&self.proxy.url, path, transport, count)
    }

    /// How many people are on the line when all calls have begun.
    fn live_users(&self) -> u64 {
        self.calls.begun()
    }
}

impl Drop for Ours<'_> {
    fn drop(&mut self) {
        let count = get(&format!("{}/api/live-users", self.backend.url)).body;
        eprintln!("  in the end {count}");
    }
}

/// Calls to one backend.
struct Calls {
    twilio: Twilio,
    begun: AtomicU64,
}

impl Calls {
    fn new(backend: &Backend) -> Self {
        Self { twilio: Twilio::new(&backend.url, TOKEN), begun: AtomicU64::new(0) }
    }

    /// How many were made.
    fn begun(&self) -> u64 {
        self.begun.load(Ordering::SeqCst)
    }

    /// Somebody calls: the webhook.
    fn next(&self) -> Result<Prepared> {
        let n = self.begun.fetch_add(1, Ordering::SeqCst);
        let (sid, from) = (sid(n), format!("+1415{n:07}"));
        let fields = [
            ("CallSid", sid.as_str()),
            ("CallStatus", "ringing"),
            ("Direction", "inbound"),
            ("From", &from),
            ("FromCountry", "US"),
            ("To", "+15005550006"),
        ];
        Prepared::new(&self.twilio.url, &self.twilio.request("/voice", &fields))
    }
}

/// Milliseconds from events to readers.
#[derive(Default)]
struct Latencies {
    all: Vec<f64>,
    last: Vec<f64>,
}

impl Latencies {
    fn add(&mut self, ms: &[f64]) {
        self.all.extend_from_slice(ms);
        self.last.extend(ms.last());
    }

    fn quantile(&self, thousandths: usize) -> f64 {
        let mut all = self.all.clone();
        all.sort_unstable_by(f64::total_cmp);
        all[(all.len() - 1) * thousandths / 1_000]
    }

    fn p99(&self) -> f64 {
        self.quantile(990)
    }

    fn figure(&self) -> String {
        let last = Median::of(self.last.iter().copied());
        let (p50, p99) = (self.quantile(500), self.p99());
        format!(
            "p50 {p50:.1} ms, p99 {p99:.1} ms, the last reader after {} ms",
            last.with_digits(1)
        )
    }
}
