//! The way from the internet to the backend: name, TLS, reverse proxy, signature.

use std::net::IpAddr;

use live_users_wire::Setup;
use reqwest::Url;

use super::report::Report;
use crate::Failure;
use crate::connect::ours::Ours;
use crate::network::{Silence, is_private};
use crate::own_server::{Check, OwnServer, WEBHOOKS, nonce};

/// Where the backend is meant to be, and for whom.
pub(super) struct Place<'a> {
    pub(super) ours: &'a Ours,
    /// The Auth Token.
    pub(super) token: &'a str,
    /// Whether the provider is a stand-in on this machine, which reaches loopback.
    pub(super) is_stand_in: bool,
    /// Whether several backends may answer, on one journal.
    pub(super) is_shared: bool,
}

pub(super) async fn check(
    server: &OwnServer,
    place: &Place<'_>,
    setup: Option<&Setup>,
    report: &mut Report,
) -> Result<(), Failure> {
    let base = place.ours.base();
    let Ok(url) = Url::parse(base) else { return Ok(()) };
    let configured = setup.and_then(|it| it.public_url.as_deref());
    if setup.is_some() && configured != Some(base) {
        report.failed(
            "public-url",
            format!("PUBLIC_URL is {base} here, and another one at the backend"),
            "start the backend with the same PUBLIC_URL",
        );
    }
    if !check_name(&url, place, report).await {
        return Ok(());
    }
    check_scheme(&url, place, report);
    let nonce = nonce()?;
    for path in WEBHOOKS {
        match server.check(place.token, base, path, &nonce).await {
            Check::Answered(instance) => {
                let is_this = setup.is_none_or(|it| it.instance == instance);
                said_by(is_this, place, path, report);
            }
            Check::Wrong(why) => {
                let text = format!("a signed webhook to {base}{path} is not accepted: {why}");
                report.failed("webhook", text, remedy_for_wrong(&why, path));
            }
            Check::Silent(why) => {
                let text = format!("{base} does not answer: {why}");
                report.failed("reach", text, remedy_for_silence(&why));
                return Ok(());
            }
        }
    }
    Ok(())
}

fn said_by(is_this: bool, place: &Place<'_>, path: &str, report: &mut Report) {
    let base = place.ours.base();
    if is_this {
        let text = format!("a signed webhook to {base}{path} reaches this backend and is accepted");
        report.ok("webhook", text);
    } else if place.is_shared {
        let text = format!("a signed webhook to {base}{path} is accepted by another backend");
        report.ok("webhook", text);
    } else {
        report.failed(
            "webhook",
            format!("{base}{path} leads to another process of Live Users than this one"),
            "end the other one, or let the address lead to this one: two counts are both wrong",
        );
    }
}

/// Whether the name is known, and leads to where Twilio can come.
async fn check_name(url: &Url, place: &Place<'_>, report: &mut Report) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let port = url.port_or_known_default().unwrap_or(443);
    let found: Vec<IpAddr> = match tokio::net::lookup_host((host, port)).await {
        Ok(addresses) => addresses.map(|it| it.ip()).collect(),
        Err(_) => Vec::new(),
    };
    if found.is_empty() {
        report.failed(
            "name",
            format!("the name {host} cannot be found"),
            "correct PUBLIC_URL, or add the name to your DNS; a tunnel prints its present name",
        );
        return false;
    }
    if found.iter().all(|it| is_private(*it)) && !place.is_stand_in {
        report.failed(
            "name",
            format!("{host} is an address inside of a network, which Twilio cannot reach"),
            "set PUBLIC_URL to an address of the internet: that of a reverse proxy or a tunnel",
        );
    } else {
        report.ok("name", format!("the name {host} is found"));
    }
    if host.contains('_') {
        report.failed(
            "name",
            format!("Twilio requests no host with an underscore: {host}"),
            "give it a name without underscores",
        );
    }
    true
}

fn check_scheme(url: &Url, place: &Place<'_>, report: &mut Report) {
    if url.scheme() == "http" && !place.is_stand_in {
        report.warning(
            "tls",
            "PUBLIC_URL is http://: callers' numbers and words cross the internet unencrypted",
            "put a reverse proxy with a certificate in front, and set PUBLIC_URL to https://",
        );
    }
}

fn remedy_for_wrong(why: &str, path: &str) -> String {
    if why.starts_with("403") {
        "start the backend with the TWILIO_AUTH_TOKEN and PUBLIC_URL that are set here; its log \
         has the URL that it was checked against. If it says that the signature is missing, let the \
         reverse proxy pass X-Twilio-Signature on"
            .to_owned()
    } else if why.contains("redirect") {
        "set PUBLIC_URL to the address that the redirect leads to: Twilio's signature is for the \
         first one"
            .to_owned()
    } else {
        format!("let the reverse proxy pass {path} on to the backend, by POST and unchanged")
    }
}

fn remedy_for_silence(why: &str) -> &'static str {
    if Silence::of(why) == Silence::NoTls {
        "this port speaks no TLS: correct the port or the https:// of PUBLIC_URL"
    } else if why.contains("certificate") {
        "serve a certificate of a public authority, not one that is signed by itself: valid today, \
         for this host, and with its whole chain"
    } else if why.contains("timed out") {
        "open the port in the firewall, and check where the name leads"
    } else {
        "start the reverse proxy or the tunnel, and let it lead to the backend"
    }
}
