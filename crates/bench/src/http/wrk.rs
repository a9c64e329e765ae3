//! Puts load on a server with wrk, and reads what it measured.

use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use tempfile::NamedTempFile;

use super::tools;

pub(super) const THREADS: u64 = 2;
pub(super) const CONNECTIONS: usize = 64;
const GET_SECONDS: usize = 5;
const GET_WARM_UP_SECONDS: usize = 1;
/// Short, because each request needs to be made before.
const POST_SECONDS: usize = 4;

const PRINT_FIGURES: &str = include_str!("wrk.lua");
const SEND_REQUESTS: &str = include_str!("voice.lua");

/// What one run of wrk measured.
pub(super) struct Load {
    pub(super) requests: u64,
    pub(super) requests_per_s: f64,
    pub(super) p50_ms: f64,
    pub(super) p99_ms: f64,
}

/// Asks for the URL again and again, for a moment that does not count and then for one that does.
pub(super) fn get(url: &str) -> Result<Load> {
    run(url, GET_WARM_UP_SECONDS, ALL, PRINT_FIGURES, &[])?;
    run(url, GET_SECONDS, ALL, PRINT_FIGURES, &[])
}

/// Sends the prepared requests to the server.
pub(super) fn post(url: &str, requests: &Requests) -> Result<Load> {
    send(url, requests, requests.count / THREADS, 0, ALL)
}

/// Sends the prepared requests to several servers at once, to each another part of them and by a
/// part of the connections, and returns what was measured of each.
pub(super) fn post_to_all(urls: &[String], requests: &Requests) -> Result<Vec<Load>> {
    let count = urls.len();
    let spread = Spread { threads: 1, connections: CONNECTIONS / count };
    let share = requests.count / count as u64;
    std::thread::scope(|scope| {
        let mut sending = Vec::with_capacity(count);
        for (part, url) in (0..).zip(urls) {
            sending.push(scope.spawn(move || send(url, requests, share, part, spread)));
        }
        sending.into_iter().map(|it| it.join().expect("no panic")).collect()
    })
}

/// Sends the requests behind the first `parts` shares of them, a share by each thread.
fn send(url: &str, requests: &Requests, share: u64, parts: u64, spread: Spread) -> Result<Load> {
    let script = format!("{SEND_REQUESTS}\n{PRINT_FIGURES}");
    let path = requests.file.path().to_str().context("a path of UTF-8")?;
    let numbers = [requests.length as u64, share, parts].map(|it| it.to_string());
    let [length, share, parts] = numbers.each_ref().map(String::as_str);
    run(url, POST_SECONDS, spread, &script, &[path, length, share, parts])
}

/// How the load comes.
#[derive(Clone, Copy)]
struct Spread {
    threads: u64,
    connections: usize,
}

const ALL: Spread = Spread { threads: THREADS, connections: CONNECTIONS };

/// Requests in a file, one behind the other.
pub(super) struct Requests {
    pub(super) file: NamedTempFile,
    /// Of each of them, in bytes.
    pub(super) length: usize,
    pub(super) count: u64,
}

fn run(
    url: &str,
    seconds: usize,
    spread: Spread,
    script: &str,
    arguments: &[&str],
) -> Result<Load> {
    let Spread { threads, connections } = spread;
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("script.lua");
    std::fs::write(&file, script)?;
    let mut command = Command::new(tools::find("wrk")?);
    command.args([format!("-t{threads}"), format!("-c{connections}"), format!("-d{seconds}s")]);
    command.arg("--latency").arg("-s").arg(file).arg(url).arg("--").args(arguments);
    let output = command.output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let complaint = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "wrk failed: {text}{complaint}");
    figures(&text).with_context(|| format!("{url}: {text}{complaint}"))
}

fn figures(text: &str) -> Result<Load> {
    let line = text.lines().find_map(|line| line.strip_prefix("figures "));
    let figures = line.context("wrk has printed no figures")?.split(' ').map(str::parse);
    let figures: Vec<u32> = figures.collect::<Result<_, _>>()?;
    let [requests, duration_us, p50_us, p99_us, refused, lost] = figures[..] else {
        bail!("wrk has printed other figures");
    };
    ensure!(requests > 0 && refused == 0 && lost == 0, "{refused} refused and {lost} lost");
    let ms = |us: u32| f64::from(us) / 1e3;
    Ok(Load {
        requests: requests.into(),
        requests_per_s: f64::from(requests) / f64::from(duration_us) * 1e6,
        p50_ms: ms(p50_us),
        p99_ms: ms(p99_us),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_of_figures_is_read() {
        let load = figures("Running\nfigures 1000 500000 1500 9000 0 0\n").unwrap();
        assert_eq!((load.requests, load.requests_per_s), (1000, 2000.0));
        assert_eq!((load.p50_ms, load.p99_ms), (1.5, 9.0));
    }

    #[test]
    fn a_request_that_failed_spoils_the_run() {
        for text in ["", "figures 1\n", "figures 9 9 9 9 1 0", "figures 9 9 9 9 0 1"] {
            assert!(figures(text).is_err(), "{text}");
        }
    }
}
