//! Variables of the environment that are nearly the name of a setting. A setting that nobody reads is
//! otherwise missed only later, by what does not happen.

use crate::Env;

/// The settings of both servers, of `live-users` and of its clients, in the order of the alphabet. What belongs to
/// OpenTelemetry is not among them: who exports tells of each such variable that is not read.
const SETTINGS: [&str; 56] = [
    "ADMIN_TOKEN",
    "AGENTS_FILE",
    "ALLOWED_ORIGINS",
    "ALLOW_UNSIGNED_WEBHOOKS",
    "API_TOKEN",
    "BACKEND_TIMEOUT_MS",
    "BACKEND_TOKEN",
    "BACKEND_URL",
    "BACKEND_URLS",
    "CALLER_HASH_KEY",
    "CHAT_TIMEOUT_MS",
    "CONNECTIONS_MAX",
    "CONNECTIONS_PER_ADDRESS",
    "CONNECTIONS_WAITING_MAX",
    "COUNT",
    "COUNT_HANDED_OVER",
    "FAREWELL_PHRASES",
    "HISTORY_HOURS_KEEP_DAYS",
    "HISTORY_MINUTES_KEEP_HOURS",
    "HISTORY_QUARTERS_KEEP_DAYS",
    "HOST",
    "JOURNAL_KEEP_HOURS",
    "JOURNAL_URL",
    "KEEP_ALIVE_MS",
    "LIVE_USERS_TOKEN",
    "MAX_CALL_HOURS",
    "PORT",
    "PUBLIC_BY_AGENT",
    "PUBLIC_SUSPECT",
    "PUBLIC_TOTAL",
    "PUBLIC_URL",
    "READS_PER_SECOND",
    "REFEREE_LOOK_SECONDS",
    "REFEREE_REQUESTS_PER_MINUTE",
    "REQUEST_BODY_BYTES_PER_SECOND",
    "REQUEST_BODY_MS",
    "REQUEST_HEAD_MS",
    "RUST_LOG",
    "SESSION_HOURS",
    "SHARDS",
    "SHARDS_HERE",
    "SHARD_BACKENDS",
    "SHARD_BY",
    "SHARED_NUMBERS",
    "STREAMS_MAX",
    "STREAMS_RESERVED",
    "SUSPECT_AFTER_SECONDS",
    "SUSPECT_SHARE_PERCENT",
    "TRUSTED_PROXIES",
    "TRUST_FORWARDED_HEADERS",
    "TWILIO_ACCOUNT_SID",
    "TWILIO_API_KEY_SECRET",
    "TWILIO_API_KEY_SID",
    "TWILIO_API_URL",
    "TWILIO_AUTH_TOKEN",
    "TWILIO_WEBHOOK_ACCOUNTS",
];

/// A shorter name is near to many that have nothing to do with it, such as `COUNT` to `MOUNT`.
const CHARS_MIN: usize = 8;

/// From this length on two slips still leave no doubt which name was meant.
const CHARS_FOR_TWO: usize = 13;

/// Another program's.
const OF_OTHERS: [&str; 1] = ["RUSTC_LOG"];

/// One sentence for each variable that is no setting and nearly one: `PUBLIC_ULR is no setting; did you mean
/// PUBLIC_URL?`. Values are never in it.
pub fn misspelt(env: &Env) -> Vec<String> {
    let told = |name: &str| {
        let meant = meant(name)?;
        Some(format!("{name} is no setting; did you mean {meant}?"))
    };
    env.names().filter_map(told).collect()
}

/// Logs each of them as a warning.
pub fn warn_of_misspelt(env: &Env) {
    misspelt(env).iter().for_each(|line| log::warn!("{line}"));
}

/// The setting that this name is nearly.
fn meant(name: &str) -> Option<&'static str> {
    // Nothing that is longer can be near, and none is worth the look.
    let is_other = name.len() > 64 || SETTINGS.contains(&name) || OF_OTHERS.contains(&name);
    if is_other || SETTINGS.iter().any(|setting| is_named_after(name, setting)) {
        return None;
    }
    let upper = name.to_ascii_uppercase().replace('-', "_");
    let near = SETTINGS.iter().filter(|it| it.len() >= CHARS_MIN);
    let near = near.map(|setting| (slips(&upper, setting), *setting));
    let near = near.filter(|(slips, setting)| *slips <= slips_max(setting));
    near.min().map(|(_, setting)| setting)
}

/// Whether somebody has named a variable after a setting, such as `TWILIO_AUTH_TOKEN_2`, which the agents
/// file may name.
fn is_named_after(name: &str, setting: &str) -> bool {
    let behind =
        name.strip_prefix(setting).is_some_and(|rest| !rest.chars().all(char::is_alphabetic));
    behind || name.strip_suffix(setting).is_some_and(|rest| rest.ends_with('_'))
}

/// In halves, as [`slips`].
fn slips_max(setting: &str) -> usize {
    if setting.len() < CHARS_FOR_TWO { 2 } else { 4 }
}

/// How many letters were left out, added, exchanged with the next one or mistyped from one name to the other (the
/// distance of Damerau and Levenshtein, without changes within what was exchanged). It is told in halves: a
/// mistyped letter in a short name is three, since `APP_TOKEN` is not meant for `API_TOKEN`.
fn slips(name: &str, setting: &str) -> usize {
    let (a, b) = (name.as_bytes(), setting.as_bytes());
    let mistyped = if setting.len() < 10 { 3 } else { 2 };
    let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
    for i in 0..=a.len() {
        for j in 0..=b.len() {
            if i == 0 || j == 0 {
                rows[i][j] = 2 * (i + j);
                continue;
            }
            let other = if a[i - 1] == b[j - 1] { 0 } else { mistyped };
            let mut least =
                (rows[i - 1][j - 1] + other).min(2 + rows[i - 1][j].min(rows[i][j - 1]));
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                least = least.min(rows[i - 2][j - 2] + 2);
            }
            rows[i][j] = least;
        }
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_settings_are_those_that_are_explained() {
        let document = include_str!("../../../docs/SETTINGS.md");
        let cells = document.lines().filter_map(|line| line.strip_prefix("| `"));
        let cells = cells.filter_map(|line| line.split(" | ").next());
        let names = cells.flat_map(|cell| cell.split(['`', ',', ' ']));
        let is_name = |it: &&str| {
            !it.is_empty()
                && !it.ends_with('_')
                && it.bytes().all(|b| b.is_ascii_uppercase() || b == b'_')
        };
        let explained: Vec<_> =
            names.filter(is_name).filter(|it| !it.starts_with("OTEL_")).collect();
        assert!(explained.len() > 40, "{explained:?}");
        for name in &explained {
            assert!(SETTINGS.contains(name), "{name}");
        }
        // That of the clients is explained where they are.
        for name in SETTINGS.iter().filter(|it| **it != "LIVE_USERS_TOKEN") {
            assert!(explained.contains(name), "{name}");
        }
        assert!(SETTINGS.is_sorted());
    }

    #[test]
    fn a_name_that_is_nearly_a_settings_is_told_with_it_and_no_value() {
        for (name, setting) in [
            ("PUBLIC_ULR", "PUBLIC_URL"),
            ("PUBLIC_URI", "PUBLIC_URL"),
            ("TWILIO_AUTH_TOKN", "TWILIO_AUTH_TOKEN"),
            ("TWILLIO_AUTH_TOKEN", "TWILIO_AUTH_TOKEN"),
            ("TWILIO_AUHT_TOKN", "TWILIO_AUTH_TOKEN"),
            ("TWILIO_AUTH_TOKENS", "TWILIO_AUTH_TOKEN"),
            ("twilio_auth_token", "TWILIO_AUTH_TOKEN"),
            ("TWILIO-AUTH-TOKEN", "TWILIO_AUTH_TOKEN"),
            ("TWILIO_ACCOUNT_ID", "TWILIO_ACCOUNT_SID"),
            ("API_TOKENS", "API_TOKEN"),
            ("API_TOKN", "API_TOKEN"),
            ("AGENT_FILE", "AGENTS_FILE"),
            ("ALLOWED_ORIGIN", "ALLOWED_ORIGINS"),
            ("CALLER_HASHKEY", "CALLER_HASH_KEY"),
        ] {
            let told = misspelt(&Env::of([(name, "hunter2")]));
            assert_eq!(told, [format!("{name} is no setting; did you mean {setting}?")]);
        }
    }

    #[test]
    fn what_is_a_setting_or_somebody_elses_is_not_told() {
        for name in SETTINGS {
            assert_eq!(misspelt(&Env::of([(name, "1")])), [""; 0], "{name}");
        }
        let others = "PATH HOME HOST HOSTNAME PORT PWD OLDPWD USER LOGNAME SHELL SHLVL TERM LANG LC_ALL TZ TMPDIR \
            EDITOR PAGER MAIL DISPLAY COLORTERM NO_COLOR CI DEBUG LOG_LEVEL RUST_BACKTRACE RUSTC_LOG RUSTUP_HOME \
            CARGO_HOME NODE_ENV APP_TOKEN NPM_TOKEN GH_TOKEN CI_TOKEN APP_URL API_URL API_KEY APP_SECRET \
            PUBLIC_KEY PUBLIC_HOST PUBLIC_IP BASE_URL DATABASE_URL REDIS_URL FRONTEND_URL FRONTEND_TOKEN BACKEND_PORT \
            JOURNAL_STREAM INVOCATION_ID NOTIFY_SOCKET SSH_AUTH_SOCK XDG_RUNTIME_DIR HTTP_PROXY HTTPS_PROXY \
            NO_PROXY ALL_PROXY SSL_CERT_FILE SSL_CERT_DIR KUBERNETES_SERVICE_HOST KUBERNETES_PORT \
            TWILIO_PHONE_NUMBER TWILIO_AUTH_TOKEN_2 TWILIO_AUTH_TOKEN2 TWILIO_API_KEY TWILIO_API_SECRET \
            TWILIO_REGION TWILIO_EDGE TWILIO_SID TWILIO_TOKEN MY_TWILIO_AUTH_TOKEN SUPPORT_API_TOKEN \
            OTEL_EXPORTER_OTLP_ENDPOINT OTEL_LOGS_EXPORTER MOUNT COUNTER TEST_TOKEN SECRETS_FILE MAX_CALLS";
        for name in others.split_whitespace() {
            assert_eq!(misspelt(&Env::of([(name, "1")])), [""; 0], "{name}");
        }
    }
}
