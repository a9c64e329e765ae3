//! The log. It goes to standard output, where container platforms read it, and never blocks a
//! request.
//!
//! The reader of standard output may stop reading, and then writing blocks. A webhook must not wait
//! for that. So lines pass a bounded channel to a thread of their own. When the channel is full
//! they are dropped and counted. The number is logged once there is room.

use std::io::{self, IsTerminal, Write};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::time::Duration;

use env_logger::{Env, Target, WriteStyle};

/// The most lines that wait to be written.
const LINES_MAX: usize = 16_384;

/// How long [`flush`] waits for a reader that does not read, in milliseconds.
const FLUSH_MS_MAX: u64 = 1_000;

/// A package may write what it is given at the level `trace`, so that is not even compiled.
const _: () = assert!(log::STATIC_MAX_LEVEL as usize <= log::LevelFilter::Debug as usize);

static LINES: OnceLock<Lines> = OnceLock::new();

/// Starts the log. `RUST_LOG` sets the levels in the notation of `env_logger`, `info` by default. A
/// second call changes nothing.
pub fn init() {
    let lines = LINES.get_or_init(|| Lines::to(io::stdout()));
    let style = match io::stdout().is_terminal() {
        true => WriteStyle::Auto,
        false => WriteStyle::Never,
    };
    let env = Env::default().default_filter_or("info");
    let _already_started = env_logger::Builder::from_env(env)
        .write_style(style)
        .target(Target::Pipe(Box::new(lines.clone())))
        .try_init();
}

/// Waits until everything logged so far is written, but not for long. It is for the end of a
/// process.
pub fn flush() {
    if let Some(lines) = LINES.get() {
        lines.flush();
    }
}

/// The channel to the thread that writes.
#[derive(Clone)]
struct Lines {
    sender: SyncSender<Entry>,
}

enum Entry {
    Line(Vec<u8>),
    Flush(SyncSender<()>),
}

static DROPPED: AtomicU64 = AtomicU64::new(0);

impl Lines {
    fn to(output: impl Write + Send + 'static) -> Self {
        let (sender, lines) = sync_channel(LINES_MAX);
        let thread = std::thread::Builder::new().name("log".to_owned());
        thread.spawn(move || write_all(&lines, output)).expect("the system has room for a thread");
        Self { sender }
    }

    fn flush(&self) {
        let (written, wait) = sync_channel(1);
        // The channel is full, so its reader does not read. There is nothing to wait for.
        if self.sender.try_send(Entry::Flush(written)).is_ok() {
            let _in_time = wait.recv_timeout(Duration::from_millis(FLUSH_MS_MAX));
        }
    }
}

/// `env_logger` writes one whole line at a time.
impl Write for Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if let Err(TrySendError::Full(_)) = self.sender.try_send(Entry::Line(line.to_vec())) {
            DROPPED.fetch_add(1, Ordering::Relaxed);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn write_all(lines: &Receiver<Entry>, mut output: impl Write) {
    for entry in lines {
        // An error means that nothing reads the output any more. It cannot be logged anywhere.
        let _nobody_reads = match entry {
            Entry::Line(line) => match DROPPED.swap(0, Ordering::Relaxed) {
                0 => output.write_all(&line),
                dropped => writeln!(output, "{dropped} lines of the log were dropped here")
                    .and_then(|()| output.write_all(&line)),
            },
            Entry::Flush(written) => {
                let flushed = output.flush();
                let _waits_no_longer = written.try_send(());
                flushed
            }
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Blocks every write until it is released, as a pipe does without a reader.
    struct Stalled(Receiver<()>, SyncSender<Vec<u8>>);

    impl Write for Stalled {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let _let_go = self.0.recv();
            let _test_is_over = self.1.send(bytes.to_vec());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_that_stalls_holds_nobody_up_and_learns_what_was_dropped() {
        let (let_go, stalled) = sync_channel(LINES_MAX * 2);
        let (written, read) = sync_channel(LINES_MAX * 2);
        let mut lines = Lines::to(Stalled(stalled, written));
        let n = LINES_MAX + 100;
        for _ in 0..n {
            lines.write_all(b"line\n").unwrap();
        }
        drop(let_go);
        // After two are written there is room for one more.
        let mut all: Vec<u8> = read.iter().take(2).flatten().collect();
        lines.write_all(b"last\n").unwrap();
        drop(lines);
        all.extend(read.iter().flatten());
        let all = String::from_utf8(all).unwrap();
        let told = all.lines().find(|line| line.ends_with("were dropped here")).unwrap();
        let dropped: usize = told.split(' ').next().unwrap().parse().unwrap();
        assert_eq!(all.lines().filter(|line| *line == "line").count() + dropped, n);
        assert!(all.ends_with("last\n"));
    }
}
