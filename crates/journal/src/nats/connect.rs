//! Connects to the service, and says what stands in the way.

use std::time::Duration;

use async_nats::{AuthError, ConnectError, ConnectErrorKind, ConnectOptions, ServerAddr};
use tokio::time::{Instant, sleep, timeout};

use super::address::NatsAddress;
use super::client::{OPEN_PATIENCE, unsuitable};
use super::tls;
use crate::JournalError;

/// How long a connection may take, with its handshake.
const CONNECT_PATIENCE: Duration = Duration::from_secs(2);

/// Connects to any of the servers. A server that does not answer may be starting, so it tries again
/// for a while. What will not change by itself fails at once.
pub(super) async fn connect(address: &NatsAddress) -> Result<async_nats::Client, JournalError> {
    address.tls.check()?;
    // The nonce is no matter: this reads the file, so that a mistake is named.
    address.login.answer(b"").await?;
    let give_up = Instant::now() + OPEN_PATIENCE;
    loop {
        let why = match timeout(OPEN_PATIENCE, attempt(address, address.tls.is_first)).await {
            Ok(Ok(client)) => return Ok(client),
            Ok(Err(error)) => {
                if let Some(why) = refusal(&error) {
                    return Err(unsuitable(&why));
                }
                if wants_tls_first(address, &error).await {
                    return Err(unsuitable(
                        "begins with TLS (handshake_first): add tls_first=true to JOURNAL_URL",
                    ));
                }
                error.to_string()
            }
            Err(_) => "no answer".to_owned(),
        };
        if Instant::now() > give_up {
            return Err(JournalError::Unreachable { why });
        }
        sleep(Duration::from_millis(200)).await;
    }
}

/// Connects to one server, without a second attempt.
pub(super) async fn connect_to(
    address: &NatsAddress,
    server: &str,
) -> Result<async_nats::Client, String> {
    let address = NatsAddress { servers: vec![server.to_owned()], ..address.clone() };
    match timeout(CONNECT_PATIENCE, attempt(&address, address.tls.is_first)).await {
        Ok(Ok(client)) => Ok(client),
        Ok(Err(error)) => Err(refusal(&error).unwrap_or_else(|| error.to_string())),
        Err(_) => Err("no answer".to_owned()),
    }
}

async fn attempt(
    address: &NatsAddress,
    tls_first: bool,
) -> Result<async_nats::Client, ConnectError> {
    let servers: Result<Vec<ServerAddr>, _> = address.servers.iter().map(|it| it.parse()).collect();
    let servers = servers?;
    let login = address.login.clone();
    let options = ConnectOptions::with_auth_callback(move |nonce| {
        let login = login.clone();
        async move { login.answer(&nonce).await.map_err(AuthError::new) }
    });
    let options = options
        .name("live-users")
        // The servers in JOURNAL_URL can be reached from here. Those that they announce may not be.
        .ignore_discovered_servers()
        .connection_timeout(CONNECT_PATIENCE)
        // A silent server is left after three of them.
        .ping_interval(Duration::from_secs(1))
        .reconnect_delay_callback(|attempt| {
            Duration::from_millis(if attempt < 2 { 20 } else { 250 })
        })
        .require_tls(address.is_tls());
    let options = address.tls.add_to(options);
    let options = if tls_first { options.tls_first() } else { options };
    options.connect(servers).await
}

/// Why this will not change by itself.
fn refusal(error: &ConnectError) -> Option<String> {
    match error.kind() {
        ConnectErrorKind::AuthorizationViolation => {
            Some("refuses the user or the credentials".to_owned())
        }
        ConnectErrorKind::Authentication => Some(format!("cannot be logged in to ({error})")),
        ConnectErrorKind::ServerParse => Some("has a host that cannot be read".to_owned()),
        kind => tls::fault_of(error).or_else(|| {
            (kind == ConnectErrorKind::Tls).then(|| format!("does not agree on TLS ({error})"))
        }),
    }
}

/// Whether the servers say nothing because they wait for a handshake. An attempt shows it.
async fn wants_tls_first(address: &NatsAddress, error: &ConnectError) -> bool {
    let is_silent = matches!(error.kind(), ConnectErrorKind::TimedOut | ConnectErrorKind::Io);
    if !address.is_tls() || address.tls.is_first || !is_silent {
        return false;
    }
    timeout(CONNECT_PATIENCE, attempt(address, true)).await.is_ok_and(|it| it.is_ok())
}
