//! What the lines of a thread begin with that works for one of several of a kind.

use std::cell::RefCell;

use log::{Log, Metadata, Record};

thread_local! {
    static PREFIX: RefCell<String> = const { RefCell::new(String::new()) };
}

/// From now on the log lines of this thread begin with this text, such as `shard 3: `. Without effect before
/// the log is started.
pub fn begin_lines_with(prefix: String) {
    PREFIX.set(prefix);
}

/// A log that puts the text of each thread before its lines.
pub(super) struct Prefixed<L>(pub(super) L);

impl<L: Log> Log for Prefixed<L> {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.0.enabled(metadata)
    }

    fn log(&self, record: &Record<'_>) {
        let told = PREFIX.try_with(|prefix| match &*prefix.borrow() {
            prefix if prefix.is_empty() => self.0.log(record),
            prefix => self.0.log(
                &Record::builder()
                    .metadata(record.metadata().clone())
                    .module_path(record.module_path())
                    .file(record.file())
                    .line(record.line())
                    .args(format_args!("{prefix}{}", record.args()))
                    .build(),
            ),
        });
        // The thread is ending.
        told.unwrap_or_else(|_| self.0.log(record));
    }

    fn flush(&self) {
        self.0.flush();
    }
}

#[cfg(test)]
mod tests {
    use log::Level;
    use parking_lot::Mutex;

    use super::*;

    #[derive(Default)]
    struct Kept(Mutex<Vec<String>>);

    impl Log for &Kept {
        fn enabled(&self, _: &Metadata<'_>) -> bool {
            true
        }

        fn log(&self, record: &Record<'_>) {
            self.0.lock().push(format!("{} {}", record.level(), record.args()));
        }

        fn flush(&self) {}
    }

    #[test]
    fn only_the_lines_of_a_thread_that_has_a_prefix_begin_with_it() {
        let kept = Kept::default();
        let log = |n: u32| {
            let mut record = Record::builder();
            Prefixed(&kept).log(&record.level(Level::Warn).args(format_args!("call {n}")).build());
        };
        log(1);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                begin_lines_with("shard 3: ".to_owned());
                log(2);
            });
        });
        log(3);
        assert_eq!(*kept.0.lock(), ["WARN call 1", "WARN shard 3: call 2", "WARN call 3"]);
    }
}
