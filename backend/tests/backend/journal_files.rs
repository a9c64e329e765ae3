//! The files of the journal are removed, moved, replaced or shared while the backend runs.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use live_users_testkit::{Answer, Server, Twilio, exit_of, get, send};
use serde_json::Value;
use tempfile::TempDir;

use crate::honest::{API_TOKEN, WITH_TOKEN};
use crate::metrics::scrape;
use crate::replicas::team::await_that;
use crate::{BINARY, TOKEN, start};

fn url_of(folder: &Path) -> String {
    format!("file:{}", folder.display())
}

/// A backend with two live calls, and its directory, whose parent the test may use.
fn running() -> (TempDir, PathBuf, Server, Twilio) {
    let parent = tempfile::tempdir().expect("a folder");
    let data = parent.path().join("data");
    let (server, twilio) = start(&[("JOURNAL_URL", &url_of(&data)), WITH_TOKEN]);
    twilio.start(1);
    twilio.start(2);
    (parent, data, server, twilio)
}

fn readiness(server: &Server) -> (u16, String) {
    let answer = get(&format!("{}/readyz", server.url));
    let health: Value = serde_json::from_str(&answer.body).expect("JSON");
    (answer.status, health["reason"].as_str().unwrap_or_default().to_owned())
}

fn rewrite(server: &Server, token: &str) -> Answer {
    let url = format!("{}/api/live-users/journal/rewrite", server.url);
    send("POST", &url, &[("Authorization", &format!("Bearer {token}"))], b"")
}

/// Nothing is acknowledged, everybody is told, and no caller hears of it.
#[track_caller]
fn assert_refuses(server: &mut Server, twilio: &Twilio) {
    let answer = twilio.start(3);
    assert!(answer.status == 200 && answer.body.contains("<Gather "), "{}", answer.body);
    let answer = twilio.end(1);
    assert_eq!(answer.status, 503, "{}", answer.body);
    assert!(answer.body.contains("removed, moved or replaced"), "{}", answer.body);
    assert_eq!(twilio.count(), r#"{"liveUsers":2}"#, "nothing is shown that is not durable");
    let (status, reason) = readiness(server);
    assert!(status == 503 && reason.contains("removed, moved or replaced"), "{reason}");
    assert_eq!(scrape(server).get(r#"live_users_journal_fault{kind="moved"}"#), Some(1.0));
    let line = server.await_log("the files of the journal were removed, moved or replaced");
    assert!(line.contains("ERROR") && line.contains("put them back"), "{line}");
}

#[test]
fn a_directory_that_was_moved_away_stops_acknowledgements_until_it_is_back() {
    let (parent, data, mut server, twilio) = running();
    let elsewhere = parent.path().join("elsewhere");
    fs::rename(&data, &elsewhere).expect("it can be moved");
    assert_refuses(&mut server, &twilio);
    fs::rename(&elsewhere, &data).expect("it can be moved back");
    server.await_log("the journal can be written again");
    // The start and the end were kept meanwhile.
    assert_eq!(twilio.count(), r#"{"liveUsers":2}"#);
    assert_eq!(readiness(&server).0, 200);
    let (_, log) = server.terminate();
    let is_told = |line: &&str| line.contains("ERROR") && line.contains("replica::recovery");
    assert_eq!(log.lines().filter(is_told).count(), 1, "one line says it: {log}");
    let (_server, twilio) = start(&[("JOURNAL_URL", &url_of(&data))]);
    assert_eq!(twilio.count(), r#"{"liveUsers":2}"#);
}

#[test]
fn a_backend_without_traffic_notices_that_its_journal_is_gone() {
    let (_parent, data, mut server, twilio) = running();
    fs::remove_dir_all(&data).expect("it can be removed");
    await_that("it is unready", || readiness(&server).0 == 503);
    assert_refuses(&mut server, &twilio);
}

#[test]
fn what_is_in_memory_is_written_into_a_new_journal_when_an_operator_says_so() {
    let (_parent, data, mut server, twilio) = running();
    twilio.end(2);
    twilio.start(2);
    let answer = rewrite(&server, API_TOKEN);
    assert_eq!(answer.status, 409, "{}", answer.body);
    twilio.start(4);
    fs::remove_dir_all(&data).expect("it can be removed");
    twilio.start(5);
    server.await_log("removed, moved or replaced");
    assert_eq!(rewrite(&server, "0123456789abcdef").status, 403);
    let answer = rewrite(&server, API_TOKEN);
    assert_eq!(answer.status, 200, "{}", answer.body);
    let told: Value = serde_json::from_str(&answer.body).expect("JSON");
    assert_eq!((&told["seq"], &told["aside"]), (&1.into(), &Value::Null), "{told}");
    server.await_log("the journal can be written again");
    assert_eq!(twilio.count(), r#"{"liveUsers":3}"#, "1, 4, and 5, which waited");
    assert_eq!(readiness(&server).0, 200);
    assert_eq!(twilio.end(1).status, 204);
    server.kill();
    let (_server, twilio) = start(&[("JOURNAL_URL", &url_of(&data)), WITH_TOKEN]);
    assert_eq!(twilio.count(), r#"{"liveUsers":2}"#);
    // A late webhook of a call that was over before revives nothing.
    twilio.start(2);
    assert_eq!(twilio.count(), r#"{"liveUsers":2}"#);
}

#[test]
fn a_new_journal_never_overwrites_what_is_in_its_place() {
    let (parent, data, mut server, twilio) = running();
    fs::rename(&data, parent.path().join("elsewhere")).expect("it can be moved");
    let (other, at_other) = start(&[("JOURNAL_URL", &url_of(&data))]);
    at_other.start(7);
    assert_refuses(&mut server, &twilio);
    let answer = rewrite(&server, API_TOKEN);
    assert_eq!(answer.status, 503, "{}", answer.body);
    assert!(answer.body.contains(&format!("in use by process {}", other.pid())), "{}", answer.body);
    assert_eq!(at_other.end(7).status, 204, "the other one goes on");
    at_other.start(8);
    assert!(other.terminate().0.success());
    let before = fs::read(data.join("journal.sqlite3")).expect("a file");
    let answer = rewrite(&server, API_TOKEN);
    assert_eq!(answer.status, 200, "{}", answer.body);
    let told: Value = serde_json::from_str(&answer.body).expect("JSON");
    let aside = data.join(told["aside"].as_str().expect("a name"));
    assert!(fs::read(aside).expect("a file") == before);
    server.await_log("the journal can be written again");
    assert_eq!(twilio.count(), r#"{"liveUsers":2}"#);
}

#[test]
fn a_second_backend_is_refused_even_where_the_file_of_the_lock_is_gone() {
    let (_parent, data, mut server, twilio) = running();
    fs::remove_file(data.join("journal.lock")).expect("it can be removed");
    let env = [("TWILIO_AUTH_TOKEN", TOKEN), ("JOURNAL_URL", &*url_of(&data))];
    let second = exit_of(BINARY, &[], &env);
    let told = String::from_utf8_lossy(&second.stderr).into_owned();
    assert!(second.status.code() == Some(1) && told.contains("is in use by"), "{told}");
    server.await_log("the journal can be written again");
    assert!(data.join("journal.lock").exists());
    assert_eq!(twilio.end(1).status, 204);
    assert_eq!(twilio.count(), r#"{"liveUsers":1}"#);
}

/// Hard links stand for a file system without locks: the files are the same, the locks are not.
#[test]
fn where_locks_do_not_hold_nothing_that_another_backend_acknowledged_is_removed() {
    let (parent, data, mut first, at_first) = running();
    let linked = parent.path().join("linked");
    fs::create_dir(&linked).expect("a folder");
    for name in ["journal.sqlite3", "journal.sqlite3-wal", "journal.sqlite3-shm"] {
        fs::hard_link(data.join(name), linked.join(name)).expect("a link");
    }
    let (second, at_second) = start(&[("JOURNAL_URL", &url_of(&linked))]);
    for n in 10..30 {
        assert_eq!(at_second.start(n).status, 200);
        assert_eq!(at_second.end(n).status, 204);
        assert_eq!(at_second.start(n + 100).status, 200);
    }
    first.await_log("another process has written to the journal");
    let (status, reason) = readiness(&first);
    assert!(status == 503 && reason.contains("another process uses it too"), "{reason}");
    assert_eq!(at_first.end(1).status, 503);
    assert_eq!(at_second.count(), r#"{"liveUsers":22}"#);
    assert_eq!(readiness(&second).0, 200);
    let (_, log) = first.terminate();
    assert!(!log.contains("can be written again"), "{log}");
    assert!(second.terminate().0.success());
    let (_server, twilio) = start(&[("JOURNAL_URL", &url_of(&data))]);
    assert_eq!(twilio.count(), r#"{"liveUsers":22}"#);
}

#[test]
fn an_emptied_write_ahead_log_is_noticed_and_the_state_is_written_anew() {
    let (_parent, data, mut server, twilio) = running();
    let wal = fs::File::options().write(true).open(data.join("journal.sqlite3-wal")).unwrap();
    wal.set_len(0).expect("it can be cut");
    let line = server.await_log("has 0 bytes, and had");
    assert!(line.contains("ERROR"), "{line}");
    assert_eq!(twilio.end(1).status, 503);
    // What this process knows is not lost.
    assert_eq!(rewrite(&server, API_TOKEN).status, 200);
    server.await_log("the journal can be written again");
    server.kill();
    let (_server, twilio) = start(&[("JOURNAL_URL", &url_of(&data))]);
    assert_eq!(twilio.count(), r#"{"liveUsers":1}"#);
}

#[test]
fn a_copy_is_made_also_if_nobody_reads_of_it() {
    let (parent, data, _server, _) = running();
    let copy = parent.path().join("copy.sqlite3");
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let mut backup = Command::new(BINARY);
    backup.env_clear().env("JOURNAL_URL", url_of(&data)).arg("backup").arg(&copy);
    let ended = backup.stdout(writer).output().expect("starts");
    let told = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert_eq!((ended.status.code(), told.as_str()), (Some(0), ""));
    assert!(copy.exists());
}

#[test]
fn a_copy_that_cannot_be_written_is_named_and_no_setting_with_it() {
    let (parent, data, _server, _) = running();
    let nowhere = parent.path().join("nowhere/copy.sqlite3").display().to_string();
    let ended = exit_of(BINARY, &["backup", &nowhere], &[("JOURNAL_URL", &url_of(&data))]);
    let told = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert_eq!(ended.status.code(), Some(1), "{told}");
    assert!(told.contains(&nowhere) && told.contains("name another file"), "{told}");
    assert!(!told.contains("JOURNAL_URL"), "{told}");
}
