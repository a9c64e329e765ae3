//! A restart remembers; trouble with the disk is told and heals; nothing private is written.

use std::path::Path;
use std::process::Output;

use live_users_testkit::{Server, Twilio, exit_of, get};

use crate::{BINARY, TOKEN, start};

fn url_of(folder: &Path) -> String {
    format!("file:{}", folder.display())
}

#[test]
fn a_restart_remembers_the_calls_under_way_and_those_that_are_over() {
    let folder = tempfile::tempdir().expect("a folder");
    let url = url_of(folder.path());
    let (mut first, twilio) = start(&[("JOURNAL_URL", &url)]);
    twilio.start(1);
    twilio.start(2);
    twilio.end(2);
    first.kill();
    let (second, twilio) = start(&[("JOURNAL_URL", &url)]);
    assert_eq!(twilio.count(), r#"{"liveUsers":1}"#);
    // A late webhook of a call that is over does not revive it.
    twilio.start(2);
    assert_eq!(twilio.count(), r#"{"liveUsers":1}"#);
    // The same person calls once more: still one user, so the hashes are the same as before.
    let sid = "CAffffffffffffffffffffffffffffffff";
    let fields = [
        ("CallSid", sid),
        ("CallStatus", "ringing"),
        ("Direction", "inbound"),
        ("From", "+14155550001"),
    ];
    twilio.post("/voice", &fields);
    assert_eq!(twilio.count(), r#"{"liveUsers":1}"#);
    let (status, log) = second.terminate();
    assert!(status.success() && log.contains("replayed 3 records"), "{log}");
}

#[test]
fn nothing_private_is_written_to_the_disk() {
    let folder = tempfile::tempdir().expect("a folder");
    let (server, twilio) = start(&[("JOURNAL_URL", &url_of(folder.path()))]);
    let caller = [("From", "+14155550123"), ("To", "+15005550006"), ("Direction", "inbound")];
    let voice = [&[("CallSid", "CA1"), ("CallStatus", "ringing")], &caller[..]].concat();
    let said = [("SpeechResult", "my pass phrase is correct horse"), ("Digits", "13579")];
    let speech =
        [&[("CallSid", "CA1"), ("CallStatus", "in-progress")], &caller[..], &said[..]].concat();
    assert_eq!(twilio.post("/voice", &voice).status, 200);
    assert_eq!(twilio.post("/speech-result", &speech).status, 200);
    assert_eq!(twilio.count(), r#"{"liveUsers":1}"#);
    assert!(server.terminate().0.success());
    let mut written = Vec::new();
    for file in std::fs::read_dir(folder.path()).expect("a folder") {
        written.extend(std::fs::read(file.expect("a file").path()).expect("a file"));
    }
    let is_written = |text: &str| written.windows(text.len()).any(|part| part == text.as_bytes());
    assert!(is_written("CA1"), "the call is in the journal");
    for private in ["4155550123", "555012", "correct horse", "13579", TOKEN] {
        assert!(!is_written(private), "{private} is written to the disk");
    }
}

#[test]
fn a_second_backend_on_the_same_journal_is_refused_and_told_why() {
    let folder = tempfile::tempdir().expect("a folder");
    let url = url_of(folder.path());
    let (first, twilio) = start(&[("JOURNAL_URL", &url)]);
    let second = exit_of(BINARY, &[], &[("TWILIO_AUTH_TOKEN", TOKEN), ("JOURNAL_URL", &url)]);
    let told = String::from_utf8_lossy(&second.stderr).into_owned();
    assert_eq!(second.status.code(), Some(1), "{told}");
    assert!(told.contains(&format!("in use by process {}", first.pid())), "{told}");
    twilio.start(1);
    assert_eq!(twilio.count(), r#"{"liveUsers":1}"#);
}

#[test]
fn a_journal_that_cannot_be_is_named() {
    for (url, expected, code) in [
        ("file:/proc/nobody-writes-here", "cannot write", 1),
        ("postgres://user:hunter2@db/calls", "expected file:DIRECTORY", 64),
        ("nats://user:hunter2@db:99999/calls", "a port that is not 1 to 65535", 64),
    ] {
        let env = [("TWILIO_AUTH_TOKEN", TOKEN), ("JOURNAL_URL", url)];
        let refused = exit_of(BINARY, &[], &env);
        let told = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert_eq!(refused.status.code(), Some(code), "{told}");
        assert!(told.contains(expected) && !told.contains("hunter2"), "{told}");
    }
}

#[test]
fn a_tool_that_only_reads_makes_no_journal_where_none_is() {
    let folder = tempfile::tempdir().expect("a folder");
    let [none, to] = ["none", "to"].map(|name| folder.path().join(name));
    let (from, to) = (url_of(&none), url_of(&to));
    let repair = ["journal", "repair", "--time"];
    let copy = ["journal", "copy", "--from", &from, "--to", &to];
    for args in [&repair[..], &copy] {
        let refused = exit_of(BINARY, args, &[("JOURNAL_URL", &from)]);
        let told = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert_eq!(refused.status.code(), Some(1), "{told}");
        assert!(told.contains("there is no log: `"), "{told}");
        assert_eq!(folder.path().read_dir().expect("a folder").count(), 0, "nothing is made");
    }
}

#[test]
fn a_backup_of_a_journal_in_use_is_restored_by_putting_it_into_an_empty_folder() {
    let (folder, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let url = url_of(folder.path());
    let (_server, twilio) = start(&[("JOURNAL_URL", &url)]);
    twilio.start(1);
    twilio.start(2);
    let copy = elsewhere.path().join("journal.sqlite3");
    let copy = copy.to_str().expect("a path of text");
    let backup = || exit_of(BINARY, &["backup", copy], &[("JOURNAL_URL", &url)]);
    let told = backup();
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    assert!(String::from_utf8_lossy(&told.stdout).contains("up to record 2 of log"));
    assert_eq!(backup().status.code(), Some(1), "a file that exists is not overwritten");
    twilio.end(1);
    let (_restored, twilio) = start(&[("JOURNAL_URL", &url_of(elsewhere.path()))]);
    assert_eq!(twilio.count(), r#"{"liveUsers":2}"#);
}

fn copy(from: &Path, to: &Path) -> Output {
    exit_of(BINARY, &["journal", "copy", "--from", &url_of(from), "--to", &url_of(to)], &[])
}

#[test]
fn a_journal_is_copied_into_an_empty_one_and_never_while_it_is_in_use() {
    let [old, new, back] = [(); 3].map(|()| tempfile::tempdir().unwrap());
    let (server, twilio) = start(&[("JOURNAL_URL", &url_of(old.path()))]);
    twilio.start(1);
    twilio.start(2);
    twilio.end(2);
    let refused = copy(old.path(), new.path());
    let told = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(1), "{told}");
    assert!(told.contains(&format!("--from: `{}` is in use", old.path().display())), "{told}");
    assert!(server.terminate().0.success());
    for (from, to) in [(&old, &new), (&new, &back)] {
        let copied = copy(from.path(), to.path());
        assert!(copied.status.success(), "{}", String::from_utf8_lossy(&copied.stderr));
        let told = String::from_utf8_lossy(&copied.stdout).into_owned();
        assert!(told.contains("1 users on 1 calls; it is at record 1 of log"), "{told}");
    }
    let twice = copy(old.path(), new.path());
    assert_eq!(twice.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&twice.stderr).contains("is not empty"));
    let (_server, twilio) = start(&[("JOURNAL_URL", &url_of(back.path()))]);
    assert_eq!(twilio.count(), r#"{"liveUsers":1}"#);
    // A late webhook of a call that was over does not revive it.
    twilio.start(2);
    assert_eq!(twilio.count(), r#"{"liveUsers":1}"#);
}

#[test]
fn wrong_arguments_of_a_tool_are_told_like_wrong_settings_and_no_address_is_repeated() {
    for (args, expected) in [
        (&["backup"][..], "expected <FILE>"),
        (&["backup", "a", "file:hunter2"], "Usage: live-users-backend backup [OPTIONS] <FILE>"),
        (&["journal"], "Usage: live-users-backend journal <COMMAND>"),
        (&["journal", "move", "--from", "file:hunter2", "--to", "file:b"], "unknown command"),
        (&["journal", "copy", "--from", "file:hunter2"], "--to is not there"),
        (&["journal", "copy", "--from", "file:hunter2", "--to"], "--to <URL> has no value"),
        (&["journal", "copy", "--from=", "--to", "file:hunter2"], "--from <URL> has no value"),
        (
            &["journal", "copy", "--from", "file:hunter2", "--from", "file:b"],
            "--from <URL> is given twice",
        ),
        (&["journal", "copy", "--from", "file:hunter2", "--into", "b"], "unknown arguments"),
        (&["journal", "copy", "file:hunter2", "file:b"], "unknown arguments"),
        (&["copy", "--from", "nats://user:hunter2@a/b"], "Usage: live-users-backend [COMMAND]"),
        (&["nats://user:hunter2@a/b"], "unknown command"),
        (&["--from=file:hunter2"], "unknown arguments"),
    ] {
        let refused = exit_of(BINARY, args, &[("JOURNAL_URL", "")]);
        let told = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert_eq!(refused.status.code(), Some(64), "{told}");
        assert!(told.contains(expected) && !told.contains("hunter2"), "{told}");
    }
}

/// A limit of the file size stands for a disk that is full: it needs no mount and no root.
#[test]
fn when_the_disk_is_full_callers_hear_no_error_and_it_heals_when_there_is_room_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let script = "exec \"$0\"";
    let env = [("TWILIO_AUTH_TOKEN", TOKEN), ("JOURNAL_URL", &url_of(folder.path()))];
    let mut server = Server::start("/bin/sh", &["-c", script, BINARY], &env);
    let twilio = Twilio::new(&server.url, TOKEN);
    twilio.start(1);
    server.limit_files(Some(0));
    let report = twilio.end(1);
    assert_eq!(report.status, 503, "{}", report.body);
    assert!(report.body.contains("the journal cannot be written"), "{}", report.body);
    let answer = twilio.start(2);
    assert!(answer.status == 200 && answer.body.contains("<Gather "), "{}", answer.body);
    assert_eq!(twilio.count(), r#"{"liveUsers":1}"#, "nothing is shown that is not durable");
    let ready = get(&format!("{}/readyz", server.url));
    assert_eq!(ready.status, 503);
    assert!(ready.body.contains("the journal cannot be written"), "{}", ready.body);
    assert_eq!(get(&format!("{}/healthz", server.url)).status, 200);

    server.limit_files(None);
    server.await_log("the journal can be written again");
    // The end of the first call and the start of the second were kept meanwhile.
    assert_eq!(twilio.count(), r#"{"liveUsers":1}"#);
    twilio.end(2);
    assert_eq!(twilio.count(), r#"{"liveUsers":0}"#);
    drop(server);
    let (_server, twilio) = start(&[("JOURNAL_URL", &url_of(folder.path()))]);
    assert_eq!(twilio.count(), r#"{"liveUsers":0}"#);
}

#[test]
fn what_is_lost_when_the_disk_stays_full_to_the_end_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let script = "exec \"$0\"";
    let env = [("TWILIO_AUTH_TOKEN", TOKEN), ("JOURNAL_URL", &url_of(folder.path()))];
    let server = Server::start("/bin/sh", &["-c", script, BINARY], &env);
    server.limit_files(Some(0));
    // Standard output is a pipe, which has no size: the log is written all the same.
    assert_eq!(Twilio::new(&server.url, TOKEN).start(1).status, 200);
    let (_, log) = server.terminate();
    assert!(log.contains("1 webhooks are lost: the journal could not be written"), "{log}");
}
