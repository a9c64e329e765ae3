//! The tokens that the command draws, and keeps beside the journal.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use live_users_http_kit::Env;

use crate::Failure;

/// The file with the `ADMIN_TOKEN`.
pub(crate) const ADMIN_TOKEN_FILE: &str = "admin-token";

/// The file with the `API_TOKEN`.
pub(crate) const API_TOKEN_FILE: &str = "api-token";

/// As the backend has it.
const JOURNAL_URL_DEFAULT: &str = "file:./data";

/// The digits of a token that is drawn here.
const DIGITS: usize = 32;

/// A token that was drawn.
pub(crate) struct Drawn {
    /// The token itself.
    pub(crate) token: String,
    /// The file that keeps it; `None` if it holds for this run only.
    pub(crate) file: Option<PathBuf>,
}

/// The token of this file, which is drawn unless it is there. Without a directory for it, it is
/// drawn for this run.
pub(crate) fn drawn(env: &Env, name: &str) -> Result<Drawn, Failure> {
    let token = draw()?;
    let Some(directory) = directory(env) else { return Ok(Drawn { token, file: None }) };
    let file = directory.join(name);
    match create(&directory, &file, &token) {
        Ok(()) => return Ok(Drawn { token, file: Some(file) }),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
        Err(error) => {
            // The journal has the same trouble, and both servers run all the same.
            log::warn!("{} cannot be written, so its token is for this run: {error}", show(&file));
            return Ok(Drawn { token, file: None });
        }
    }
    let token = read(&file)?
        .ok_or_else(|| Failure::run(format!("{} has just been deleted", show(&file))))?;
    Ok(Drawn { token, file: Some(file) })
}

/// The token of this file, if it is there.
pub(crate) fn kept(env: &Env, name: &str) -> Result<Option<String>, Failure> {
    directory(env).map_or(Ok(None), |directory| read(&directory.join(name)))
}

/// The directory of the journal, if it has one.
pub(crate) fn directory(env: &Env) -> Option<PathBuf> {
    let url = env.get("JOURNAL_URL").unwrap_or(JOURNAL_URL_DEFAULT);
    let path = url.strip_prefix("file:")?;
    // A relative path has no slashes before it, as in the address of a journal.
    let path = path.strip_prefix("//").unwrap_or(path);
    (!path.is_empty()).then(|| PathBuf::from(path))
}

/// A token that nobody can guess: 128 bits, in hexadecimal.
pub(crate) fn draw() -> Result<String, Failure> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)
        .map_err(|error| Failure::run(format!("cannot draw a token at random: {error}")))?;
    Ok(format!("{:0DIGITS$x}", u128::from_ne_bytes(bytes)))
}

/// Creates the file with all that is in it, so that another process never reads a part of it.
fn create(directory: &Path, file: &Path, token: &str) -> io::Result<()> {
    if file.try_exists()? {
        return Err(ErrorKind::AlreadyExists.into());
    }
    DirBuilder::new().recursive(true).mode(0o755).create(directory)?;
    // Threads of one process and processes of several machines may do the same.
    let own = format!("{}.{}", file.display(), &token[DIGITS / 2..]);
    let written = write(Path::new(&own), token).and_then(|()| match fs::hard_link(&own, file) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => write(file, token),
        linked => linked,
    });
    let _was_never_created = fs::remove_file(&own);
    written
}

/// Writes a new file that only its owner can read.
fn write(file: &Path, token: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file)?;
    file.write_all(format!("{token}\n").as_bytes())?;
    file.sync_all()
}

/// Reads a file, which only its owner can read from then on.
fn read(path: &Path) -> Result<Option<String>, Failure> {
    let failed = |error: io::Error| Failure::run(format!("{}: {error}", show(path)));
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    let mut text = String::new();
    let found = file.metadata().map_err(failed)?;
    if found.is_file() {
        if found.mode() & 0o077 != 0 {
            file.set_permissions(Permissions::from_mode(0o600)).map_err(failed)?;
        }
        let _no_text = file.take(DIGITS as u64 + 3).read_to_string(&mut text);
    }
    let token = text.trim_end();
    let is_token = token.len() == DIGITS && token.bytes().all(|it| it.is_ascii_hexdigit());
    if is_token {
        return Ok(Some(token.to_owned()));
    }
    Err(Failure::usage(format!(
        "{} has no token that was drawn here: expected {DIGITS} hexadecimal digits; delete it, and \
         another one is drawn",
        show(path)
    )))
}

fn show(path: &Path) -> impl std::fmt::Display + '_ {
    path.display()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(directory: &Path) -> Env {
        Env::of([("JOURNAL_URL", &format!("file:{}", directory.display()))])
    }

    fn token(env: &Env) -> String {
        drawn(env, API_TOKEN_FILE).map_err(|failure| failure.message).expect("a token").token
    }

    #[test]
    fn all_who_draw_at_once_end_with_the_same_token() {
        let folder = tempfile::tempdir().unwrap();
        let env = env(&folder.path().join("data"));
        let tokens: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..16).map(|_| scope.spawn(|| token(&env))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(tokens.iter().all(|it| *it == tokens[0] && it.len() == DIGITS), "{tokens:?}");
        let files: Vec<_> = fs::read_dir(folder.path().join("data")).unwrap().collect();
        assert_eq!(files.len(), 1, "nothing is left over: {files:?}");
    }

    #[test]
    fn a_journal_without_a_directory_keeps_no_token() {
        for url in ["memory:", "nats://127.0.0.1:4222/journal"] {
            let env = Env::of([("JOURNAL_URL", url)]);
            let drawn = drawn(&env, API_TOKEN_FILE).map_err(|it| it.message).unwrap();
            assert!(drawn.file.is_none() && drawn.token != token(&env), "{url}");
        }
    }

    #[test]
    fn the_directory_is_that_of_the_journal() {
        let of = |url: &str| directory(&Env::of([("JOURNAL_URL", url)]));
        assert_eq!(of(""), Some("./data".into()));
        assert_eq!(of("file:here"), Some("here".into()));
        assert_eq!(of("file:///there"), Some("/there".into()));
        assert_eq!(of("file:"), None);
    }
}
