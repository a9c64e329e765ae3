//! The log. It goes to standard output, where container platforms read it, and never blocks a
//! request.
//!
//! The reader of standard output may stop reading, and then writing blocks. A webhook must not wait
//! for that. So a thread of its own writes what has gathered in a bounded buffer, many lines at once.
//! When the buffer is full, lines are dropped and counted. The number is logged once there is room.

mod plain;
mod prefix;

use std::io::{self, IsTerminal, Write};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use env_logger::{Builder, Env, Target, WriteStyle};
use log::Log;
use parking_lot::{Condvar, Mutex};

use self::plain::PlainLog;
use self::prefix::Prefixed;
pub use self::prefix::begin_lines_with;

/// The most lines that wait to be written.
const LINES_MAX: usize = 16_384;

/// How long lines gather that come soon after others, in milliseconds. Then they are written together.
const GATHER_MS: u64 = 1;

/// The same where many come: to wake the thread and to write take longer than the lines themselves.
const GATHER_MANY_MS: u64 = 5;

/// So many lines in one go are many.
const MANY_LINES: usize = 8;

/// How long [`flush`] waits for a reader that does not read, in milliseconds.
const FLUSH_MS_MAX: u64 = 1_000;

/// A package may write what it is given at the level `trace`, so that is not even compiled.
const _: () = assert!(log::STATIC_MAX_LEVEL as usize <= log::LevelFilter::Debug as usize);

static LINES: OnceLock<Lines> = OnceLock::new();

/// Starts the log. `RUST_LOG` sets the levels in the notation of `env_logger`, `info` by default. A
/// second call changes nothing.
pub fn init() {
    let lines = LINES.get_or_init(|| Lines::to(io::stdout()));
    let mut builder = Builder::from_env(Env::default().default_filter_or("info"));
    builder.target(Target::Pipe(Box::new(lines.clone())));
    let is_plain = !io::stdout().is_terminal();
    let style = if is_plain { WriteStyle::Never } else { WriteStyle::Auto };
    let usual = builder.write_style(style).build();
    let most = usual.filter();
    let log: Box<dyn Log> = match is_plain {
        true => Box::new(Prefixed(PlainLog { usual, lines: lines.clone() })),
        false => Box::new(Prefixed(usual)),
    };
    let _already_started = log::set_boxed_logger(log).inspect(|()| log::set_max_level(most));
}

/// Waits until everything logged so far is written, but not for long. It is for the end of a
/// process.
pub fn flush() {
    if let Some(lines) = LINES.get() {
        lines.flush();
    }
}

/// The way to the thread that writes. Cheap to clone.
#[derive(Clone, Default)]
struct Lines(Arc<Shared>);

#[derive(Default)]
struct Shared {
    waiting: Mutex<Waiting>,
    /// There is a line to write, or nobody is left who could add one.
    has_come: Condvar,
    /// Somebody waits until all is written.
    is_urgent: Condvar,
    /// Lines were written.
    is_written: Condvar,
}

#[derive(Default)]
struct Waiting {
    text: Vec<u8>,
    /// How many lines are in it, or are just being written.
    lines: usize,
    /// How many were dropped since that was last told.
    dropped: u64,
    /// How many have come, and how many of these are written, since the start.
    come: u64,
    written: u64,
    flushes: usize,
    has_ended: bool,
}

impl Lines {
    fn to(output: impl Write + Send + 'static) -> Self {
        let lines = Self::default();
        let shared = lines.0.clone();
        let thread = std::thread::Builder::new().name("log".to_owned());
        thread.spawn(move || shared.write_all(output)).expect("the system has room for a thread");
        lines
    }

    /// Adds a line, unless too many wait.
    fn add(&self, line: &[u8]) {
        let mut waiting = self.0.waiting.lock();
        if waiting.lines >= LINES_MAX {
            waiting.dropped += 1;
            return;
        }
        waiting.add(line);
        drop(waiting);
        self.0.has_come.notify_one();
    }

    fn flush(&self) {
        let Shared { waiting, is_urgent, is_written, .. } = &*self.0;
        let mut waiting = waiting.lock();
        // It is full, so its reader does not read. There is nothing to wait for.
        if waiting.lines >= LINES_MAX {
            return;
        }
        let (all, until) = (waiting.come, Instant::now() + Duration::from_millis(FLUSH_MS_MAX));
        waiting.flushes += 1;
        is_urgent.notify_all();
        while waiting.written < all && !is_written.wait_until(&mut waiting, until).timed_out() {}
        waiting.flushes -= 1;
    }

    /// No line comes any more: the thread ends when it has written what is there.
    #[cfg(test)]
    fn end(&self) {
        self.0.waiting.lock().has_ended = true;
        self.0.has_come.notify_all();
    }
}

/// `env_logger` writes one whole line at a time.
impl Write for Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.add(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Waiting {
    fn add(&mut self, line: &[u8]) {
        self.text.extend_from_slice(line);
        self.lines += 1;
        self.come += 1;
    }

    /// These are written. What was dropped meanwhile is told behind the lines that were kept.
    fn finish(&mut self, lines: usize) {
        self.lines -= lines;
        self.written += lines as u64;
        let dropped = std::mem::take(&mut self.dropped);
        if dropped > 0 {
            self.add(format!("{dropped} lines of the log were dropped here\n").as_bytes());
        }
    }
}

impl Shared {
    /// Writes what comes: at once after a silence, so that who reads the log after an answer finds its
    /// line. Lines that follow each other closely are written together: each write is a call of the
    /// system, and so is waking this thread.
    fn write_all(&self, mut output: impl Write) {
        let (mut text, mut next) = (Vec::new(), Instant::now());
        let mut waiting = self.waiting.lock();
        loop {
            while waiting.lines == 0 {
                if waiting.has_ended {
                    return;
                }
                self.has_come.wait(&mut waiting);
            }
            if waiting.flushes == 0 && !waiting.has_ended {
                self.is_urgent.wait_until(&mut waiting, next);
            }
            std::mem::swap(&mut text, &mut waiting.text);
            let lines = waiting.lines;
            drop(waiting);
            // An error means that nothing reads the output any more. It cannot be logged anywhere.
            let _nobody_reads = output.write_all(&text).and_then(|()| output.flush());
            text.clear();
            next = Instant::now() + gathering(lines);
            waiting = self.waiting.lock();
            waiting.finish(lines);
            self.is_written.notify_all();
        }
    }
}

/// How long lines gather after so many were written together.
fn gathering(lines: usize) -> Duration {
    Duration::from_millis(if lines < MANY_LINES { GATHER_MS } else { GATHER_MANY_MS })
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

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
        // What was dropped is told in the second write at the latest, and then there is room.
        let mut all: Vec<u8> = read.iter().take(2).flatten().collect();
        lines.write_all(b"last\n").unwrap();
        lines.end();
        all.extend(read.iter().flatten());
        let all = String::from_utf8(all).unwrap();
        let told = all.lines().find(|line| line.ends_with("were dropped here")).unwrap();
        let dropped: usize = told.split(' ').next().unwrap().parse().unwrap();
        assert_eq!(all.lines().filter(|line| *line == "line").count() + dropped, n);
        assert!(all.ends_with("last\n"));
    }

    #[test]
    fn lines_are_written_in_order_and_many_at_once() {
        let (let_go, stalled) = sync_channel(1);
        let (written, read) = sync_channel(LINES_MAX);
        let mut lines = Lines::to(Stalled(stalled, written));
        lines.write_all(b"first\n").unwrap();
        // The first write stalls, or has not begun: all others are behind it.
        for n in 0..1_000 {
            lines.write_all(format!("{n}\n").as_bytes()).unwrap();
        }
        drop(let_go);
        Lines::flush(&lines);
        lines.end();
        let writes: Vec<_> = read.iter().collect();
        assert!(writes.len() <= 2, "{} writes", writes.len());
        let expected: String = (0..1_000).map(|n| format!("{n}\n")).collect();
        assert_eq!(writes.concat(), format!("first\n{expected}").into_bytes());
    }

    #[test]
    fn lines_gather_for_longer_where_many_come() {
        let ms = |lines| gathering(lines).as_millis();
        assert_eq!((ms(1), ms(MANY_LINES - 1), ms(MANY_LINES)), (1, 1, 5));
    }

    #[test]
    fn a_flush_waits_until_what_came_before_it_is_written() {
        let (let_go, stalled) = sync_channel(1);
        drop(let_go);
        let (written, read) = sync_channel(LINES_MAX);
        let mut lines = Lines::to(Stalled(stalled, written));
        for n in 0..3 {
            lines.write_all(format!("{n}\n").as_bytes()).unwrap();
            Lines::flush(&lines);
            assert_eq!(read.try_recv().unwrap(), format!("{n}\n").into_bytes());
        }
        Lines::flush(&lines);
        lines.end();
    }
}
