//! The format on disk: creating a log, recognizing one, opening it, and reading its head.

use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, Transaction};

use super::directory::{Directory, beside, not_writable, open_private, sync};
use super::fault::Fault;
use super::head::Head;
use crate::JournalError;
use crate::memory::draw_epoch;

/// The format that this version writes. Raise it for a change that older versions cannot read, and
/// add a fixture beside `tests/fixtures/v1`.
pub(super) const FORMAT: u32 = 2;

/// "LUsJ" in the header of the file. It distinguishes it from databases of other programs.
const APPLICATION_ID: u32 = 0x4c55_734a;

/// For an operator's program, such as `sqlite3`, that writes to the file of a running service.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Pages of the write-ahead log after which a commit moves them into the database: 4 MiB.
const CHECKPOINT_PAGES: u32 = 1000;

/// The size to which a long write-ahead log is cut when it starts anew, in bytes.
const WAL_BYTES_KEPT_MAX: u32 = 16 * 1024 * 1024;

/// Table `log` has one row, with the id 1.
const TABLES: &str = "
    CREATE TABLE log (
        id INTEGER PRIMARY KEY CHECK (id = 1),
        epoch INTEGER NOT NULL,
        first_seq INTEGER NOT NULL,
        last_seq INTEGER NOT NULL,
        crc INTEGER NOT NULL,
        snapshot_seq INTEGER,
        snapshot_first_part INTEGER,
        snapshot_parts INTEGER,
        snapshot_length INTEGER,
        snapshot_crc INTEGER
    ) STRICT;
    CREATE TABLE record (
        seq INTEGER PRIMARY KEY,
        crc INTEGER NOT NULL,
        bytes BLOB NOT NULL
    ) STRICT;
    CREATE TABLE part (
        id INTEGER PRIMARY KEY,
        bytes BLOB NOT NULL
    ) STRICT;
";

/// Of the parts of the newest snapshot, which format 1 has not. A row of table `part` is a block of
/// one of them.
const PART_LIST: &str = "
    CREATE TABLE IF NOT EXISTS snapshot_part (
        place INTEGER PRIMARY KEY,
        name TEXT NOT NULL,
        length INTEGER NOT NULL,
        digest BLOB NOT NULL,
        crc INTEGER NOT NULL,
        first_block INTEGER NOT NULL,
        blocks INTEGER NOT NULL
    ) STRICT;
";

/// Raises a log of format 1 to the present one. What it has stays as it is: older versions refuse
/// it from now on, because they would not understand the next snapshot.
pub(super) fn upgrade(tx: &Transaction<'_>) -> Result<(), Fault> {
    let format: u32 = tx.query_row("PRAGMA user_version", (), |row| row.get(0))?;
    if format < FORMAT {
        tx.execute_batch(PART_LIST)?;
        tx.pragma_update(None, "user_version", FORMAT)?;
        log::info!("the journal has format {FORMAT} from now on");
    }
    Ok(())
}

/// Whether there is a log of a known format. It changes nothing, so it reads the header of the file
/// itself: SQLite would repair what it opens.
pub(super) fn is_there(directory: &Directory) -> Result<bool, JournalError> {
    let path = directory.database();
    let header = match File::open(&path) {
        Ok(file) => {
            let mut header = Vec::new();
            file.take(HEADER_BYTES as u64)
                .read_to_end(&mut header)
                .map_err(|it| unreadable(&path, &it))?;
            header
        }
        Err(error) if error.kind() == ErrorKind::NotFound => return is_free(directory),
        Err(error) => return Err(unreadable(&path, &error)),
    };
    let name = path.display();
    let damaged = |what: String| Err(JournalError::Damaged { what });
    if header.len() < HEADER_BYTES || !header.starts_with(b"SQLite format 3\0") {
        return damaged(format!("`{name}` does not begin as an SQLite file does"));
    }
    if number_at(&header, 68) != APPLICATION_ID {
        return damaged(format!("`{name}` is an SQLite file, but not a journal of Live Users"));
    }
    match number_at(&header, 60) {
        1..=FORMAT => Ok(true),
        0 => damaged(format!("`{name}` has format 0, which there never was")),
        found => Err(JournalError::NewerFormat { path, found, known: FORMAT }),
    }
}

/// Creates an empty log. A crash at any point leaves no log or a complete one.
pub(super) fn create(directory: &Directory) -> Result<(), JournalError> {
    let (draft, path) = (directory.draft(), directory.database());
    write_draft(&draft, &Head::new(draw_epoch()?))?;
    File::open(&draft)
        .and_then(|file| file.sync_all())
        .and_then(|()| fs::rename(&draft, &path))
        .and_then(|()| sync(directory.path()))
        .map_err(|error| not_writable(&path, &error))
}

/// Writes a log without records into the file of the draft.
pub(super) fn write_draft(draft: &Path, head: &Head) -> Result<(), JournalError> {
    for suffix in ["", "-wal", "-shm", "-journal"] {
        match fs::remove_file(beside(draft, suffix)) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Err(not_writable(draft, &error));
            }
            _ => {}
        }
    }
    // Before SQLite, which would let other users read it. The files beside it get its rights.
    open_private(draft).map_err(|error| not_writable(draft, &error))?;
    write_empty(draft, head).map_err(|error| Fault::from(error).into_error("creating a log", draft))
}

/// Opens an existing database, with settings that make a commit durable.
pub(super) fn connect(path: &Path) -> Result<Connection, JournalError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let open = || {
        let connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        connection.execute_batch(&format!(
            "PRAGMA synchronous = FULL;
             PRAGMA fullfsync = ON;
             PRAGMA checkpoint_fullfsync = ON;
             PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES};
             PRAGMA journal_size_limit = {WAL_BYTES_KEPT_MAX};
             PRAGMA cell_size_check = ON;
             PRAGMA trusted_schema = OFF;"
        ))?;
        Ok(connection)
    };
    open().map_err(|error: rusqlite::Error| Fault::from(error).into_error("opening the log", path))
}

/// Reads the head of a log. Refuses it if the tables disagree.
pub(super) fn head(connection: &Connection) -> Result<Head, Fault> {
    let damaged = |what: String| Err(Fault::Damaged(what));
    // Checked again, because a newer version may have set it in the write-ahead log only.
    let format: u32 = connection.query_row("PRAGMA user_version", (), |row| row.get(0))?;
    if format > FORMAT {
        return Err(Fault::Newer(format));
    }
    let mode: String = connection.query_row("PRAGMA journal_mode", (), |row| row.get(0))?;
    if mode != "wal" {
        return damaged(format!("its journal mode is {mode}, not wal"));
    }
    let head = Head::read(connection)?;
    let (first, last) = (head.first_seq, head.last_seq);
    let found: (Option<i64>, Option<i64>) = connection.query_row(
        "SELECT (SELECT min(seq) FROM record), (SELECT max(seq) FROM record)",
        (),
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    let expected = (first <= last).then_some((first.cast_signed(), last.cast_signed())).unzip();
    if found != expected {
        let name = |range: (Option<i64>, Option<i64>)| match range {
            (Some(first), Some(last)) => format!("the records {first} to {last}"),
            _ => "no records".to_owned(),
        };
        return damaged(format!("it has {}, not {}", name(found), name(expected)));
    }
    let covered = head.covered_seq();
    if covered > last || covered + 1 < first {
        let what =
            format!("its snapshot is of record {covered}, its records are {first} to {last}");
        return damaged(what);
    }
    Ok(head)
}

/// The length of the header of each SQLite file. Its numbers have the highest byte first; see
/// <https://sqlite.org/fileformat2.html>.
const HEADER_BYTES: usize = 100;

fn number_at(header: &[u8], at: usize) -> u32 {
    header[at..at + 4].iter().fold(0, |sum, byte| sum << 8 | u32::from(*byte))
}

/// Whether a log may be created. Not where a write-ahead log has lost its database.
fn is_free(directory: &Directory) -> Result<bool, JournalError> {
    let wal = directory.wal();
    if fs::metadata(&wal).is_ok_and(|it| it.len() > 0) {
        let what = format!(
            "`{}` is there without `{}`, to which it belongs: restore both, or remove it to begin \
             an empty log",
            wal.display(),
            directory.database().display()
        );
        return Err(JournalError::Damaged { what });
    }
    Ok(false)
}

fn write_empty(path: &Path, head: &Head) -> rusqlite::Result<()> {
    let mut connection = Connection::open(path)?;
    connection.execute_batch("PRAGMA synchronous = FULL; PRAGMA fullfsync = ON;")?;
    let tx = connection.transaction()?;
    tx.execute_batch(TABLES)?;
    tx.execute_batch(PART_LIST)?;
    tx.pragma_update(None, "application_id", APPLICATION_ID)?;
    tx.pragma_update(None, "user_version", FORMAT)?;
    head.write(&tx)?;
    tx.commit()?;
    // The header of the file keeps it for everyone who opens it later.
    connection.execute_batch("PRAGMA journal_mode = WAL;")?;
    connection.close().map_err(|(_, error)| error)
}

fn unreadable(path: &Path, error: &std::io::Error) -> JournalError {
    let doing = format!("reading `{}`", path.display());
    JournalError::Io { doing, why: error.to_string() }
}
