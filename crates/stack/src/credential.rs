//! The token that a command shows to a server, where it was found, and what to do if it is refused.

use std::path::{Path, PathBuf};

use live_users_http_kit::Env;

use crate::Failure;
use crate::tokens::{ADMIN_TOKEN_FILE, API_TOKEN_FILE, directory, kept};

/// The token of a command.
pub(crate) struct Credential {
    /// `None` if there is none.
    pub(crate) token: Option<String>,
    /// Where it was found, or was looked for in vain.
    pub(crate) origin: Origin,
}

/// Where a token was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// It was given by `--token`.
    Argument,
    /// It is in this variable.
    Variable(&'static str),
    /// A run of `live-users` has drawn it and kept it in this file.
    File(PathBuf),
    /// None of these variables is set, and this file does not exist.
    Nowhere(&'static [&'static str], Option<PathBuf>),
}

/// Which server has answered, as far as its answer tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Backend,
    Proxy,
    /// Something between, or another server.
    Unknown,
}

impl Credential {
    /// The first token in these variables, or the one that is kept in the file of this name beside
    /// the journal. Without a name, no file is read.
    ///
    /// # Errors
    /// If the file cannot be read, or has something else in it.
    pub(crate) fn find(
        env: &Env,
        variables: &'static [&'static str],
        file: Option<&str>,
    ) -> Result<Self, Failure> {
        for &name in variables {
            // Several, during a change: any of them will do.
            let mut all = env.get(name).into_iter().flat_map(|all| all.split(',')).map(str::trim);
            if let Some(token) = all.find(|it| !it.is_empty()) {
                return Ok(Self { token: Some(token.to_owned()), origin: Origin::Variable(name) });
            }
        }
        let Some(name) = file else { return Ok(Self::nowhere(variables, None)) };
        let path = directory(env).map(|it| it.join(name));
        Ok(match (kept(env, name)?, path) {
            (Some(token), Some(path)) => Self { token: Some(token), origin: Origin::File(path) },
            (_, path) => Self::nowhere(variables, path),
        })
    }

    /// The token of a backend's API: that of `API_TOKEN`, or the one that was drawn and kept.
    ///
    /// # Errors
    /// As [`Credential::find`].
    pub(crate) fn of_api(env: &Env) -> Result<Self, Failure> {
        Self::find(env, &["API_TOKEN"], Some(API_TOKEN_FILE))
    }

    fn nowhere(variables: &'static [&'static str], file: Option<PathBuf>) -> Self {
        Self { token: None, origin: Origin::Nowhere(variables, file) }
    }
}

impl Origin {
    /// Where the token came from, for a message that says that it cannot be used.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Argument => "--token".to_owned(),
            Self::Variable(name) => (*name).to_owned(),
            Self::File(path) => path.display().to_string(),
            Self::Nowhere(..) => "the token".to_owned(),
        }
    }

    /// Where the token came from that such a server refuses, and what to do: sentences behind the
    /// refusal, without a dot at the end. `variable` is the one that gives the command another token.
    pub(crate) fn advice(&self, server: Kind, variable: &str) -> String {
        let wanted = match server {
            Kind::Backend => "the API_TOKEN of that backend",
            Kind::Proxy => "the ADMIN_TOKEN of that proxy",
            Kind::Unknown => "the API_TOKEN of a backend, or to the ADMIN_TOKEN of a proxy",
        };
        let set = format!("set {variable} to {wanted}");
        match self {
            Self::Argument => format!("The token came from --token: {set}"),
            Self::Variable(name) => format!("The token came from the variable {name}: {set}"),
            Self::File(path) if server == Kind::Proxy && is_named(path, API_TOKEN_FILE) => format!(
                "The token came from {}, and it is for a backend: name the proxy's port by \
                 --proxy-port, so that the one of {ADMIN_TOKEN_FILE} is shown, or {set}",
                path.display()
            ),
            Self::File(path) => format!(
                "The token came from {}, where a run of `live-users` has kept it, and that server has \
                 another one: run this in the directory where it was started, or {set}",
                path.display()
            ),
            Self::Nowhere(variables, file) => {
                let file = file.as_ref().map(|it| format!(", and {} does not exist", it.display()));
                format!(
                    "No token was found: not in {}{}. Run this in the directory where the server \
                     was started, or {set}",
                    variables.join(", "),
                    file.unwrap_or_default()
                )
            }
        }
    }
}

fn is_named(path: &Path, name: &str) -> bool {
    path.file_name().is_some_and(|it| it == name)
}

/// Which server has refused with this answer.
pub(crate) fn kind_of(answer: &serde_json::Value) -> Kind {
    // Every answer of a proxy has it.
    match (answer["success"].is_boolean(), answer["error"].is_string()) {
        (true, _) => Kind::Proxy,
        (false, true) => Kind::Backend,
        (false, false) => Kind::Unknown,
    }
}

/// What an answer says that refuses: its error, and what is expected in place of it.
pub(crate) fn text_of(answer: &serde_json::Value) -> Option<String> {
    let error = answer["error"].as_str()?;
    Some(match answer["expected"].as_str() {
        Some(expected) if !error.contains(expected) => format!("{error}; expected {expected}"),
        _ => error.to_owned(),
    })
}
