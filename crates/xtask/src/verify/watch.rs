//! Lets a command speak, and ends it when it has said nothing for too long: a test that waits for
//! ever has to be a failure, with a name, and not a run that somebody else gives up.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::thread;
use std::time::Duration;

use anyhow::{Result, bail};

/// Hands over each line of this output with its end. If none comes for so long, the child is
/// killed, with all that it has started.
pub(super) fn lines(
    child: &mut Child,
    output: impl Read + Send + 'static,
    silence_max: Duration,
    mut take: impl FnMut(&[u8]) -> Result<()>,
) -> Result<()> {
    let (sender, receiver) = sync_channel(64);
    thread::spawn(move || {
        let mut output = BufReader::new(output);
        loop {
            let mut line = Vec::new();
            let read = output.read_until(b'\n', &mut line).map(|_| line);
            let is_over = read.as_ref().map_or(true, Vec::is_empty);
            if sender.send(read).is_err() || is_over {
                return;
            }
        }
    });
    let mut last = Vec::new();
    loop {
        match receiver.recv_timeout(silence_max) {
            Ok(Ok(line)) if line.is_empty() => return Ok(()),
            Ok(line) => last = line?,
            Err(RecvTimeoutError::Disconnected) => return Ok(()),
            Err(RecvTimeoutError::Timeout) => {
                end(child)?;
                let (s, last) = (silence_max.as_secs(), String::from_utf8_lossy(&last));
                bail!("nothing was said for {s} s after: {}", last.trim_end());
            }
        }
        take(&last)?;
    }
}

fn end(child: &mut Child) -> Result<()> {
    let mut family = vec![child.id().to_string()];
    let parents = parents();
    // Each round adds those whose parents are in the family already.
    loop {
        let is_new =
            |(pid, parent): &&(String, String)| family.contains(parent) && !family.contains(pid);
        let Some((pid, _)) = parents.iter().find(is_new) else { break };
        family.push(pid.clone());
    }
    Command::new("kill").arg("-9").args(&family).status()?;
    child.wait()?;
    Ok(())
}

/// Every process with its parent, as Linux tells; empty elsewhere.
fn parents() -> Vec<(String, String)> {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let names = processes.filter_map(|entry| entry.file_name().into_string().ok());
    let parent = |pid: String| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // What stands before the last bracket is the program's name, and may have any letter.
        let parent = stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.to_owned();
        Some((pid, parent))
    };
    names.filter_map(parent).collect()
}

#[cfg(test)]
mod tests {
    use std::process::Stdio;

    use super::*;

    fn shell(script: &str, silence_max: Duration) -> (Vec<String>, Result<()>) {
        let mut command = Command::new("sh");
        let mut child = command.args(["-c", script]).stdout(Stdio::piped()).spawn().unwrap();
        let output = child.stdout.take().unwrap();
        let mut seen = Vec::new();
        let result = lines(&mut child, output, silence_max, |line| {
            seen.push(String::from_utf8(line.to_vec()).unwrap());
            Ok(())
        });
        child.wait().unwrap();
        (seen, result)
    }

    #[test]
    fn what_is_said_is_handed_over_line_by_line() {
        let (seen, result) = shell("echo a; printf b", Duration::from_secs(60));
        result.unwrap();
        assert_eq!(seen, ["a\n", "b"]);
    }

    #[test]
    fn whoever_falls_silent_is_ended_with_what_it_has_started() {
        let (seen, result) = shell("echo $$; sleep 1000 & sleep 1000", Duration::from_secs(3));
        let error = result.unwrap_err().to_string();
        assert_eq!(error, format!("nothing was said for 3 s after: {}", seen[0].trim()));
        let is_there = |(_, parent): &(String, String)| parent == seen[0].trim();
        assert!(!parents().iter().any(is_there));
    }
}
