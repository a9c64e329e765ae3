//! `backup`: a copy of a journal that is in use, or of those of several shards.

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use super::lines::tell;
use super::places::Places;
use crate::config::shards::name_of;

/// What a journal is in its directory.
const JOURNAL: &str = "journal.sqlite3";

/// The directory that is written is for this user alone.
const PRIVATE: u32 = 0o700;

/// Copies the journal at this address, or those of the shards, into `to`, which must not exist yet.
pub(super) fn run(url: &str, places: &Places, to: &Path) -> io::Result<()> {
    places.check_beside(url)?;
    if places.are_all() {
        return of_all(url, places, to);
    }
    for (shard, url) in places.each(url) {
        let copied = live_users_journal::backup(&url, to);
        let at = copied.map_err(|error| places.of_shard(shard, error))?;
        let whose =
            if places.is_sharded() { format!(" of {}", places.name()) } else { String::new() };
        tell(format_args!("{} has the journal{whose} up to {at}", to.display()));
    }
    Ok(())
}

/// Copies all of them or none, as a directory that `JOURNAL_URL` can name.
fn of_all(url: &str, places: &Places, to: &Path) -> io::Result<()> {
    let part = part_of(to);
    for path in [to, &part] {
        if fs::symlink_metadata(path).is_ok() {
            let path = path.display();
            let why = format!("`{path}` exists: name a new directory for the backup, or remove it");
            return Err(io::Error::other(why));
        }
    }
    let lines = copy_all(url, places, (&part, to)).and_then(|lines| {
        fs::rename(&part, to)
            .and_then(|()| sync_parent(to))
            .map_err(|error| no_copy(to, &error))?;
        Ok(lines)
    });
    let lines = lines.inspect_err(|_| {
        // The rest is useless. A failure to remove it changes nothing.
        let _ = fs::remove_dir_all(&part);
    })?;
    lines.iter().for_each(tell);
    tell(format_args!("{} has {}{}", to.display(), places.name(), places.rest()));
    Ok(())
}

fn copy_all(url: &str, places: &Places, (part, to): (&Path, &Path)) -> io::Result<Vec<String>> {
    let mut lines = Vec::new();
    for (shard, url) in places.each(url) {
        let below = if shard == 0 { String::new() } else { name_of(shard) };
        let directory = part.join(&below);
        let made = DirBuilder::new().recursive(true).mode(PRIVATE).create(&directory);
        made.map_err(|error| no_copy(&directory, &error))?;
        let copied = live_users_journal::backup(&url, &directory.join(JOURNAL));
        let at = copied.map_err(|error| places.of_shard(shard, error))?;
        let file = to.join(&below).join(JOURNAL);
        lines.push(format!("{} has the journal of shard {shard} up to {at}", file.display()));
    }
    Ok(lines)
}

/// What the directory is called until it is complete.
fn part_of(to: &Path) -> PathBuf {
    // Without a slash at the end, behind which the name would be that of a file in it.
    let mut name = to.components().as_path().as_os_str().to_owned();
    name.push(".part");
    PathBuf::from(name)
}

/// Makes the names durable of what is in the directory and of itself.
fn sync_parent(to: &Path) -> io::Result<()> {
    File::open(to)?.sync_all()?;
    match std::path::absolute(to)?.parent() {
        Some(parent) => File::open(parent)?.sync_all(),
        None => Ok(()),
    }
}

/// The copy cannot be written. No setting names it.
fn no_copy(to: &Path, error: &io::Error) -> io::Error {
    let to = to.display();
    io::Error::other(format!("cannot write `{to}`: {error}; name another directory for the backup"))
}
