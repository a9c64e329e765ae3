//! The proxy's settings.

mod backends;

pub(crate) use backends::NamedBy;

use std::str::FromStr;
use std::time::Duration;

use live_users_http_kit::{
    AllowedOrigins, BearerToken, ClientLimits, ConfigErrors, Env, ListenAddress, ReadLimit,
    SettingsReader, StreamsMax, TrustedProxies, read_secret,
};
use reqwest::Url;
use reqwest::header::HeaderValue;

/// The port that the proxy listens on by default.
pub const DEFAULT_PORT: u16 = 3000;

const BACKEND_TIMEOUT_MS_DEFAULT: u64 = 3000;
const BACKEND_TIMEOUT_MS_MIN: u64 = 100;
const BACKEND_TIMEOUT_MS_MAX: u64 = 30_000;

const SESSION_HOURS_DEFAULT: u64 = 12;
const SESSION_HOURS_MAX: u64 = 30 * 24;

/// The settings of the proxy.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where the command listens (`HOST`, `PORT`).
    pub listen: ListenAddress,
    /// Where the backend is, with a slash at the end of its path (`BACKEND_URL`). With several shards one
    /// for each, in their order (`SHARDS` alone or with `SHARD_BACKENDS`, or `BACKEND_URLS`).
    pub backends: Vec<Url>,
    /// Which settings said where.
    pub(crate) backends_named_by: NamedBy,
    /// How long one exchange with the backend may take, from connecting to the last byte of the
    /// body (`BACKEND_TIMEOUT_MS`).
    pub backend_timeout: Duration,
    /// What the backend is shown in `Authorization` (`BACKEND_TOKEN`); it says nothing beyond the
    /// total without. Sensitive: no `Debug` shows it.
    pub backend_authorization: Option<HeaderValue>,
    /// Who may read more than the total; nobody without (`ADMIN_TOKEN`).
    pub admin: Option<BearerToken>,
    /// How long an admin stays signed in (`SESSION_HOURS`).
    pub session: Duration,
    /// Which reverse proxies in front say who the client is (`TRUSTED_PROXIES`,
    /// `TRUST_FORWARDED_HEADERS`).
    pub trusted_proxies: TrustedProxies,
    /// Other origins whose pages may read the count (`ALLOWED_ORIGINS`).
    pub allowed_origins: AllowedOrigins,
    /// How many streams may be open at once (`STREAMS_MAX`).
    pub streams_max: StreamsMax,
    /// Whether everybody may read the total.
    pub public_total: bool,
    /// Whether polled answers tell everybody how many are suspect, not only on request.
    pub public_suspect: bool,
    /// Reads of the total by one client in a second; 0 for no limit.
    pub reads_per_second: u32,
    /// What clients may take of the server.
    pub limits: ClientLimits,
    /// The command that fills a demonstration with simulated callers, which the page shows while no
    /// call was heard of. No variable sets it: only whoever runs a demonstration knows the command.
    pub simulate: Option<String>,
}

impl Config {
    /// Reads all settings.
    ///
    /// # Errors
    /// Everything that is wrong with them.
    pub fn read(env: &Env) -> Result<Self, ConfigErrors> {
        let mut reader = SettingsReader::new(env);
        let listen = ListenAddress::read(&mut reader, DEFAULT_PORT);
        let (backends_named_by, backends) = backends::read(&mut reader);
        let TimeoutMs(timeout_ms) = reader.parsed(
            "BACKEND_TIMEOUT_MS",
            TimeoutMs(BACKEND_TIMEOUT_MS_DEFAULT),
            &format!("milliseconds from {BACKEND_TIMEOUT_MS_MIN} to {BACKEND_TIMEOUT_MS_MAX}"),
        );
        let backend_authorization = read_secret(&mut reader, "BACKEND_TOKEN").and_then(bearer);
        let admin = BearerToken::read_for(&mut reader, "ADMIN_TOKEN", listen);
        tell_apart(&mut reader, "ADMIN_TOKEN", "BACKEND_TOKEN");
        let SessionHours(session_hours) = reader.parsed(
            "SESSION_HOURS",
            SessionHours(SESSION_HOURS_DEFAULT),
            &format!("hours from 1 to {SESSION_HOURS_MAX}"),
        );
        let trusted_proxies = TrustedProxies::read(&mut reader);
        let allowed_origins = AllowedOrigins::read(&mut reader);
        let streams_max = StreamsMax::read(&mut reader);
        let public_total = reader.switch_or("PUBLIC_TOTAL", true);
        let public_suspect = reader.switch("PUBLIC_SUSPECT");
        let reads_per_second = ReadLimit::read(&mut reader);
        let limits = ClientLimits::read(&mut reader, streams_max);
        reader.finish(())?;
        Ok(Self {
            listen,
            backends,
            backends_named_by,
            backend_timeout: Duration::from_millis(timeout_ms),
            backend_authorization,
            admin,
            session: Duration::from_secs(session_hours * 3600),
            trusted_proxies,
            allowed_origins,
            streams_max,
            public_total,
            public_suspect,
            reads_per_second,
            limits,
            simulate: None,
        })
    }
}

/// One token that has leaked must not give the other one away.
fn tell_apart(reader: &mut SettingsReader<'_>, one: &str, other: &str) {
    let others = reader.list(other);
    if reader.list(one).iter().any(|token| others.contains(token)) {
        reader.error(format!(
            "{one} and {other} have a token in common: expected different ones, so that who has \
             found one does not have the other"
        ));
    }
}

/// `None` only for a token that no header can hold, which is a mistake already.
fn bearer(token: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(&format!("Bearer {token}")).ok()?;
    value.set_sensitive(true);
    Some(value)
}

struct TimeoutMs(u64);

impl FromStr for TimeoutMs {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let ms = text.parse().map_err(|_| ())?;
        let bounds = BACKEND_TIMEOUT_MS_MIN..=BACKEND_TIMEOUT_MS_MAX;
        if bounds.contains(&ms) { Ok(Self(ms)) } else { Err(()) }
    }
}

struct SessionHours(u64);

impl FromStr for SessionHours {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let hours = text.parse().map_err(|_| ())?;
        if (1..=SESSION_HOURS_MAX).contains(&hours) { Ok(Self(hours)) } else { Err(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_in_the_backend_url_is_not_repeated() {
        let env = Env::of([("BACKEND_URL", "http://user:hunter2@backend")]);
        let mistakes = Config::read(&env).unwrap_err().to_string();
        assert!(mistakes.contains("BACKEND_URL") && !mistakes.contains("hunter2"), "{mistakes}");
    }

    #[test]
    fn tokens_are_neither_repeated_nor_shown() {
        let env = Env::of([("BACKEND_URL", "http://127.0.0.1:8080")]);
        let good = env.clone().with("BACKEND_TOKEN", "0123456789abcdef");
        let good = Config::read(&good.with("ADMIN_TOKEN", "fedcba9876543210")).unwrap();
        assert_eq!(good.backend_authorization.clone().unwrap(), "Bearer 0123456789abcdef");
        let shown = format!("{good:?}");
        assert!(!shown.contains("0123456789abcdef") && !shown.contains("fedcba98"), "{shown}");

        let weak = env.with("BACKEND_TOKEN", "hunter2").with("ADMIN_TOKEN", "hunter3");
        let ConfigErrors(mistakes) = Config::read(&weak).unwrap_err();
        assert_eq!(mistakes.len(), 2, "{mistakes:?}");
        for (mistake, name) in mistakes.iter().zip(["BACKEND_TOKEN", "ADMIN_TOKEN"]) {
            assert!(mistake.contains(name) && !mistake.contains("hunter"), "{mistake}");
        }
    }

    #[test]
    fn where_others_can_reach_the_proxy_there_has_to_be_an_admin_token() {
        let env = Env::of([("BACKEND_URL", "http://127.0.0.1:8080"), ("HOST", "0.0.0.0")]);
        let ConfigErrors(mistakes) = Config::read(&env).unwrap_err();
        assert_eq!(mistakes.len(), 1, "{mistakes:?}");
        assert!(mistakes[0].contains("ADMIN_TOKEN is not set"), "{mistakes:?}");
        assert!(Config::read(&env.with("ADMIN_TOKEN", "fedcba9876543210")).is_ok());
    }

    #[test]
    fn the_two_tokens_are_different_ones_also_while_they_are_changed() {
        let read = |admin: &str, backend: &str| {
            let env = Env::of([("BACKEND_URL", "http://127.0.0.1:8080"), ("ADMIN_TOKEN", admin)]);
            Config::read(&env.with("BACKEND_TOKEN", backend)).map(|_| ())
        };
        let (one, two, three) = ("0123456789abcdef", "fedcba9876543210", "0011223344556677");
        assert_eq!(read(one, two), Ok(()));
        assert_eq!(read(one, ""), Ok(()));
        for (admin, backend) in [
            (one.to_owned(), one.to_owned()),
            (format!("{two},{one}"), one.to_owned()),
            (one.to_owned(), format!("{three}, {one}")),
        ] {
            let ConfigErrors(mistakes) = read(&admin, &backend).unwrap_err();
            assert_eq!(mistakes.len(), 1, "{mistakes:?}");
            let told = &mistakes[0];
            assert!(
                told.contains("ADMIN_TOKEN and BACKEND_TOKEN") && !told.contains(one),
                "{told}"
            );
        }
    }

    #[test]
    fn a_session_is_bounded() {
        let base = Env::of([("BACKEND_URL", "http://127.0.0.1:8080")]);
        let session = |text| Config::read(&base.clone().with("SESSION_HOURS", text));
        assert_eq!(session("").unwrap().session, Duration::from_secs(12 * 3600));
        assert_eq!(session("1").unwrap().session, Duration::from_secs(3600));
        assert_eq!(session("720").unwrap().session, Duration::from_secs(720 * 3600));
        for wrong in ["0", "721", "12h", "-1"] {
            let mistakes = session(wrong).unwrap_err().to_string();
            assert!(mistakes.contains("SESSION_HOURS"), "{mistakes}");
        }
    }

    #[test]
    fn the_timeout_is_bounded() {
        let base = Env::of([("BACKEND_URL", "http://127.0.0.1:8080")]);
        let timeout = |text| Config::read(&base.clone().with("BACKEND_TIMEOUT_MS", text));
        assert_eq!(timeout("100").unwrap().backend_timeout.as_millis(), 100);
        assert_eq!(timeout("").unwrap().backend_timeout.as_millis(), 3000);
        assert_eq!(timeout("30000").unwrap().backend_timeout.as_millis(), 30_000);
        for wrong in ["99", "30001", "3s", "-1"] {
            let mistakes = timeout(wrong).unwrap_err().to_string();
            assert!(mistakes.contains("BACKEND_TIMEOUT_MS"), "{mistakes}");
        }
    }
}
