//! The settings of the backend. `docs/SETTINGS.md` has them as a table.

pub(crate) mod shards;

use std::ops::RangeInclusive;
use std::str::FromStr;
use std::sync::Arc;

use live_users_core::{Counting, DAY_MS, HOUR_MS, MINUTE_MS};
use live_users_http_kit::{
    AllowedOrigins, BearerToken, ClientLimits, ConfigErrors, Env, ListenAddress, ReadLimit,
    SettingsReader, StreamsMax, TrustedProxies,
};
use live_users_intake::shards::Layout;
use live_users_intake::{CallerKey, Farewell, ReconcilerRules};
use live_users_replica::{Keep, SNAPSHOT_RECORDS};
use live_users_state::Settings;
use live_users_state::history::Retention;
use live_users_twilio::AuthTokens;

pub(crate) use self::shards::Spread;
use crate::parts::accounts::Accounts;
use crate::parts::agents::AgentRegistry;
use crate::parts::doubt::DoubtRules;
use crate::parts::public_url::{self, PublicUrl, UrlRule};
use crate::parts::queue::ACKNOWLEDGE_MS;
use crate::parts::signer::Signer;
use crate::parts::telemetry;
use crate::parts::twilio_api::{TwilioApiSettings, read_webhook_accounts};

/// The port that the backend listens on by default.
pub const DEFAULT_PORT: u16 = 8080;

/// A directory below the one that the process runs in.
pub(crate) const JOURNAL_URL_DEFAULT: &str = "file:./data";

/// The most records that are kept behind a snapshot: some 3 GB.
const KEPT_RECORDS_MAX: u64 = 10_000_000;

/// The longest that an agent's chat may take, in milliseconds. Twilio waits 15 s for the answer to
/// a voice webhook, with the way there and back, and recording it comes first.
const CHAT_MS_MAX: u64 = 10_000;

/// Where only asking tells of calls, the number is unknown after so many looks without a complete
/// answer, and this long, in milliseconds. One look that fails is no reason yet.
const UNANSWERED_LOOKS: u64 = 3;
const UNANSWERED_MS: u64 = 15_000;

/// The requests of two rounds, which a small budget makes longer.
const UNANSWERED_REQUESTS: u64 = 15;

const _: () = assert!(ACKNOWLEDGE_MS + CHAT_MS_MAX <= 12_000);

/// Everything that can be set.
#[derive(Debug)]
pub struct Config {
    /// Where to listen.
    pub listen: ListenAddress,
    /// How webhooks are verified.
    pub verification: Verification,
    /// What status callbacks are signed with that are passed on.
    pub(crate) signer: Signer,
    /// Which URL a webhook's signature is checked against.
    pub(crate) url_rule: UrlRule,
    /// Which reverse proxies in front say who the client is.
    pub(crate) trusted_proxies: TrustedProxies,
    /// The origins of pages that may read the total.
    pub origins: AllowedOrigins,
    /// The agents: the same of all shards.
    pub(crate) agents: Arc<AgentRegistry>,
    /// The key that caller ids are hashed with.
    pub(crate) caller_key: CallerKey,
    /// A silent call that is older than this ends, in milliseconds.
    pub max_call_ms: u64,
    /// When a call is suspect, and what the public is told of that.
    pub(crate) doubt: DoubtRules,
    /// When and how often the provider is asked.
    pub(crate) rules: ReconcilerRules,
    /// How long an agent's chat may take to answer, in milliseconds.
    pub(crate) chat_ms: u64,
    /// The phrases that end a call when the caller says one.
    pub farewell: Farewell,
    /// Where the journal is.
    pub journal_url: String,
    /// How much of the journal is kept behind a snapshot, and how long the history is.
    pub(crate) keep: Keep,
    /// Whether the public answers also have the live users of each agent.
    pub(crate) public_by_agent: bool,
    /// How many streams may be open at once.
    pub(crate) streams_max: StreamsMax,
    /// Whether everybody may read the total.
    pub(crate) public_total: bool,
    /// Reads of the total by one client in a second; 0 for no limit.
    pub(crate) reads_per_second: u32,
    /// What clients may take of the server.
    pub(crate) limits: ClientLimits,
    /// The accounts whose calls count; all of them if it is empty.
    pub(crate) webhook_accounts: Vec<String>,
    /// The accounts of the agents file, each with its own token.
    pub(crate) accounts: Arc<Accounts>,
    /// How Twilio is asked which calls are live; `None` if it cannot be asked.
    pub(crate) twilio_api: Option<TwilioApiSettings>,
    /// What is exported to an OpenTelemetry collector.
    pub(crate) telemetry: telemetry::Settings,
    /// How many shards there are, and by what they are told apart.
    pub(crate) layout: Layout,
    /// Which of several shards this is; `None` where there is one.
    pub(crate) shard: Option<usize>,
    /// Which of the shards are here, and where the others are; `None` if all of them are here.
    pub(crate) spread: Option<Spread>,
}

/// How webhooks are verified.
#[derive(Debug)]
pub enum Verification {
    /// By `X-Twilio-Signature`, with any of these tokens.
    Signed(AuthTokens),
    /// Not at all: for development, on loopback only.
    Off,
}

impl Config {
    /// For how long the number is known without a complete answer of Twilio, in milliseconds, where
    /// only asking tells of calls: the settings name no address for webhooks. `None` elsewhere.
    pub(crate) fn asks_only_ms(&self) -> Option<u64> {
        let is_signed = matches!(self.verification, Verification::Signed(_));
        let asks_only = is_signed && self.url_rule == UrlRule::AsReceived;
        let ReconcilerRules { poll_every_ms, requests_per_minute, .. } = self.rules;
        let round_ms = UNANSWERED_REQUESTS * MINUTE_MS / u64::from(requests_per_minute.max(1));
        (asks_only && self.twilio_api.is_some())
            .then_some(UNANSWERED_LOOKS * poll_every_ms + UNANSWERED_MS.max(round_ms))
    }

    /// Reads the settings.
    ///
    /// # Errors
    /// All errors in them at once.
    pub fn read(env: &Env) -> Result<Self, ConfigErrors> {
        let mut reader = SettingsReader::new(env);
        let listen = ListenAddress::read(&mut reader, DEFAULT_PORT);
        let max_call_ms = read_max_call_ms(&mut reader);
        let keep_hours = within(&mut reader, "JOURNAL_KEEP_HOURS", 48, 1..=8760, "hours");
        let chat_ms =
            within(&mut reader, "CHAT_TIMEOUT_MS", 8_000, 100..=CHAT_MS_MAX, "milliseconds");
        let suspect_s = within(&mut reader, "SUSPECT_AFTER_SECONDS", 120, 30..=3600, "seconds");
        let requests =
            within(&mut reader, "REFEREE_REQUESTS_PER_MINUTE", 120, 6..=6000, "requests");
        let look_s = within(&mut reader, "REFEREE_LOOK_SECONDS", 20, 1..=3600, "seconds");
        let trusted_proxies = TrustedProxies::read(&mut reader);
        let url_rule = url_rule(&mut reader, &trusted_proxies);
        // Who compares it, reads it with the tokens of the agents file.
        BearerToken::read_for(&mut reader, "API_TOKEN", listen);
        let layout = shards::read(&mut reader);
        let spread = shards::read_spread(&mut reader, layout);
        let agents = Arc::new(AgentRegistry::read(&mut reader, &url_rule, layout));
        let accounts = Arc::new(Accounts::read(&mut reader, &agents.now()));
        let streams_max = StreamsMax::read(&mut reader);
        let caller_key = caller_key(&mut reader);
        let config = Self {
            listen,
            verification: verification(&mut reader, listen),
            signer: Signer::read(&mut reader, &agents.now(), &caller_key),
            url_rule,
            trusted_proxies,
            origins: AllowedOrigins::read(&mut reader),
            agents,
            caller_key,
            max_call_ms,
            doubt: read_doubt(&mut reader, suspect_s * 1_000),
            rules: ReconcilerRules::polling_every(look_s * 1_000, suspect_s * 1_000)
                .at_most(u32::try_from(requests).unwrap_or(u32::MAX)),
            chat_ms,
            farewell: match reader.list("FAREWELL_PHRASES") {
                phrases if phrases.is_empty() => Farewell::default(),
                phrases => Farewell::of(phrases),
            },
            journal_url: read_journal_url(&mut reader),
            keep: Keep {
                age_ms: keep_hours * HOUR_MS,
                records_max: KEPT_RECORDS_MAX,
                snapshot_records: SNAPSHOT_RECORDS,
                settings: Settings {
                    retention: read_retention(&mut reader),
                    counting: read_counting(&mut reader),
                    ..Settings::default()
                },
            },
            public_by_agent: reader.switch("PUBLIC_BY_AGENT"),
            streams_max,
            public_total: reader.switch_or("PUBLIC_TOTAL", true),
            reads_per_second: ReadLimit::read(&mut reader),
            webhook_accounts: read_webhook_accounts(&mut reader),
            accounts,
            limits: ClientLimits::read(&mut reader, streams_max),
            twilio_api: TwilioApiSettings::read(&mut reader),
            telemetry: telemetry::Settings::read(&mut reader),
            layout,
            shard: None,
            spread,
        };
        reader.finish(config)
    }
}

/// `SUSPECT_SHARE_PERCENT` and `PUBLIC_SUSPECT`.
fn read_doubt(reader: &mut SettingsReader<'_>, suspect_after_ms: u64) -> DoubtRules {
    let share_percent = within(reader, "SUSPECT_SHARE_PERCENT", 10, 0..=100, "percent");
    let is_public = reader.switch("PUBLIC_SUSPECT");
    DoubtRules { share_percent, is_public, suspect_after_ms }
}

/// `JOURNAL_URL`. Its errors name it.
fn read_journal_url(reader: &mut SettingsReader<'_>) -> String {
    // There may be white space in a path, but not in the address of a server.
    let url = match reader.text("JOURNAL_URL") {
        Some(url) if url.contains("://") => {
            reader.words("JOURNAL_URL");
            url
        }
        url => url.unwrap_or(JOURNAL_URL_DEFAULT),
    };
    if let Err(error) = live_users_journal::check_address(url) {
        reader.error(error.to_string());
    }
    url.to_owned()
}

/// `CALLER_HASH_KEY`. When it is not set, a key that is derived from the first Auth Token: the
/// hashes are in the journal, so the key has to be the same after a restart, and no other secret is
/// at hand. Without a token either, a key of this process's own.
fn caller_key(reader: &mut SettingsReader<'_>) -> CallerKey {
    let token = reader.words("TWILIO_AUTH_TOKEN").into_iter().next();
    let key = match (reader.word("CALLER_HASH_KEY"), token) {
        (Some(key), _) => {
            CallerKey::new(key).map_err(|error| format!("CALLER_HASH_KEY is {error}"))
        }
        (None, Some(token)) => Ok(CallerKey::derived_from(token)),
        (None, None) => CallerKey::random().map_err(|error| {
            format!("CALLER_HASH_KEY is not set and no random key can be made: {error}")
        }),
    };
    key.unwrap_or_else(|mistake| {
        reader.error(mistake);
        CallerKey::derived_from("settings that are refused")
    })
}

/// `MAX_CALL_HOURS`, in milliseconds. Twilio's own limit is 4 h unless the account has the 24-hour
/// switch on.
pub(crate) fn read_max_call_ms(reader: &mut SettingsReader<'_>) -> u64 {
    within(reader, "MAX_CALL_HOURS", 4, 1..=24, "hours") * HOUR_MS
}

/// A number within these bounds.
fn within(
    reader: &mut SettingsReader<'_>,
    name: &str,
    default: u64,
    bounds: RangeInclusive<u64>,
    unit: &str,
) -> u64 {
    reader.within(name, default, bounds, unit)
}

/// What counts as a live user.
pub(crate) fn read_counting(reader: &mut SettingsReader<'_>) -> Counting {
    let handed_over = reader.switch("COUNT_HANDED_OVER");
    let by_call = reader.parsed("COUNT", ByCall(false), "callers or calls").0;
    Counting { handed_over, by_call }
}

/// `COUNT`: whether each call is a user.
struct ByCall(bool);

impl FromStr for ByCall {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "callers" => Ok(Self(false)),
            "calls" => Ok(Self(true)),
            _ => Err(()),
        }
    }
}

/// How long the history is kept. A coarser resolution is kept at least as long as a finer one: it
/// is what remains of that one.
fn read_retention(reader: &mut SettingsReader<'_>) -> Retention {
    let minutes = within(reader, "HISTORY_MINUTES_KEEP_HOURS", 48, 1..=336, "hours");
    let quarters = within(reader, "HISTORY_QUARTERS_KEEP_DAYS", 30, 1..=366, "days");
    let hours = within(reader, "HISTORY_HOURS_KEEP_DAYS", 730, 30..=3660, "days");
    if minutes > quarters * 24 {
        reader.error(format!(
            "HISTORY_MINUTES_KEEP_HOURS is {minutes}: expected at most the {quarters} days of \
             HISTORY_QUARTERS_KEEP_DAYS"
        ));
    }
    if quarters > hours {
        reader.error(format!(
            "HISTORY_QUARTERS_KEEP_DAYS is {quarters}: expected at most the {hours} of \
             HISTORY_HOURS_KEEP_DAYS"
        ));
    }
    Retention {
        minutes_ms: minutes * HOUR_MS,
        quarters_ms: quarters * DAY_MS,
        hours_ms: hours * DAY_MS,
    }
}

fn verification(reader: &mut SettingsReader<'_>, listen: ListenAddress) -> Verification {
    let unsigned = reader.switch("ALLOW_UNSIGNED_WEBHOOKS");
    let tokens = AuthTokens::new(reader.words("TWILIO_AUTH_TOKEN"));
    if unsigned && !listen.is_loopback() {
        reader.error(format!(
            "ALLOW_UNSIGNED_WEBHOOKS is for development on loopback only: with it, HOST has to be \
             127.0.0.1 or ::1, and it is {}",
            listen.0.ip()
        ));
    }
    match (tokens, unsigned) {
        (Some(_), true) => {
            reader
                .error("ALLOW_UNSIGNED_WEBHOOKS and TWILIO_AUTH_TOKEN are both set: expected one");
            Verification::Off
        }
        (Some(tokens), false) => Verification::Signed(tokens),
        (None, true) => Verification::Off,
        (None, false) => {
            reader.error(
                "TWILIO_AUTH_TOKEN is not set: without it nobody can tell Twilio's webhooks from \
                 forged ones (for development on loopback there is ALLOW_UNSIGNED_WEBHOOKS=true)",
            );
            Verification::Off
        }
    }
}

fn url_rule(reader: &mut SettingsReader<'_>, trusted: &TrustedProxies) -> UrlRule {
    let Some(text) = reader.text("PUBLIC_URL") else {
        return match trusted.is_configured() {
            true => UrlRule::Forwarded(trusted.clone()),
            false => UrlRule::AsReceived,
        };
    };
    // Of a list, the white space between the addresses is not what is wrong.
    if !public_url::is_list(text) {
        reader.word("PUBLIC_URL");
    }
    PublicUrl::parse(text).map(UrlRule::Fixed).unwrap_or_else(|expected| {
        // Repeated at most without what may be a password.
        reader.error(format!("PUBLIC_URL cannot be used: expected {expected}"));
        UrlRule::AsReceived
    })
}

#[cfg(test)]
mod tests;
