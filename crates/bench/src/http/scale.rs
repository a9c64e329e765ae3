//! Replicas that share a journal of NATS, beside a backend with a journal on its own disk.

mod engine;
mod replicas;

use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

use self::engine::Engine;
use super::backend::{Backend, Binary};
use super::builds::Build;
use super::voice::{PATH, SIGNED, fill, signed_requests};
use super::wrk::{Load, Requests};
use super::{ROUNDS, Rounds, wrk};
use crate::against::OTHER;
use crate::report::{Goal, Median, Report, Row};

/// Backends that share a journal.
const BACKENDS: usize = 3;

/// What they should reach together, of one backend on the same processors.
const TOGETHER_MIN: f64 = 1.0;

/// What a backend should reach of bare publishes.
const OF_BARE_MIN: f64 = 0.25;

/// How long replicas may take to agree, in seconds; not an expectation of speed.
const PATIENCE_S: u64 = 30;

pub(super) fn measure(report: &mut Report, binary: &Binary) -> Result<()> {
    eprintln!("http: scale");
    let requests = signed_requests()?;
    let mut services = engine::all()?.into_iter().map(Service::new).collect::<Vec<_>>();
    let mut embedded = Rounds::default();
    for round in 0..ROUNDS {
        embedded.0.push(fill(binary, SIGNED, &requests)?.0);
        for service in &mut services {
            service.round(round, binary, &requests)?;
        }
    }
    for service in &services {
        service.report(report, &embedded);
    }
    for Service { engine, .. } in services.iter().filter(|it| it.engine.is_cluster()) {
        replicas::lag(report, binary, engine)?;
        replicas::start(report, binary, engine)?;
    }
    Ok(())
}

/// This build beside another one, in turns, on three nodes that sync always if they can.
pub(super) fn against(report: &mut Report, [ours, other]: &[Build; 2]) -> Result<()> {
    let requests = signed_requests()?;
    let engine = engine::all()?.pop().context("an engine is always there")?;
    let mut services =
        [ours, other].map(|build| (build.is_ours(), &build.backend, Measured::default()));
    for round in 0..ROUNDS {
        for (_, binary, builds) in &mut services {
            eprintln!("scale: round {} of {ROUNDS}", round + 1);
            let url = engine.nats.journal_url("against");
            builds.alone.0.push(fill(binary, &with_journal(&url), &requests)?.0);
            engine.forget("against")?;
            let url = engine.nats.journal_url("against-together");
            builds.together.0.push(fill_together(binary, &with_journal(&url), &requests)?);
            builds.messages.push(engine.log("against-together")?.messages as f64);
            engine.forget("against-together")?;
        }
        services.reverse();
    }
    services.sort_by_key(|(is_ours, ..)| !is_ours);
    let [(.., ours), (.., other)] = &services;
    for (name, builds) in [("this build", ours), (OTHER, other)] {
        let what = format!("{BACKENDS} backends together, {}, {name}", engine.name);
        report.add(builds.together.row(&what, "one backend", &builds.alone).0);
        let messages = Median::of(builds.messages.iter().copied()).with_digits(0);
        report.add(Row::new("messages in the log then", messages));
    }
    report.add(ours.alone.row("one backend, this build", OTHER, &other.alone).0);
    report.add(ours.together.row("together, this build", OTHER, &other.together).0);
    Ok(())
}

/// What was measured of a build, round by round.
#[derive(Default)]
struct Measured {
    alone: Rounds,
    together: Rounds,
    messages: Vec<f64>,
}

/// What was measured of an engine, round by round.
struct Service {
    engine: Engine,
    alone: Rounds,
    together: Rounds,
    /// Calls in a message, as the backend alone has batched them.
    batches: Vec<f64>,
    message_bytes: Vec<f64>,
    /// What bare publishes of such messages would be, in calls a second.
    bare: Vec<f64>,
}

impl Service {
    fn new(engine: Engine) -> Self {
        let (alone, together) = Default::default();
        let (batches, message_bytes, bare) = Default::default();
        Self { engine, alone, together, batches, message_bytes, bare }
    }

    fn round(&mut self, round: usize, binary: &Binary, requests: &Requests) -> Result<()> {
        let name = format!("alone-{round}");
        let url = self.engine.nats.journal_url(&name);
        let (load, live) = fill(binary, &with_journal(&url), requests)?;
        self.alone.0.push(load);
        let log = self.engine.log(&name)?;
        let batch = live as f64 / log.messages as f64;
        let bytes = log.bytes / log.messages;
        self.batches.push(batch);
        self.message_bytes.push(bytes as f64);
        self.bare.push(self.engine.bare_per_s(usize::try_from(bytes)?)? * batch);
        self.engine.forget(&name)?;
        if self.engine.is_cluster() {
            let name = format!("together-{round}");
            let url = self.engine.nats.journal_url(&name);
            self.together.0.push(fill_together(binary, &with_journal(&url), requests)?);
            self.engine.forget(&name)?;
        }
        Ok(())
    }

    fn report(&self, report: &mut Report, embedded: &Rounds) {
        let engine = &self.engine.name;
        let what = format!("`POST {PATH}`, signed, journal: {engine}");
        report.add(self.alone.row(&what, "journal on the disk", embedded).0);
        let bare = Median::of(self.bare.iter().copied()).with_digits(0);
        let batch = Median::of(self.batches.iter().copied()).middle;
        let kb = Median::of(self.message_bytes.iter().copied()).middle / 1e3;
        let in_flight = engine::IN_FLIGHT;
        let bare = format!(
            "bare publishes, {in_flight} under way, of {kb:.1} kB for {batch:.1} calls each, as \
             the batches were: {bare} calls/s"
        );
        let ratio = Median::ratio(&self.alone.requests_per_s(), &self.bare);
        let row = Row::new("the same", self.alone.figure()).beside(bare, ratio);
        report.add(self.with_goal(row, OF_BARE_MIN, ratio.middle));
        if !self.together.0.is_empty() {
            let what =
                format!("{BACKENDS} backends together, a third of the connections each, {engine}");
            let (row, ratio) = self.together.row(&what, "one backend", &self.alone);
            report.add(self.with_goal(row, TOGETHER_MIN, ratio));
        }
    }

    /// Goals are for a service as it should run: three nodes that sync always.
    fn with_goal(&self, row: Row, at_least: f64, ratio: f64) -> Row {
        let has_goal = self.engine.is_cluster() && self.engine.syncs_always;
        if has_goal { row.goal(Goal::AtLeast(at_least), ratio) } else { row }
    }
}

fn with_journal(url: &str) -> Vec<(&str, &str)> {
    let more = [("JOURNAL_URL", url)];
    SIGNED.iter().copied().chain(more).collect()
}

/// Loads several backends at once, each with calls of its own, until all of them count all calls.
fn fill_together(binary: &Binary, env: &[(&str, &str)], requests: &Requests) -> Result<Load> {
    let backends: Vec<Backend> = (0..BACKENDS).map(|_| binary.start(env)).collect::<Result<_>>()?;
    let urls: Vec<String> = backends.iter().map(|it| format!("{}{PATH}", it.url)).collect();
    let loads = wrk::post_to_all(&urls, requests)?;
    let share = requests.count / BACKENDS as u64;
    // Each was sent by one thread, in order and from the first one on.
    let told: u64 = loads.iter().map(|it| it.requests.min(share)).sum();
    let deadline = Instant::now() + Duration::from_secs(PATIENCE_S);
    loop {
        let live: Vec<u64> = backends.iter().map(Backend::live_users).collect::<Result<_>>()?;
        if live.iter().all(|it| *it == live[0] && *it >= told) {
            break;
        }
        ensure!(Instant::now() < deadline, "{live:?} calls were counted of {told}");
        sleep(Duration::from_millis(20));
    }
    let worst = |of: fn(&Load) -> f64| loads.iter().map(of).fold(0.0, f64::max);
    Ok(Load {
        requests: loads.iter().map(|it| it.requests).sum(),
        requests_per_s: loads.iter().map(|it| it.requests_per_s).sum(),
        p50_ms: worst(|it| it.p50_ms),
        p99_ms: worst(|it| it.p99_ms),
    })
}
