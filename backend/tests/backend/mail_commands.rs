//! Commands that send mail, and the processes that keep them: how they end, and what they leave behind.

use std::fs;
use std::io::{Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};

use live_users_testkit::{Server, Twilio};
use tempfile::TempDir;

use crate::replicas::team::await_that;
use crate::{BINARY, agents_file, start};

/// More than a pipe takes.
const LONG: usize = 1 << 20;

/// Writes the ids of a shell and of a process that it has started, once both are there.
const SLEEPER: &str = "sleep 777 & echo $$ $! > PIDS.new; mv PIDS.new PIDS; wait";

/// A keeper as a backend starts it. It ends the command when this is dropped.
struct Keeper {
    process: Child,
    backend: ChildStdin,
}

impl Keeper {
    /// Starts one. It waits for the message.
    fn start(command: &[&str]) -> Self {
        let mut keeper = Command::new(BINARY);
        keeper.arg("keep-mail-command").args(command).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = keeper.spawn().expect("it starts");
        let backend = process.stdin.take().expect("a pipe");
        Self { process, backend }
    }

    fn send(&mut self, length: usize, message: &[u8]) {
        self.backend.write_all(&(length as u64).to_be_bytes()).expect("it reads");
        self.backend.write_all(message).expect("it reads");
    }

    /// Waits for its end: the exit code, and what it tells.
    fn ended(&mut self) -> (Option<i32>, String) {
        let mut told = String::new();
        self.process.stdout.take().expect("a pipe").read_to_string(&mut told).expect("text");
        (self.process.wait().expect("it ends").code(), told)
    }
}

/// Has a message kept by the real program.
fn kept(command: &[&str], message: &[u8]) -> (Option<i32>, String) {
    let mut keeper = Keeper::start(command);
    keeper.send(message.len(), message);
    keeper.ended()
}

/// Whether a process lives. One that waits for its parent to take note of its end does not.
fn lives(pid: &str) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(") ").next().is_some_and(|rest| !rest.is_empty() && !rest.starts_with(['Z', 'X']))
}

/// A file of a test, and the script with its name in place of this word.
fn with_file(folder: &TempDir, word: &str, script: &str) -> (String, String) {
    let file = folder.path().join(word).display().to_string();
    let script = script.replace(word, &file);
    (file, script)
}

/// The processes that [`SLEEPER`] has told of.
fn sleepers(pids: &str) -> Vec<String> {
    await_that("the command has started", || fs::exists(pids).expect("a folder"));
    let pids = fs::read_to_string(pids).expect("a file");
    let pids: Vec<_> = pids.split_whitespace().map(str::to_owned).collect();
    assert!(pids.len() == 2 && pids.iter().all(|pid| lives(pid)), "{pids:?}");
    pids
}

#[test]
fn how_a_command_ended_is_told() {
    let shell = |script: &'static str| ["sh", "-c", script];
    assert_eq!(kept(&shell("cat > /dev/null"), b"text"), (Some(0), String::new()));
    for (command, told) in [
        (&shell("cat > /dev/null; exit 3")[..], "the command ended with exit code 3\n"),
        (&shell("kill -9 $$"), "the command was ended by a signal\n"),
        (
            &["/nowhere/sendmail", "-t"],
            "the command cannot be started: No such file or directory (os error 2)\n",
        ),
        (&[], "there is no command\n"),
    ] {
        assert_eq!(kept(command, b"text"), (Some(1), told.to_owned()), "{command:?}");
    }
}

#[test]
fn a_command_gets_the_whole_message_and_need_not_read_it() {
    let message = vec![b'm'; LONG];
    let all = format!("test $(wc -c) = {LONG}");
    assert_eq!(kept(&["sh", "-c", &all], &message), (Some(0), String::new()));
    assert_eq!(kept(&["true"], &message), (Some(0), String::new()));
    let told = "the command ended with exit code 3\n".to_owned();
    assert_eq!(kept(&["sh", "-c", "exit 3"], &message), (Some(1), told));
}

#[test]
fn a_message_that_does_not_come_whole_is_not_sent() {
    let folder = tempfile::tempdir().expect("a folder");
    let (file, script) = with_file(&folder, "SENT", "cat > SENT");
    for part in [&b""[..], b"tex"] {
        let mut keeper = Keeper::start(&["sh", "-c", &script]);
        keeper.send(4, part);
        let Keeper { mut process, backend } = keeper;
        drop(backend);
        assert_eq!(process.wait().expect("it ends").code(), Some(1));
        assert!(!fs::exists(&file).expect("a folder"));
    }
}

#[test]
fn what_a_command_leaves_to_deliver_goes_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().display();
    let script = format!(
        "cat > /dev/null; cd {path}; (while test -d {path} -a ! -e go; do sleep 0.1; done; echo > done) &"
    );
    // The pipe to the keeper is closed in between.
    assert_eq!(kept(&["sh", "-c", &script], b"text"), (Some(0), String::new()));
    fs::write(folder.path().join("go"), "").expect("a file");
    await_that("it is delivered", || fs::exists(folder.path().join("done")).expect("a folder"));
}

#[test]
fn a_command_that_reads_nothing_ends_when_the_pipe_to_its_keeper_does() {
    let folder = tempfile::tempdir().expect("a folder");
    let (pids, script) = with_file(&folder, "PIDS", SLEEPER);
    let mut keeper = Keeper::start(&["sh", "-c", &script]);
    keeper.send(LONG, &vec![b'm'; LONG]);
    let pids = sleepers(&pids);
    let Keeper { mut process, backend } = keeper;
    drop(backend);
    await_that("all end", || !pids.iter().any(|pid| lives(pid)));
    assert_eq!(process.wait().expect("it ends").code(), Some(1));
}

/// A backend whose mail command has just started, with the files of the test.
fn with_mail_under_way(script: &str) -> (TempDir, Server, Twilio) {
    let (folder, file) = agents_file("");
    let script = script.replace("FOLDER", &folder.path().display().to_string());
    let tables = format!(
        "[[agent]]\nid = \"booking\"\nname = \"Bookings\"\nnumbers = [\"+15005550006\"]\n\
         [[alert]]\nid = \"busy\"\nwhen = \"users\"\nat_least = 1\nfor_seconds = 0\n\
         [[hook]]\nid = \"mail\"\nformat = \"mail\"\nmail_command = [\"sh\", \"-c\", \"{script}\"]\n\
         mail_to = [\"ops@example.com\"]\nmail_from = \"live@example.com\"\nevents = [\"alert\"]\n"
    );
    fs::write(&file, tables).expect("a file");
    let env = [
        ("AGENTS_FILE", &*file),
        ("PATH", "/usr/local/bin:/usr/bin:/bin"),
        ("HOME", "/nowhere"),
        ("LANG", "C"),
        ("TZ", "UTC"),
        ("USER", "nobody"),
        ("LOGNAME", "nobody"),
    ];
    let (server, twilio) = start(&env);
    twilio.start(1);
    (folder, server, twilio)
}

#[test]
fn a_mail_command_ends_with_its_backend_also_when_that_is_killed() {
    for is_killed in [true, false] {
        let script = SLEEPER.replace("PIDS", "FOLDER/pids");
        let (folder, mut server, _) = with_mail_under_way(&script);
        let pids = sleepers(&folder.path().join("pids").display().to_string());
        if is_killed {
            server.kill();
        } else {
            let (status, log) = server.terminate();
            assert!(status.success(), "{log}");
        }
        await_that("all end", || !pids.iter().any(|pid| lives(pid)));
    }
}

#[test]
fn a_mail_command_gets_no_other_variables_than_those_that_are_told() {
    // Of the process itself: a shell adds some for what it starts.
    let script = "cat /proc/$$/environ > FOLDER/new; mv FOLDER/new FOLDER/variables";
    let (folder, _server, _) = with_mail_under_way(script);
    let file = folder.path().join("variables");
    await_that("the command has run", || fs::exists(&file).expect("a folder"));
    let variables = fs::read_to_string(&file).expect("text");
    let mut names: Vec<_> = variables.split_terminator('\0').collect();
    names.sort_unstable();
    let path = "PATH=/usr/local/bin:/usr/bin:/bin";
    assert_eq!(names, ["HOME=/nowhere", "LANG=C", path, "TZ=UTC", "USER=nobody"]);
}
