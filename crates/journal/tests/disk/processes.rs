//! Two processes: a lock that outlives no one, and a process whose files may not grow.
//!
//! The other process is this test binary, started anew for the same test.

use std::ffi::OsString;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use live_users_journal::{Journal, JournalError, Part};
use nix::sys::resource::{Resource, getrlimit, setrlimit};

use crate::parts::{load, part, save};
use crate::{all, numbered, opened, refused};

/// Set for the other process: its directory.
const DIRECTORY: &str = "JOURNAL_OF_THE_TEST";

const RECORD_BYTES: usize = 300;

fn is_other_process() -> Option<OsString> {
    std::env::var_os(DIRECTORY)
}

/// Starts a test of this module in another process, and returns what that says. It ignores the
/// signal XFSZ, so that a write beyond the limit fails and does not end it.
fn start(test: &str, directory: &Path) -> (Child, impl Iterator<Item = String>) {
    let mut child = Command::new("sh")
        .args(["-c", "trap '' XFSZ; exec \"$@\"", "sh"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", &format!("processes::{test}"), "--nocapture"])
        .env(DIRECTORY, directory)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let said = lines.map(Result::unwrap).filter_map(|it| it.strip_prefix("> ").map(str::to_owned));
    (child, said)
}

fn append_next(journal: &mut dyn Journal) -> Result<u64, JournalError> {
    let next = journal.position().seq + 1;
    journal.append(&numbered(next..=next, RECORD_BYTES)).map(|it| it.seq)
}

#[test]
fn a_process_that_is_killed_leaves_the_lock_and_all_that_it_acknowledged() {
    if let Some(directory) = is_other_process() {
        let mut journal = opened(directory.as_ref()).unwrap();
        loop {
            println!("\n> {}", append_next(&mut *journal).unwrap());
        }
    }
    let test = "a_process_that_is_killed_leaves_the_lock_and_all_that_it_acknowledged";
    let directory = tempfile::tempdir().unwrap();
    let mut acknowledged = 0;
    for round in 0..10 {
        let (mut child, mut said) = start(test, directory.path());
        for _ in 0..=round * 20 {
            acknowledged = said.next().expect("it appends").parse().unwrap();
        }
        let error = refused(directory.path());
        let named = matches!(error, JournalError::Locked { pid, .. } if pid == Some(child.id()));
        assert!(named, "{error}");
        assert!(error.to_string().contains(&format!("process {}", child.id())), "{error}");
        child.kill().unwrap();
        child.wait().unwrap();
        if let Some(last) = said.last() {
            acknowledged = last.parse().unwrap();
        }
        let mut journal = opened(directory.path()).unwrap();
        let last = journal.position().seq;
        assert!([acknowledged, acknowledged + 1].contains(&last), "{last}, not {acknowledged}");
        assert!(all(&mut *journal).unwrap() == numbered(1..=last, RECORD_BYTES));
    }
}

#[test]
fn a_process_that_is_killed_while_it_saves_leaves_the_snapshot_before_or_the_new_one() {
    if let Some(directory) = is_other_process() {
        let mut journal = opened(directory.as_ref()).unwrap();
        loop {
            let seq = append_next(&mut *journal).unwrap();
            save(&*journal, journal.position(), parts_at(seq));
            println!("\n> {seq}");
        }
    }
    let test = "a_process_that_is_killed_while_it_saves_leaves_the_snapshot_before_or_the_new_one";
    let directory = tempfile::tempdir().unwrap();
    let mut saved: u64 = 0;
    for round in 0..8 {
        let (mut child, mut said) = start(test, directory.path());
        for _ in 0..=round {
            saved = said.next().expect("it saves").parse().unwrap();
        }
        child.kill().unwrap();
        child.wait().unwrap();
        if let Some(last) = said.last() {
            saved = last.parse().unwrap();
        }
        let mut journal = opened(directory.path()).unwrap();
        let last = journal.position().seq;
        assert!(all(&mut *journal).unwrap() == numbered(1..=last, RECORD_BYTES));
        let (at, parts) = load(&*journal).unwrap().expect("one was saved");
        assert!([saved, saved + 1].contains(&at.seq), "{}, not {saved}", at.seq);
        assert!(parts == parts_at(at.seq), "it is whole");
    }
}

/// One part stays for ten records, the other is another each time.
fn parts_at(seq: u64) -> Vec<Part> {
    let of_ten = u8::try_from(seq / 10 % 256).unwrap();
    vec![part("of ten", of_ten, 700_000), part("main", u8::try_from(seq % 256).unwrap(), 300_000)]
}

#[test]
fn a_process_whose_files_may_not_grow_latches_and_recovers_when_they_may() {
    if let Some(directory) = is_other_process() {
        return fill(directory.as_ref());
    }
    let test = "a_process_whose_files_may_not_grow_latches_and_recovers_when_they_may";
    let directory = tempfile::tempdir().unwrap();
    let (mut child, said) = start(test, directory.path());
    let said: Vec<String> = said.collect();
    assert!(child.wait().unwrap().success());
    let [failed, recovered] = &said[..] else { panic!("it said {said:?}") };
    assert!(failed.parse::<u64>().unwrap() > 1000);
    let last: u64 = recovered.parse().unwrap();
    assert_eq!(last, failed.parse::<u64>().unwrap() + 1);
    let mut journal = opened(directory.path()).unwrap();
    assert!(all(&mut *journal).unwrap() == numbered(1..=last, RECORD_BYTES));
}

/// Appends until it fails, which tears a commit in the middle; then recovers, with more room.
fn fill(directory: &Path) {
    let mut journal = opened(directory).unwrap();
    let (_, most) = getrlimit(Resource::RLIMIT_FSIZE).unwrap();
    setrlimit(Resource::RLIMIT_FSIZE, 1_000_001, most).unwrap();
    let (mut acknowledged, mut failed) = (0, None);
    // Where the write-ahead log cannot grow, a recovery may still find some room: SQLite moves it
    // into the database when it closes the two. In the end there is none for even one record.
    let error = loop {
        match append_next(&mut *journal) {
            Ok(seq) => acknowledged = seq,
            Err(error) if failed == Some(acknowledged) => break error,
            Err(_) => {
                failed = Some(acknowledged);
                journal.recover().unwrap();
                assert_eq!(journal.position().seq, acknowledged);
            }
        }
        assert!(acknowledged < 100_000, "there is no end of room");
    };
    assert!(matches!(error, JournalError::Io { .. } | JournalError::Full { .. }), "{error}");
    let error = append_next(&mut *journal).unwrap_err();
    assert!(matches!(error, JournalError::Latched { .. }), "{error}");
    println!("\n> {acknowledged}");
    setrlimit(Resource::RLIMIT_FSIZE, most, most).unwrap();
    journal.recover().unwrap();
    println!("\n> {}", append_next(&mut *journal).unwrap());
}
