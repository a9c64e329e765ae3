//! The machine that the journal is on.

use live_users_http_kit::Env;

use super::report::Report;
use crate::tokens;
use crate::welcome::how_to_run;

const MB: u64 = 1024 * 1024;

/// With less free space than this, writing may soon fail, in bytes.
const FREE_MIN: u64 = 100 * MB;

/// With less than this somebody should look, in bytes.
const FREE_WARNING: u64 = 1024 * MB;

/// How much room the disk of the journal has.
pub(super) fn check_disk(env: &Env, report: &mut Report) {
    let Some(folder) = tokens::directory(env) else { return };
    let at = folder.display();
    let Ok(disk) = rustix::fs::statvfs(&folder) else {
        return report.warning(
            "disk",
            format!("there is no directory {at} here"),
            format!("run {} where the backend runs, with its JOURNAL_URL", how_to_run("doctor")),
        );
    };
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    let text = format!("{} MB are free at {at}", free / MB);
    let remedy = "make room, or move the journal: docs/OPERATIONS.md says how";
    match free {
        0..FREE_MIN => report.failed("disk", text, remedy),
        FREE_MIN..FREE_WARNING => report.warning("disk", text, remedy),
        _ => report.ok("disk", text),
    }
}
