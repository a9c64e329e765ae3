//! The address and the credentials of Twilio's REST API.

use std::fmt;
use std::net::IpAddr;

use live_users_http_kit::SettingsReader;
use live_users_twilio::is_twilio_sid;
use reqwest::Url;

const API_URL_DEFAULT: &str = "https://api.twilio.com";

/// The longest SID of an account or an API key, in bytes. Twilio's have 34.
const SID_BYTES_MAX: usize = 64;

const EXPECTED_SID: &str = "1 to 64 characters of visible ASCII without any of / ? # % :";

/// The address and the credentials of Twilio's REST API.
#[derive(Clone)]
pub struct TwilioApiSettings {
    /// `https://`, or `http://` on loopback, without credentials, query or fragment.
    pub base_url: Url,
    /// The account that is asked about.
    pub account_sid: String,
    /// The account's SID or that of one of its API keys.
    pub(super) user: String,
    /// The Auth Token or the secret of the API key.
    pub(super) password: String,
}

impl TwilioApiSettings {
    /// Reads `TWILIO_ACCOUNT_SID`, `TWILIO_API_URL`, `TWILIO_API_KEY_SID` and
    /// `TWILIO_API_KEY_SECRET`. Without an API key, it uses the first token of `TWILIO_AUTH_TOKEN`.
    /// Returns `None` without an account, or after an error.
    pub fn read(reader: &mut SettingsReader<'_>) -> Option<Self> {
        let base_url = base_url(reader);
        let key = api_key(reader);
        let Some(account_sid) = reader.word("TWILIO_ACCOUNT_SID") else {
            if matches!(key, Key::Set { .. }) {
                reader.error(
                    "TWILIO_API_KEY_SID is set without TWILIO_ACCOUNT_SID: expected the account \
                     that the key belongs to",
                );
            }
            return None;
        };
        let base_url = base_url?;
        if let Err(expected) = check_account_sid(account_sid, &base_url) {
            // The value is not repeated, because it may be the token by mistake.
            reader.error(format!("TWILIO_ACCOUNT_SID cannot be used: expected {expected}"));
            return None;
        }
        let (user, password) = match (key, reader.words("TWILIO_AUTH_TOKEN").first()) {
            (Key::Wrong, _) => return None,
            (Key::Set { sid, secret }, _) => (sid, secret),
            (Key::NotSet, Some(token)) => (account_sid, *token),
            (Key::NotSet, None) => {
                reader.error(
                    "TWILIO_ACCOUNT_SID is set with nothing to sign in with: expected \
                     TWILIO_AUTH_TOKEN, or TWILIO_API_KEY_SID and TWILIO_API_KEY_SECRET",
                );
                return None;
            }
        };
        Some(Self {
            base_url,
            account_sid: account_sid.to_owned(),
            user: user.to_owned(),
            password: password.to_owned(),
        })
    }

    /// Those of an account of the agents file, with its Auth Token, at the same address.
    pub fn of_account(
        reader: &mut SettingsReader<'_>,
        account_sid: &str,
        token: &str,
    ) -> Option<Self> {
        let (account_sid, password) = (account_sid.to_owned(), token.to_owned());
        let base_url = base_url(reader)?;
        Some(Self { base_url, user: account_sid.clone(), account_sid, password })
    }

    /// Whether an API key signs in, which may have fewer permissions than the account.
    pub fn is_api_key(&self) -> bool {
        self.user != self.account_sid
    }

    /// The same credentials for the debugger, which Twilio has on a host of its own
    /// (`api.` becomes `monitor.`); elsewhere on the same one.
    #[must_use]
    pub fn of_debugger(&self) -> Self {
        let mut debugger = self.clone();
        let host = self.base_url.host_str().unwrap_or_default();
        let host = host.strip_prefix("api.").filter(|rest| rest.ends_with("twilio.com"));
        if let Some(rest) = host {
            let _a_host_like_the_one_before =
                debugger.base_url.set_host(Some(&format!("monitor.{rest}")));
        }
        debugger
    }

    /// Whether the provider is Twilio, and not a compatible one.
    pub fn is_twilio(&self) -> bool {
        self.base_url.host_str().is_some_and(|host| host.ends_with(".twilio.com"))
    }

    /// Whether the provider is on this machine: a stand-in, which can reach loopback.
    pub fn is_on_loopback(&self) -> bool {
        is_loopback(&self.base_url)
    }
}

impl fmt::Debug for TwilioApiSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TwilioApiSettings")
            .field("base_url", &self.base_url.as_str())
            .field("account_sid", &self.account_sid)
            .field("user", &self.user)
            .field("password", &format_args!("hidden"))
            .finish()
    }
}

enum Key<'a> {
    NotSet,
    Set { sid: &'a str, secret: &'a str },
    Wrong,
}

fn api_key<'a>(reader: &mut SettingsReader<'a>) -> Key<'a> {
    match (reader.word("TWILIO_API_KEY_SID"), reader.word("TWILIO_API_KEY_SECRET")) {
        (None, None) => Key::NotSet,
        (Some(sid), Some(secret)) if is_sid(sid) => Key::Set { sid, secret },
        (Some(_), Some(_)) => {
            reader.error(format!("TWILIO_API_KEY_SID cannot be used: expected {EXPECTED_SID}"));
            Key::Wrong
        }
        (Some(_), None) => {
            reader.error("TWILIO_API_KEY_SECRET is not set: TWILIO_API_KEY_SID needs it");
            Key::Wrong
        }
        (None, Some(_)) => {
            reader.error("TWILIO_API_KEY_SID is not set: TWILIO_API_KEY_SECRET needs it");
            Key::Wrong
        }
    }
}

/// `None` exactly when an error was reported.
fn base_url(reader: &mut SettingsReader<'_>) -> Option<Url> {
    match parse_url(reader.word("TWILIO_API_URL").unwrap_or(API_URL_DEFAULT)) {
        Ok(url) => Some(url),
        Err(expected) => {
            // The value is not repeated, because it may contain a password.
            reader.error(format!("TWILIO_API_URL cannot be used: expected {expected}"));
            None
        }
    }
}

/// An address that credentials may be sent to.
///
/// # Errors
/// What was expected. The text may have a password in it, so it is not repeated.
pub(crate) fn parse_url(text: &str) -> Result<Url, &'static str> {
    const A_URL: &str = "an address such as https://api.twilio.com";
    if !(text.starts_with("http://") || text.starts_with("https://")) {
        return Err(A_URL);
    }
    let url = Url::parse(text).map_err(|_| A_URL)?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err("an address without a user name or password in it");
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("an address without a query or fragment behind it");
    }
    if url.scheme() == "http" && !is_loopback(&url) {
        return Err("https://, since credentials are sent there (http:// only on loopback)");
    }
    Ok(url)
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    address.map_or(host == "localhost", |address| address.is_loopback())
}

/// `TWILIO_WEBHOOK_ACCOUNTS`: the accounts whose calls count; all of them if it is empty. With one
/// Auth Token, which is that of one account, `TWILIO_ACCOUNT_SID` is the default. Two may be those of
/// one account that is being rotated, or those of two accounts.
pub(crate) fn read_webhook_accounts(reader: &mut SettingsReader<'_>) -> Vec<String> {
    let accounts = reader.words("TWILIO_WEBHOOK_ACCOUNTS");
    if !accounts.iter().all(|account| may_be_account(account)) {
        reader.error(format!(
            "TWILIO_WEBHOOK_ACCOUNTS cannot be used: expected SIDs of accounts with commas between \
             them, each AC and 32 hexadecimal digits, or of another provider {OTHER_BYTES_MIN} \
             characters or more"
        ));
    }
    let is_one_account = reader.words("TWILIO_AUTH_TOKEN").len() == 1;
    let own = reader.word("TWILIO_ACCOUNT_SID").filter(|_| accounts.is_empty() && is_one_account);
    accounts.into_iter().chain(own).map(str::to_owned).collect()
}

/// The shortest account of another provider, in bytes: theirs are UUIDs and longer.
const OTHER_BYTES_MIN: usize = 20;

/// Whether it can be an account in a webhook. A mistake would leave all calls out.
fn may_be_account(account: &str) -> bool {
    let begins_as_twilios = ["AC", "SK"]
        .iter()
        .any(|prefix| account.get(..2).is_some_and(|start| start.eq_ignore_ascii_case(prefix)));
    let is_other = is_sid(account) && !begins_as_twilios && account.len() >= OTHER_BYTES_MIN;
    is_twilio_sid("AC", account) || is_other
}

/// Twilio's own SIDs have one form. Compatible providers have others, such as UUIDs.
fn check_account_sid(sid: &str, base_url: &Url) -> Result<(), &'static str> {
    let host = base_url.host_str().unwrap_or_default();
    if host == "twilio.com" || host.ends_with(".twilio.com") {
        return if is_twilio_sid("AC", sid) { Ok(()) } else { Err("AC and 32 hexadecimal digits") };
    }
    if is_sid(sid) { Ok(()) } else { Err(EXPECTED_SID) }
}

/// A colon would end the user name of basic authentication.
fn is_sid(text: &str) -> bool {
    (1..=SID_BYTES_MAX).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_graphic() && !b"/?#%:".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;
    use live_users_http_kit::Env;

    const ACCOUNT: &str = "AC00000000000000000000000000000001";

    fn read(env: Env) -> Result<Option<TwilioApiSettings>, String> {
        let mut reader = SettingsReader::new(&env);
        let settings = TwilioApiSettings::read(&mut reader);
        reader.finish(settings).map_err(|mistakes| mistakes.to_string())
    }

    fn env() -> Env {
        Env::of([("TWILIO_ACCOUNT_SID", ACCOUNT), ("TWILIO_AUTH_TOKEN", "first, second")])
    }

    #[test]
    fn without_an_account_there_is_nothing_to_ask() {
        assert!(read(Env::of([("TWILIO_AUTH_TOKEN", "token")])).unwrap().is_none());
        assert!(read(Env::default()).unwrap().is_none());
    }

    #[test]
    fn the_first_token_opens_the_account_unless_there_is_a_key() {
        let settings = read(env()).unwrap().unwrap();
        assert_eq!(settings.base_url.as_str(), "https://api.twilio.com/");
        assert_eq!((settings.user.as_str(), settings.password.as_str()), (ACCOUNT, "first"));
        let key = env().with("TWILIO_API_KEY_SID", "SK1").with("TWILIO_API_KEY_SECRET", "secret");
        let settings = read(key).unwrap().unwrap();
        assert_eq!(settings.account_sid, ACCOUNT);
        assert_eq!((settings.user.as_str(), settings.password.as_str()), ("SK1", "secret"));
    }

    #[test]
    fn half_a_key_and_a_key_without_an_account_are_mistakes() {
        let sid = Env::of([("TWILIO_API_KEY_SID", "SK1")]);
        let secret = Env::of([("TWILIO_API_KEY_SECRET", "topsecret")]);
        assert!(read(sid.clone()).unwrap_err().contains("TWILIO_API_KEY_SECRET is not set"));
        assert!(read(secret).unwrap_err().contains("TWILIO_API_KEY_SID is not set"));
        let both = sid.with("TWILIO_API_KEY_SECRET", "topsecret");
        assert!(read(both).unwrap_err().contains("without TWILIO_ACCOUNT_SID"));
        let colon =
            env().with("TWILIO_API_KEY_SID", "SK:1").with("TWILIO_API_KEY_SECRET", "topsecret");
        let error = read(colon).unwrap_err();
        assert!(
            error.contains("TWILIO_API_KEY_SID cannot be used") && !error.contains("topsecret")
        );
    }

    #[test]
    fn an_account_with_nothing_to_sign_in_with_is_a_mistake() {
        let error = read(Env::of([("TWILIO_ACCOUNT_SID", ACCOUNT)])).unwrap_err();
        assert!(error.contains("TWILIO_ACCOUNT_SID") && error.contains("TWILIO_AUTH_TOKEN"));
    }

    #[test]
    fn an_account_at_twilio_has_twilios_form() {
        for wrong in ["AC1", "SK00000000000000000000000000000001", &format!("{ACCOUNT}0")] {
            let error = read(env().with("TWILIO_ACCOUNT_SID", wrong)).unwrap_err();
            assert!(error.contains("TWILIO_ACCOUNT_SID cannot be used"), "{wrong}");
            assert!(!error.contains(wrong), "{error}");
        }
        let elsewhere = env().with("TWILIO_API_URL", "https://calls.example.com/api/laml");
        for (sid, is_fine) in [
            ("b3877c40-da60-4998-90ad-b792e98472af", true),
            ("a/b", false),
            ("a?b", false),
            ("a#b", false),
            ("a b", false),
            ("ä", false),
            (&"x".repeat(65), false),
        ] {
            let read = read(elsewhere.clone().with("TWILIO_ACCOUNT_SID", sid));
            assert_eq!(read.is_ok(), is_fine, "{sid}");
        }
    }

    #[test]
    fn credentials_are_sent_to_safe_addresses_only() {
        let taken = |url: &str| read(env().with("TWILIO_API_URL", url));
        for fine in [
            "https://api.dublin.ie1.twilio.com",
            "http://127.0.0.1:8091",
            "http://localhost:8091/api",
            "http://[::1]:8091/",
        ] {
            assert!(taken(fine).is_ok(), "{fine}");
        }
        for wrong in [
            "http://api.twilio.com",
            "http://127.0.0.1.example.com",
            "http://localhost.example.com",
            "http://10.0.0.1",
            "ftp://api.twilio.com",
            "api.twilio.com",
            "https://",
            "https://user:topsecret@api.twilio.com",
            "https://api.twilio.com?x=topsecret",
            "https://api.twilio.com#topsecret",
        ] {
            let error = taken(wrong).unwrap_err();
            assert!(error.contains("TWILIO_API_URL cannot be used"), "{wrong}: {error}");
            assert!(!error.contains("topsecret"), "{error}");
        }
    }

    #[test]
    fn the_debugger_is_on_a_host_of_its_own_at_twilio() {
        for (api, debugger) in [
            ("https://api.twilio.com/", "https://monitor.twilio.com/"),
            ("https://api.dublin.ie1.twilio.com/", "https://monitor.dublin.ie1.twilio.com/"),
            ("http://127.0.0.1:8091/", "http://127.0.0.1:8091/"),
            ("https://api.example.com/", "https://api.example.com/"),
        ] {
            let settings = read(env().with("TWILIO_API_URL", api)).unwrap().unwrap();
            assert_eq!(settings.of_debugger().base_url.as_str(), debugger);
        }
    }

    #[test]
    fn no_secret_is_in_the_debug_output() {
        let settings = read(env().with("TWILIO_AUTH_TOKEN", "topsecret")).unwrap().unwrap();
        let shown = format!("{settings:?}");
        assert!(shown.contains(ACCOUNT) && !shown.contains("topsecret"), "{shown}");
    }
}
