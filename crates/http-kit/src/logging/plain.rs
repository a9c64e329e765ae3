//! Lines without colours, as `env_logger` writes them, in a fraction of its time.
//!
//! Nearly each webhook has a line, and `env_logger` writes one in pieces, with the time formatted anew, and
//! looks at each byte of it for colours. Here a line is written in one go. A line with anything unusual in it is
//! left to `env_logger`, so that both have the same form.

use std::cell::RefCell;
use std::fmt::Write as _;
use std::time::{SystemTime, UNIX_EPOCH};

use env_logger::Logger;
use jiff::Timestamp;
use log::{Log, Metadata, Record};

use super::Lines;

thread_local! {
    static LINE: RefCell<Line> = const { RefCell::new(Line::new()) };
}

/// A log without colours.
pub(super) struct PlainLog {
    /// Says which lines are written, and writes those that are unusual.
    pub(super) usual: Logger,
    pub(super) lines: Lines,
}

/// The line that a thread is writing.
struct Line {
    text: String,
    /// The second since 1970 that `moment` stands for.
    second: i64,
    moment: String,
}

impl Line {
    const fn new() -> Self {
        Self { text: String::new(), second: i64::MIN, moment: String::new() }
    }

    /// Writes a line. `None` if it is not one of plain text.
    fn write(&mut self, now: SystemTime, record: &Record<'_>) -> Option<&str> {
        let second = now.duration_since(UNIX_EPOCH).ok()?.as_secs();
        let second = i64::try_from(second).ok()?;
        if second != self.second {
            let moment = Timestamp::from_second(second).ok()?;
            self.moment.clear();
            write!(self.moment, "{moment:.0}").ok()?;
            self.second = second;
        }
        let Self { text, moment, .. } = self;
        let (level, target) = (record.level(), record.target());
        text.clear();
        write!(text, "[{moment} {level:<5} {target}] {}", record.args()).ok()?;
        if target.is_empty() || text.bytes().any(|byte| byte.is_ascii_control()) {
            return None;
        }
        text.push('\n');
        Some(text)
    }
}

impl PlainLog {
    /// Writes the line if it is plain. Returns whether it was.
    fn write(&self, record: &Record<'_>) -> bool {
        let written = LINE.try_with(|line| {
            // What is logged may log something itself while it is written.
            let mut line = line.try_borrow_mut().ok()?;
            line.write(SystemTime::now(), record).map(|text| self.lines.add(text.as_bytes()))
        });
        matches!(written, Ok(Some(())))
    }
}

impl Log for PlainLog {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.usual.enabled(metadata)
    }

    fn log(&self, record: &Record<'_>) {
        if self.usual.matches(record) && !self.write(record) {
            self.usual.log(record);
        }
    }

    fn flush(&self) {}
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::Arc;
    use std::time::Duration;

    use env_logger::{Builder, Target, WriteStyle};
    use log::{Level, LevelFilter};
    use parking_lot::Mutex;

    use super::*;

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn usual(written: Written) -> Logger {
        let mut builder = Builder::new();
        builder.filter_level(LevelFilter::Info).write_style(WriteStyle::Never);
        builder.target(Target::Pipe(Box::new(written))).build()
    }

    /// What stands behind the time, which two lines need not share.
    fn behind_time(lines: &Mutex<Vec<u8>>) -> Vec<String> {
        let text = String::from_utf8(lines.lock().clone()).unwrap();
        let lines = text.split_inclusive('\n');
        lines.map(|line| line.split_once("Z ").map_or(line, |(_, rest)| rest).to_owned()).collect()
    }

    #[test]
    fn lines_are_those_of_env_logger() {
        let [ours, theirs] = [(); 2].map(|()| Written::default());
        let plain = PlainLog { usual: usual(ours.clone()), lines: Lines::to(ours.clone()) };
        let general = usual(theirs.clone());
        for (level, target, text) in [
            (Level::Info, "live_users_backend::http", "call started, 1 live: CA1, no agent"),
            (Level::Warn, "a", "caf\u{e9} \u{1f600}"),
            (Level::Error, "a::b", ""),
            (Level::Error, "a", "two\nlines"),
            (Level::Error, "a", "\u{1b}[31mred\u{1b}[0m"),
            (Level::Error, "", "of nobody"),
            (Level::Debug, "a", "not written"),
        ] {
            for log in [&plain as &dyn Log, &general] {
                let mut record = Record::builder();
                let record = record.level(level).target(target);
                log.log(&record.args(format_args!("{text}")).build());
                // What is unusual does not go by the thread of the lines.
                plain.lines.flush();
            }
        }
        let (ours, theirs) = (behind_time(&ours.0), behind_time(&theirs.0));
        assert_eq!(ours, theirs);
        assert_eq!(ours.len(), 7, "one has two lines, and one is not written");
    }

    #[test]
    fn a_line_has_its_second() {
        let mut line = Line::new();
        for (s, expected) in [(0, "1970-01-01T00:00:00Z"), (1_795_000_000, "2026-11-18T11:06:40Z")]
        {
            for ms in [0, 999] {
                let now = UNIX_EPOCH + Duration::from_millis(s * 1_000 + ms);
                let mut record = Record::builder();
                let record = record.level(Level::Info).target("a");
                let text = line.write(now, &record.args(format_args!("b")).build()).unwrap();
                assert_eq!(text, format!("[{expected} INFO  a] b\n"));
            }
        }
    }
}
