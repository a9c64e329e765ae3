//! The address of a log on a NATS service.

use std::fmt::{self, Debug, Formatter};

use percent_encoding::percent_decode_str;

use super::login::{Login, is_seed};
use super::tls::Tls;

/// The longest name of a log, in bytes.
const NAME_BYTES_MAX: usize = 64;

/// The smallest `max_bytes`: below it a stream would not hold a few batches.
const MAX_BYTES_MIN: u64 = 16 << 20;

const PARAMETERS: &str = "replicas, max_bytes, credentials, nkey, ca, cert, key or tls_first";

/// The servers, the login, and the name of the log.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct NatsAddress {
    /// Each with its scheme, and without secrets.
    pub(super) servers: Vec<String>,
    pub(super) login: Login,
    pub(super) tls: Tls,
    /// The name of the log.
    pub(super) name: String,
    /// How many servers keep the log.
    pub(super) replicas: Option<usize>,
    /// How much all streams of the log may take on each server, in bytes.
    pub(super) max_bytes: Option<u64>,
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
            if !has_port_or_none(host) {
                return Err(format!("{scheme}: with a port that is not 1 to 65535"));
            }
            servers.push(format!("{scheme}://{host}"));
        }
        let is_plain = |it: char| it.is_ascii_alphanumeric() || it == '-' || it == '_';
        if name.is_empty() || name.len() > NAME_BYTES_MAX || !name.chars().all(is_plain) {
            return Err(format!(
                "{scheme}: with a name that is not 1 to {NAME_BYTES_MAX} letters, digits, - or _"
            ));
        }
        let (name, tls) = (name.to_owned(), Tls::default());
        let mut address = Self { servers, login, tls, name, replicas: None, max_bytes: None };
        let mut keys = Vec::new();
        for pair in query.split('&').filter(|it| !it.is_empty()) {
            let key = pair.split('=').next().unwrap_or_default();
            if keys.contains(&key) {
                return Err(format!("{scheme}: with one parameter twice: {key}="));
            }
            keys.push(key);
            address.set(pair).map_err(|found| format!("{scheme}: with {found}"))?;
        }
        let odd = match &address.tls {
            Tls { key: Some(_), certificate: None, .. } => "key= without cert=",
            Tls { is_first: true, .. } if !address.is_tls() => "tls_first=true: expected tls:",
            _ => return Ok(address),
        };
        Err(format!("{scheme}: with {odd}"))
    }

    /// Whether the connections have to be encrypted.
    pub(super) fn is_tls(&self) -> bool {
        self.servers.iter().all(|it| it.starts_with("tls:"))
    }

    fn set(&mut self, pair: &str) -> Result<(), String> {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        match (key, value) {
            ("replicas", "1" | "3" | "5") => self.replicas = value.parse().ok(),
            ("replicas", _) => return Err("replicas that are not 1, 3 or 5".to_owned()),
            ("max_bytes", value) => self.max_bytes = Some(parse_bytes(value)?),
            ("tls_first", "true") => self.tls.is_first = true,
            ("tls_first", "false") => self.tls.is_first = false,
            ("tls_first", _) => return Err("tls_first that is not true or false".to_owned()),
            ("credentials" | "nkey" | "ca" | "cert" | "key", "") => {
                return Err(format!("{key}= that names no file"));
            }
            ("credentials" | "nkey", _) if self.login != Login::Nobody => {
                return Err(format!(
                    "more than one of a user, a token, credentials= and nkey=: {key}= \
                                    has to be alone"
                ));
            }
            ("credentials", _) => self.login = Login::CredentialsFile(decode(value)?.into()),
            ("nkey", _) => self.login = Login::NkeyFile(decode(value)?.into()),
            ("ca", _) => self.tls.ca = Some(decode(value)?.into()),
            ("cert", _) => self.tls.certificate = Some(decode(value)?.into()),
            ("key", _) => self.tls.key = Some(decode(value)?.into()),
            _ => return Err(format!("a parameter that is not {PARAMETERS}")),
        }
        Ok(())
    }
}

impl Login {
    /// Parses the part before the `@`.
    fn parse(login: &str) -> Result<Self, String> {
        match login.split_once(':') {
            Some((user, password)) => {
                Ok(Self::Password { user: decode(user)?, password: decode(password)? })
            }
            None => match decode(login)? {
                seed if is_seed(&seed) => Err("an nkey seed in place of a token: put it into a \
                                               file, and name that by nkey="
                    .to_owned()),
                token => Ok(Self::Token(token)),
            },
        }
    }
}

/// Whether the part behind the host is a port, or nothing.
fn has_port_or_none(host: &str) -> bool {
    // The colons of an IPv6 address are within brackets.
    let behind = host.rsplit_once(']').map_or(host, |(_, behind)| behind);
    behind.split_once(':').is_none_or(|(_, port)| port.parse::<u16>().is_ok_and(|it| it > 0))
}

/// A size, such as `268435456` or `256MiB`.
fn parse_bytes(text: &str) -> Result<u64, String> {
    let digits = text.trim_end_matches(|it: char| it.is_ascii_alphabetic());
    let shift = match &text[digits.len()..] {
        "" => Some(0),
        "KiB" => Some(10),
        "MiB" => Some(20),
        "GiB" => Some(30),
        "TiB" => Some(40),
        _ => None,
    };
    let bytes = shift.zip(digits.parse::<u64>().ok()).and_then(|(shift, it)| {
        it.checked_mul(1 << shift).filter(|it| (MAX_BYTES_MIN..=i64::MAX as u64).contains(it))
    });
    bytes.ok_or_else(|| {
        let min = MAX_BYTES_MIN >> 20;
        format!("max_bytes that is not {min}MiB or more: expected a size such as 10GiB")
    })
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
        assert_eq!((full.replicas, full.tls.ca), (Some(3), Some("/etc/ca .pem".into())));
        let each = parse("nats://u:p@a,u:p@b,c/x").unwrap();
        assert_eq!(each.servers, ["nats://a", "nats://b", "nats://c"]);
        let token = parse("nats://secret@a/x").unwrap();
        assert!(token.login == Login::Token("secret".into()));
        let file = parse("nats://a/x?credentials=/run/nats.creds").unwrap();
        assert!(file.login == Login::CredentialsFile("/run/nats.creds".into()));
        let keys = parse("tls://a/x?nkey=/n&cert=/c&key=/k&tls_first=true").unwrap();
        assert!(keys.login == Login::NkeyFile("/n".into()) && keys.tls.is_first);
        assert_eq!((keys.tls.certificate, keys.tls.key), (Some("/c".into()), Some("/k".into())));
    }

    #[test]
    fn a_size_has_a_unit_of_1024_and_is_not_tiny() {
        for (text, bytes) in [("16777216", 16 << 20), ("256MiB", 256 << 20), ("10GiB", 10 << 30)] {
            let address = parse(&format!("nats://a/x?max_bytes={text}")).unwrap();
            assert_eq!(address.max_bytes, Some(bytes), "{text}");
        }
        for text in ["", "1MiB", "256MB", "256 MiB", "-1", "99999999TiB", "GiB"] {
            let found = parse(&format!("nats://a/x?max_bytes={text}")).unwrap_err();
            assert!(found.contains("max_bytes") && found.contains("10GiB"), "{text}: {found}");
        }
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
            "nats://user:hunter2@a/x?nkey=/hunter2",
            "nats://a/x?nkey=/hunter2&credentials=/hunter2",
            "nats://a/x?key=/hunter2",
            "nats://a/x?tls_first=hunter2",
            "nats://a/x?tls_first=true",
            "nats://a/x?max_bytes=hunter2",
            "nats://a/x?ca=",
            "nats://hunter2%ff@a/x",
            "nats://user:hunter2@a,user:hunter3@b/x",
            "nats://a:99999/x",
            "nats://a:0,b/x",
            "nats://[::1]:hunter2/x",
            "nats://a/x?replicas=3&replicas=5",
        ];
        for url in odd {
            let found = parse(url).unwrap_err();
            assert!(!found.contains("hunter2"), "{url}: {found}");
        }
    }
}
