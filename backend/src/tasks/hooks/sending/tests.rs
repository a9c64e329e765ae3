//! What a command that sends mail leaves behind.

use std::fs;

use super::*;

const LONG: Duration = Duration::from_secs(60);

/// Whether a process lives. One that waits for its parent to take note of its end does not.
fn lives(pid: &str) -> bool {
    let stat = fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap_or_default();
    stat.rsplit(") ").next().is_some_and(|rest| !rest.is_empty() && !rest.starts_with(['Z', 'X']))
}

/// Runs a shell with a process of its own that sleeps, and returns that one.
async fn with_sleeper(then: &str, limit: Duration, is_dropped: bool) -> Result<(), String> {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("pid").display().to_string();
    let script = format!("sleep 777 & echo $! > {file}.new; mv {file}.new {file}; {then}");
    let command = ["sh", "-c", &script].map(str::to_owned);
    let message = Message { id: "1".to_owned(), body: "text".to_owned() };
    let started = async {
        while !fs::exists(&file).expect("a folder") {
            tokio::task::yield_now().await;
        }
    };
    let ended = async {
        if is_dropped {
            tokio::select! {
                ended = run(&command, &message, limit) => return ended,
                () = started => return Err("dropped".to_owned()),
            }
        }
        run(&command, &message, limit).await
    };
    let ended = ended.await;
    let pid = fs::read_to_string(&file).expect("it has started");
    for _ in 0..1_000 {
        if !lives(&pid) {
            return ended;
        }
        // not a wait for time: the system ends a process soon after its signal
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("process {pid} lives on after {ended:?}");
}

#[tokio::test]
async fn nothing_lives_on_of_a_command_that_takes_too_long_or_that_nobody_waits_for() {
    let limit = Duration::from_secs(1);
    assert_eq!(with_sleeper("wait", limit, false).await, Err(too_long(limit)));
    assert_eq!(with_sleeper("wait", LONG, true).await, Err("dropped".to_owned()));
}

#[tokio::test]
async fn what_a_command_leaves_to_deliver_goes_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("delivered").display().to_string();
    let script = format!("cat > /dev/null; (sleep 0.3; echo yes > {file}) &");
    let command = ["sh", "-c", &script].map(str::to_owned);
    let message = Message { id: "1".to_owned(), body: "text".to_owned() };
    assert_eq!(run(&command, &message, LONG).await, Ok(()));
    for _ in 0..1_000 {
        if fs::exists(&file).expect("a folder") {
            return;
        }
        // not a wait for time: what is left goes on by itself
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("nothing was delivered");
}
