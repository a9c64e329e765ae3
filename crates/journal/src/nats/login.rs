//! The login of a connection.
//!
//! Files are read for each connection, so a renewed one is used from the next connection on. A
//! service ends a connection when its credentials expire, and the client opens the next one.

use std::path::{Path, PathBuf};

use async_nats::Auth;
use nkeys::{KeyPair, KeyPairType};

use crate::JournalError;

#[derive(Clone, PartialEq, Eq)]
pub(super) enum Login {
    Nobody,
    Password {
        user: String,
        password: String,
    },
    Token(String),
    /// A JWT and the nkey seed that signs for it, as `nsc` writes them.
    CredentialsFile(PathBuf),
    /// An nkey seed alone.
    NkeyFile(PathBuf),
}

impl Login {
    /// What answers this challenge of a server.
    ///
    /// # Errors
    /// [`JournalError::UnusableFile`]. It repeats nothing of the file.
    pub(super) async fn answer(&self, nonce: &[u8]) -> Result<Auth, JournalError> {
        let mut auth = Auth::new();
        match self {
            Self::Nobody => {}
            Self::Password { user, password } => {
                auth.username = Some(user.clone());
                auth.password = Some(password.clone());
            }
            Self::Token(token) => auth.token = Some(token.clone()),
            Self::CredentialsFile(path) => {
                let (text, unusable) = (read("credentials", path).await?, unusable(path));
                let jwt = block_of(&text, "USER JWT").ok_or_else(|| unusable("USER JWT"))?;
                let seed =
                    block_of(&text, "USER NKEY SEED").ok_or_else(|| unusable("USER NKEY SEED"))?;
                let key = user_key(seed).ok_or_else(|| unusable("USER NKEY SEED"))?;
                auth.jwt = Some(jwt.to_owned());
                auth.signature = key.sign(nonce).ok();
            }
            Self::NkeyFile(path) => {
                let text = read("nkey", path).await?;
                let key = text.lines().find_map(user_key).ok_or_else(|| {
                    let why =
                        "has no line that is the nkey seed of a user: expected SU and 56 more \
                               letters and digits"
                            .to_owned();
                    JournalError::UnusableFile { parameter: "nkey", path: path.clone(), why }
                })?;
                auth.nkey = Some(key.public_key());
                auth.signature = key.sign(nonce).ok();
            }
        }
        Ok(auth)
    }
}

/// Whether this is a seed. As a token it would be sent to the service.
pub(super) fn is_seed(text: &str) -> bool {
    KeyPair::from_seed(text.trim()).is_ok()
}

fn user_key(line: &str) -> Option<KeyPair> {
    KeyPair::from_seed(line.trim()).ok().filter(|it| it.key_pair_type() == KeyPairType::User)
}

/// The line after the one that begins the block of this name.
fn block_of<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let mut lines = text.lines();
    lines.find(|it| it.starts_with("---") && it.contains("BEGIN") && it.contains(name))?;
    lines.next().map(str::trim).filter(|it| !it.is_empty())
}

fn unusable(path: &Path) -> impl Fn(&str) -> JournalError + '_ {
    move |block| JournalError::UnusableFile {
        parameter: "credentials",
        path: path.to_owned(),
        why: format!(
            "has no usable block {block}: expected a file that `nsc generate creds` wrote"
        ),
    }
}

async fn read(parameter: &'static str, path: &Path) -> Result<String, JournalError> {
    tokio::fs::read_to_string(path).await.map_err(|error| JournalError::UnusableFile {
        parameter,
        path: path.to_owned(),
        why: format!("cannot be read: {error}"),
    })
}
