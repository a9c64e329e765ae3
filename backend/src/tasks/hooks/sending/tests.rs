//! What is told of a command, and when the pipe to its keeper ends. A shell stands in for the keeper;
//! `backend/tests/backend/mail_commands.rs` has the real one.

use std::fs;

use tokio::task::yield_now;

use super::*;

const LONG: Duration = Duration::from_secs(60);

/// Runs a command that this script keeps; `F` in it is a file.
async fn kept(script: &str, file: &str, limit: Duration) -> Result<(), String> {
    let keeper = ["sh", "-c", &script.replace('F', file)].map(OsString::from);
    let message = Message { id: "1".to_owned(), body: "text".to_owned() };
    run(&keeper, &["sendmail".to_owned()], &message, limit).await
}

async fn is_there(file: &str) {
    while !fs::exists(file).expect("a folder") {
        yield_now().await;
    }
}

#[tokio::test]
async fn the_pipe_to_the_keeper_ends_when_a_command_takes_too_long_or_nobody_waits_for_it() {
    let limit = Duration::from_secs(1);
    for is_dropped in [false, true] {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("pipe").display().to_string();
        let keeper = "echo > F.begun; cat > F.new; mv F.new F";
        if is_dropped {
            let begun = format!("{file}.begun");
            tokio::select! {
                ended = kept(keeper, &file, LONG) => panic!("{ended:?}"),
                () = is_there(&begun) => {}
            }
        } else {
            assert_eq!(kept(keeper, &file, limit).await, Err(too_long(limit)));
        }
        tokio::time::timeout(LONG, is_there(&file)).await.expect("the pipe ends");
        let sent = fs::read(&file).expect("a file");
        // Whoever is dropped may not have handed over all.
        assert!(b"\0\0\0\0\0\0\0\x04text".starts_with(&sent), "{sent:?}");
        assert!(is_dropped || sent.len() == 12, "{sent:?}");
    }
}

#[tokio::test]
async fn what_the_keeper_tells_is_told_and_otherwise_how_it_ended() {
    for (script, told) in [
        ("exit 0", Ok(())),
        ("echo why; exit 1", Err("why")),
        ("exit 101", Err("the keeper of the command ended: exit status: 101")),
        ("kill -9 $$", Err("the keeper of the command ended: signal: 9 (SIGKILL)")),
    ] {
        assert_eq!(kept(script, "", LONG).await, told.map_err(str::to_owned), "{script}");
    }
    let message = Message { id: "1".to_owned(), body: "text".to_owned() };
    let keeper = [OsString::from("/nowhere/backend")];
    let ended = run(&keeper, &["sendmail".to_owned()], &message, LONG).await;
    let told = "the command cannot be started: No such file or directory (os error 2)";
    assert_eq!(ended, Err(told.to_owned()));
}
