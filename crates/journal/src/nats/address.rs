//! The address of a log on a NATS service.

use std::fmt::{self, Debug, Formatter};
use std::path::PathBuf;

use percent_encoding::percent_decode_str;

/// The longest name of a log, in bytes.
const NAME_BYTES_MAX: usize = 64;

/// The servers, the login, and the name of the log.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct NatsAddress {
    /// Each with its scheme, and without secrets.
    pub(super) servers: Vec<String>,
    pub(super) login: Login,
    /// Certificates to trust beside those of the system.
    pub(super) ca: Option<PathBuf>,
    /// The name of the log.
    pub(super) name: String,
    /// How many servers keep the log.
    pub(super) replicas: Option<usize>,
}

#[derive(Clone, PartialEq, Eq)]
pub(super) enum Login {
    Nobody,
    Password { user: String, password: String },
    Token(String),
    CredentialsFile(PathBuf),
}

impl NatsAddress {
    /// Parses the part after the colon of `nats:` or `tls:`.
    pub(crate) fn parse(scheme: &str, rest: &str) -> Result<Self, String> {
        // Trap: no error repeats anything before the `@`.
        let rest = rest.strip_prefix("//").ok_or_else(|| format!("{scheme}: without //"))?;
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (hosts, name) = rest
            .rsplit_once('/')
            .ok_or_else(|| format!("{scheme}: without the name of a journal at its end"))?;
        let (mut login, mut servers) = (Login::Nobody, Vec::new());
        for host in hosts.split(',') {
            let (own, host) = host.rsplit_once('@').unwrap_or(("", host));
            if !own.is_empty() {
                let own = Login::parse(own)?;
                if login != Login::Nobody && login != own {
                    return Err(format!("{scheme}: with more than one user"));
                }
                login = own;
            }
            if host.is_empty() || host.contains(['/', ' ']) {
                return Err(format!("{scheme}: with a host that is none"));
            }
            servers.push(format!("{scheme}://{host}"));
        }
        let is_plain = |it: char| it.is_ascii_alphanumeric() || it == '-' || it == '_';
        if name.is_empty() || name.len() > NAME_BYTES_MAX || !name.chars().all(is_plain) {
            return Err(format!(
                "{scheme}: with a name that is not 1 to {NAME_BYTES_MAX} letters, digits, - or _"
            ));
        }
        let (name, ca, replicas) = (name.to_owned(), None, None);
        let mut address = Self { servers, login, ca, name, replicas };
        for pair in query.split('&').filter(|it| !it.is_empty()) {
            address.set(pair).map_err(|found| format!("{scheme}: with {found}"))?;
        }
        Ok(address)
    }

    fn set(&mut self, pair: &str) -> Result<(), String> {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        match (key, value) {
            ("replicas", "1" | "3" | "5") => self.replicas = value.parse().ok(),
            ("replicas", _) => return Err("replicas that are not 1, 3 or 5".to_owned()),
            ("credentials" | "ca", "") => return Err(format!("{key} that name no file")),
            ("credentials", _) if self.login != Login::Nobody => {
                return Err("both a user and credentials".to_owned());
            }
            ("credentials", _) => {
                self.login = Login::CredentialsFile(decode(value)?.into());
            }
            ("ca", _) => self.ca = Some(decode(value)?.into()),
            _ => return Err("a parameter that is not replicas, credentials or ca".to_owned()),
        }
        Ok(())
    }
}

impl Login {
    fn parse(login: &str) -> Result<Self, String> {
        match login.split_once(':') {
            Some((user, password)) => {
                Ok(Self::Password { user: decode(user)?, password: decode(password)? })
            }
            None => Ok(Self::Token(decode(login)?)),
        }
    }
}

fn decode(text: &str) -> Result<String, String> {
    let decoded = percent_decode_str(text).decode_utf8();
    decoded.map(Into::into).map_err(|_| "something that is not UTF-8".to_owned())
}

impl Debug for NatsAddress {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut it = f.debug_struct("NatsAddress");
        it.field("servers", &self.servers).field("name", &self.name).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(url: &str) -> Result<NatsAddress, String> {
        let (scheme, rest) = url.split_once(':').unwrap();
        NatsAddress::parse(scheme, rest)
    }

    #[test]
    fn servers_login_and_name_are_taken_apart() {
        let plain = parse("nats://localhost:4222/calls").unwrap();
        assert_eq!(plain.servers, ["nats://localhost:4222"]);
        assert_eq!((plain.name.as_str(), plain.replicas), ("calls", None));
        assert!(plain.login == Login::Nobody);
        let full = "tls://us%65r:p%40ss@a:1,b,[::1]:3/x_1-y?replicas=3&ca=/etc/ca%20.pem";
        let full = parse(full).unwrap();
        assert_eq!(full.servers, ["tls://a:1", "tls://b", "tls://[::1]:3"]);
        assert!(full.login == Login::Password { user: "user".into(), password: "p@ss".into() });
        assert_eq!((full.replicas, full.ca), (Some(3), Some("/etc/ca .pem".into())));
        let each = parse("nats://u:p@a,u:p@b,c/x").unwrap();
        assert_eq!(each.servers, ["nats://a", "nats://b", "nats://c"]);
        let token = parse("nats://secret@a/x").unwrap();
        assert!(token.login == Login::Token("secret".into()));
        let file = parse("nats://a/x?credentials=/run/nats.creds").unwrap();
        assert!(file.login == Login::CredentialsFile("/run/nats.creds".into()));
    }

    #[test]
    fn nothing_secret_is_repeated() {
        let address = parse("nats://user:hunter2@a/x").unwrap();
        assert!(!format!("{address:?}").contains("hunter2"));
        let odd = [
            "nats:user:hunter2@a/x",
            "nats://user:hunter2@a",
            "nats://user:hunter2@/x",
            "nats://user:hunter2@a/",
            "nats://user:hunter2@a/x.y",
            "nats://user:hunter2@a,/x",
            "nats://user:hunter2@a/x?replicas=2",
            "nats://user:hunter2@a/x?password=hunter2",
            "nats://user:hunter2@a/x?credentials=/hunter2",
            "nats://a/x?ca=",
            "nats://hunter2%ff@a/x",
            "nats://user:hunter2@a,user:hunter3@b/x",
        ];
        for url in odd {
            let found = parse(url).unwrap_err();
            assert!(!found.contains("hunter2"), "{url}: {found}");
        }
    }
}
