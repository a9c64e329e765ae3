//! The commands that work on journals do so on those of all shards, or say that they do not.

use std::fs;
use std::path::{Path, PathBuf};

use live_users_testkit::exit_of;

use super::{SHARDS, of_each, sharded, total, url_of};
use crate::BINARY;

const FOUR: (&str, &str) = ("SHARDS", "4");

/// The exit code of the command, and all that it has said.
fn run(folder: &Path, args: &[&str], env: &[(&str, &str)]) -> (i32, String) {
    let url = url_of(folder);
    let ended = exit_of(BINARY, args, &[&[("JOURNAL_URL", url.as_str())], env].concat());
    let told = String::from_utf8([ended.stdout, ended.stderr].concat()).expect("text");
    (ended.status.code().expect("a code"), told)
}

fn backup(folder: &Path, to: &Path, args: &[&str], env: &[(&str, &str)]) -> (i32, String) {
    let to = to.to_str().expect("a path of text");
    run(folder, &[&["backup", to], args].concat(), env)
}

/// The journals of four shards with twenty calls, and what each of them told.
fn at_rest(folder: &Path) -> Vec<u64> {
    let (mut server, twilio) = sharded(folder, "caller", &[]);
    (0..20).for_each(|n| _ = twilio.start(n));
    let each = of_each(&server);
    server.kill();
    each
}

fn copy_file(from: &Path, to: PathBuf) {
    fs::create_dir_all(to.parent().expect("a folder")).expect("a folder");
    fs::copy(from, to).expect("a copy");
}

#[test]
fn a_backup_has_all_shards_and_is_a_directory_that_a_backend_starts_on() {
    let parent = tempfile::tempdir().expect("a folder");
    let (data, copy) = (parent.path().join("data"), parent.path().join("copy"));
    let (server, twilio) = sharded(&data, "caller", &[]);
    (0..20).for_each(|n| _ = twilio.start(n));
    let each = of_each(&server);
    let (code, told) = backup(&data, &copy, &[], &[FOUR]);
    assert!(code == 0 && told.contains("copy has shards 0, 1, 2, 3 of 4"), "{told}");
    for file in ["copy/journal.sqlite3", "copy/shard-3/journal.sqlite3"] {
        assert!(told.contains(file) && parent.path().join(file).exists(), "{told}");
    }
    (20..40).for_each(|n| _ = twilio.start(n));
    let (restored, _) = sharded(&copy, "caller", &[]);
    assert_eq!((total(&restored, ""), of_each(&restored)), (20, each));
    let (code, told) = backup(&data, &copy, &[], &[FOUR]);
    assert!(code == 1 && told.contains("exists: name a new directory"), "{told}");

    // One of them is a file, which stands in for it.
    let one = parent.path().join("one.sqlite3");
    let (code, told) = backup(&data, &one, &["--shard", "2"], &[FOUR]);
    assert!(code == 0 && told.contains("has the journal of shard 2 of 4 up to"), "{told}");
    let alone = parent.path().join("alone");
    copy_file(&one, alone.join("journal.sqlite3"));
    let (code, told) = run(&alone, &["journal", "copy", "--to", &url_of(&alone.join("x"))], &[]);
    assert!(code == 0 && told.contains("users on"), "{told}");
}

#[test]
fn a_backup_that_would_lack_shards_is_refused_with_the_setting() {
    let parent = tempfile::tempdir().expect("a folder");
    let (data, copy) = (parent.path().join("data"), parent.path().join("copy"));
    at_rest(&data);
    for (env, named) in [
        (&[][..], "several shards (1, 2, 3 below it), and SHARDS is 1: set SHARDS"),
        (&[("SHARDS", "2")], "several shards (2, 3 below it), and SHARDS is 2: set SHARDS"),
    ] {
        let (code, told) = backup(&data, &copy, &[], env);
        assert!(code == 1 && told.contains(named), "{told}");
    }
    // The backend has shards 2 and 3 alone.
    let half = parent.path().join("half");
    for shard in ["shard-2", "shard-3"] {
        copy_file(
            &data.join(shard).join("journal.sqlite3"),
            half.join(shard).join("journal.sqlite3"),
        );
    }
    let (code, told) = backup(&half, &copy, &[], &[FOUR]);
    let named = "there is no log of shards 0, 1 at file:";
    assert!(code == 1 && told.contains(named) && told.contains("SHARDS_HERE"), "{told}");
    assert!(told.contains("JOURNAL_URL: "), "{told}");
    let mut left = fs::read_dir(parent.path()).expect("a folder").flatten();
    assert!(left.all(|it| !it.file_name().to_string_lossy().starts_with("copy")), "no rest");
    let (code, told) = backup(&half, &copy, &[], &[FOUR, ("SHARDS_HERE", "2-3")]);
    assert!(code == 0 && told.contains("copy has shards 2, 3 of 4; do the same"), "{told}");
    let (code, told) = backup(&half, &copy, &["--shard", "1"], &[FOUR, ("SHARDS_HERE", "2-3")]);
    assert!(
        code == 64 && told.contains("expected one of the shards that are here: 2, 3"),
        "{told}"
    );
}

#[test]
fn a_copy_is_one_of_all_shards() {
    let parent = tempfile::tempdir().expect("a folder");
    let [data, moved, other] = ["data", "moved", "other"].map(|it| parent.path().join(it));
    let each = at_rest(&data);
    let copy = |from: &Path, to: &Path, args: &[&str], env: &[(&str, &str)]| {
        let (from, to) = (url_of(from), url_of(to));
        run(&data, &[&["journal", "copy", "--from", &from, "--to", &to], args].concat(), env)
    };
    let (code, told) = copy(&data, &moved, &[], &[FOUR]);
    assert!(code == 0 && told.contains("copied: shards 0, 1, 2, 3 of 4"), "{told}");
    let (server, _) = sharded(&moved, "caller", &[]);
    assert_eq!(of_each(&server), each);
    let (code, told) = copy(&moved, &other, &["--in-use"], &[FOUR]);
    assert!(code == 1 && told.contains("shard 0: --from: ") && told.contains("in use"), "{told}");
    assert!(told.contains("`live-users-backend backup` copies a journal"), "{told}");

    // Nothing is written where one would be taken for another.
    for (from, env, named) in [
        (&data, &[][..], "set SHARDS and SHARDS_HERE as the backend has them"),
        (&data, &[("SHARDS", "2")], "SHARDS is 2: set SHARDS"),
        (&data.join("shard-1"), &[FOUR, ("SHARDS_HERE", "0")], "shard 1 of SHARDS=4"),
    ] {
        let (code, told) = copy(from, &other, &[], env);
        assert!(code == 1 && told.contains(named), "{told}");
    }
    let (code, told) = copy(&data.join("shard-1"), &other.join("one"), &[], &[]);
    assert!(code == 0 && told.contains("users on"), "named by its address: {told}");
    let (code, told) = copy(&data, &other.join("two"), &["--shard", "3"], &[FOUR]);
    assert!(code == 0 && told.contains("copied: shard 3 of 4"), "{told}");
    assert!(other.join("two/shard-3/journal.sqlite3").exists());
}

#[test]
fn a_repair_looks_at_all_shards() {
    let folder = tempfile::tempdir().expect("a folder");
    at_rest(folder.path());
    let repair = ["journal", "repair", "--time"];
    let (code, told) = run(folder.path(), &repair, &[FOUR]);
    assert_eq!((code, told.matches("nothing to mend").count()), (0, SHARDS), "{told}");
    let (code, told) = run(folder.path(), &repair, &[]);
    assert!(code == 1 && told.contains("several shards (1, 2, 3 below it)"), "{told}");
    let one = [&repair[..], &["--shard", "2"]].concat();
    let (code, told) = run(folder.path(), &one, &[FOUR]);
    assert!(code == 0 && told.contains("shard-2: no time lies ahead"), "{told}");
}
