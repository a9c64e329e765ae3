//! The errors of a journal. Each message says what an operator can do.

use std::fmt::{self, Display};
use std::path::PathBuf;

/// Why a journal fails. Each message says what to do next.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The address has an unknown form.
    #[error(
        "JOURNAL_URL has {found}: expected file:DIRECTORY, such as file:./data or \
         file:/var/lib/live-users, nats://HOST:PORT/NAME, or memory: for tests"
    )]
    BadAddress {
        /// What was found. It shows no more of the address than its scheme.
        found: String,
    },
    /// The program was built without the engine of this address.
    #[error(
        "JOURNAL_URL has the scheme `{scheme}:`, and this program was built without the feature \
         `{feature}` that it needs: build it with that feature, as \
         `cargo run --profile quick --features {feature}` does, or name another journal"
    )]
    NotBuiltIn {
        /// The scheme of the address.
        scheme: String,
        /// The feature of this crate that has its engine.
        feature: &'static str,
    },
    /// The files cannot be created or written.
    #[error(
        "cannot write `{}`: {why}; give the user of this service the right to write there, or \
         name another directory in JOURNAL_URL", path.display()
    )]
    NotWritable {
        /// The file or directory.
        path: PathBuf,
        /// The system's own text.
        why: String,
    },
    /// The disk is full.
    #[error(
        "no space left on the disk of `{}`: free some; nothing that was acknowledged is lost",
        path.display()
    )]
    Full {
        /// The file that could not grow.
        path: PathBuf,
    },
    /// Another process has the journal open.
    #[error(
        "`{}` is in use by {}: end that one first, or give this one a directory of its own in \
         JOURNAL_URL", path.display(), holder(*pid)
    )]
    Locked {
        /// The directory, or the file that another program holds.
        path: PathBuf,
        /// The process that has it open, if its lock names it.
        pid: Option<u32>,
    },
    /// A newer version of this program wrote it. Nothing was changed.
    #[error(
        "`{}` has format {found}, and this version knows no newer one than {known}: run the \
         newer version, or restore a backup made before the upgrade; nothing was changed",
        path.display()
    )]
    NewerFormat {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: u32,
        /// The newest format that this version knows.
        known: u32,
    },
    /// What is stored is not what was written. Nothing was repaired or skipped.
    #[error(
        "the journal is damaged: {what}; keep a copy of the files, then restore a backup as \
         docs/JOURNAL.md says"
    )]
    Damaged {
        /// The file, and the record if it is known.
        what: String,
    },
    /// The files are not at their paths any more, or others are.
    #[error(
        "the files of the journal were removed, moved or replaced: {what}; nothing is acknowledged \
         until they are back; put them back, or let the backend write what it knows into a new \
         journal, as docs/JOURNAL.md says; do not restart it before that"
    )]
    Moved {
        /// Which file, and how it differs from the one that is open.
        what: String,
    },
    /// Another process has written to a log of one process. Nothing of that was removed.
    #[error(
        "another process has written to the journal: {what}; nothing was removed, and nothing is \
         acknowledged here: end one of the two processes, then start the one that is left again"
    )]
    Foreign {
        /// The file, and what was found in it.
        what: String,
    },
    /// The record is not kept, or does not exist yet.
    #[error("record {wanted} is not in the log, which has the records {first} to {last}")]
    NotThere {
        /// The wanted record.
        wanted: u64,
        /// The oldest record that is kept.
        first: u64,
        /// The newest record. One less than the oldest if none is kept.
        last: u64,
    },
    /// The service of a shared log does not answer.
    #[error(
        "the NATS service of JOURNAL_URL does not answer: {why}; see that it runs, that a majority \
         of its servers is there and that JetStream is enabled. If the disk of a server was full, \
         restart that server when there is space: its /healthz says so (docs/JOURNAL.md)"
    )]
    Unreachable {
        /// What was tried, and the result.
        why: String,
    },
    /// A file that the address names cannot be used.
    #[error("JOURNAL_URL names `{}` by {parameter}=, and this file {why}", path.display())]
    UnusableFile {
        /// The parameter of the address.
        parameter: &'static str,
        /// The file.
        path: PathBuf,
        /// What is wrong with it. It repeats nothing of the file.
        why: String,
    },
    /// The service of a shared log has no room, or a limit of its account is reached.
    #[error(
        "the NATS service of JOURNAL_URL has no room: {why}; nothing that was acknowledged is lost"
    )]
    ServiceFull {
        /// Which limit is reached, and what to do.
        why: String,
    },
    /// The service of a shared log lacks what a journal needs.
    #[error("the NATS service of JOURNAL_URL {why}")]
    Unsuitable {
        /// What it lacks, and what to do.
        why: String,
    },
    /// An earlier append failed, and the journal has not recovered since.
    #[error("nothing is appended since an append failed: {why}")]
    Latched {
        /// Why that append failed.
        why: String,
    },
    /// A shared log was lost, and there is another one in its place.
    #[error(
        "the journal was lost: it was log {was:016x}, and is log {is:016x} now; what was recorded \
         in the one before is only where a backup is"
    )]
    Replaced {
        /// The epoch of the log that was.
        was: u64,
        /// The epoch of the log that is.
        is: u64,
    },
    /// The request does not fit this log. Nothing was changed.
    #[error("{why}")]
    Refused {
        /// What does not fit, and what would.
        why: String,
    },
    /// The system failed to read or write.
    #[error(
        "{doing}: {why}; look in the system's log for a disk error, and for a quota or a limit of \
         file sizes"
    )]
    Io {
        /// What was tried, with the path.
        doing: String,
        /// The system's own text.
        why: String,
    },
    /// Any other error of the storage engine.
    #[error("{doing}: {why}")]
    Engine {
        /// What was tried.
        doing: String,
        /// The engine's own text.
        why: String,
    },
}

/// The kind of an error, for those who may not see paths. [`Display`] gives it in words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FaultKind {
    /// There is no room.
    Full,
    /// The files were removed, moved or replaced.
    Moved,
    /// Another process has written to it, or has it open.
    Foreign,
    /// What is stored is not what was written.
    Damaged,
    /// Its newest record lies far ahead of the machine's clock.
    Ahead,
    /// Its service does not answer.
    Unreachable,
    /// Any other.
    #[default]
    Other,
}

impl FaultKind {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Full,
        Self::Moved,
        Self::Foreign,
        Self::Damaged,
        Self::Ahead,
        Self::Unreachable,
        Self::Other,
    ];

    /// Its name in figures.
    pub fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Moved => "moved",
            Self::Foreign => "foreign",
            Self::Damaged => "damaged",
            Self::Ahead => "ahead",
            Self::Unreachable => "unreachable",
            Self::Other => "other",
        }
    }
}

impl Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full => "no space is left on its disk",
            Self::Moved => "its files were removed, moved or replaced",
            Self::Foreign => "another process uses it too",
            Self::Damaged => "what is stored is not what was written",
            Self::Ahead => "its newest record lies ahead of this machine's clock",
            Self::Unreachable => "its servers do not answer",
            Self::Other => "the system refuses to write it",
        })
    }
}

impl JournalError {
    /// Its kind.
    pub fn kind(&self) -> FaultKind {
        match self {
            Self::Full { .. } | Self::ServiceFull { .. } => FaultKind::Full,
            Self::Moved { .. } => FaultKind::Moved,
            Self::Foreign { .. } | Self::Locked { .. } => FaultKind::Foreign,
            Self::Damaged { .. } | Self::NotThere { .. } | Self::Replaced { .. } => {
                FaultKind::Damaged
            }
            Self::Unreachable { .. } => FaultKind::Unreachable,
            Self::BadAddress { .. }
            | Self::NotBuiltIn { .. }
            | Self::NotWritable { .. }
            | Self::NewerFormat { .. }
            | Self::Unsuitable { .. }
            | Self::UnusableFile { .. }
            | Self::Latched { .. }
            | Self::Refused { .. }
            | Self::Io { .. }
            | Self::Engine { .. } => FaultKind::Other,
        }
    }
}

fn holder(pid: Option<u32>) -> String {
    match pid {
        Some(pid) => format!("process {pid}"),
        None => "another process".to_owned(),
    }
}
