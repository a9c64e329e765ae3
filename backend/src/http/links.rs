//! Shared links: made, listed and revoked by who shows `API_TOKEN`.

use std::sync::Arc;

use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use jiff::Timestamp;
use live_users_core::{DAY_MS, Millis};
use live_users_http_kit::{ParameterError, acts_on_text};
use live_users_intake::agents::{Agents, ID_BYTES_MAX, is_id};
use live_users_state::{KnownLink, LinkChange, LinkId, LinkScope, SHARED_LINKS_MAX, SharedLink};
use live_users_wire::{LinkList, LinkMade, LinkRevoked, NewLink};
use log::info;

use super::answer::json;
use super::audit;
use super::auth::BearerAuth;
use super::authorized::Authorized;
use super::body::object;
use super::error::ApiError;
use super::history::span_ms;
use super::named::Named;
use super::signature::read_body;
use crate::parts::agents::AgentRegistry;
use crate::parts::clock::moment;
use crate::parts::queue::Queue;
use crate::parts::scope::Scope;
use crate::parts::shards::Shards;
use crate::parts::shared_links::{digest, draw, info as listed, read_scope, read_view};

/// The longest body that is read, in bytes.
const BODY_BYTES_MAX: usize = 16 * 1024;

/// The longest name, in characters.
const NAME_CHARS_MAX: usize = 80;

/// The longest life of a link, in milliseconds.
const LIFE_MS_MAX: u64 = 366 * DAY_MS;

const NAME: &str =
    "1 to 80 characters, none of them a control character, also of the direction of text";
const SCOPE: &str = "{\"all\":true}, {\"total\":true}, {\"agent\":\"ID\"} or {\"account\":\"ID\"}";
const VIEW: &str = "page or wallboard";
const EXPIRES: &str = "a moment (RFC 3339) or a span such as 12h or 30d, at most 366d from now";

/// `GET /api/live-users/links`: those that are in force.
pub(crate) async fn list(
    _: Authorized,
    shards: Data<Shards>,
    auth: Data<BearerAuth>,
) -> Result<HttpResponse, ApiError> {
    let (links, now) =
        shards.of_no_call()?.query(|view| (view.state.shared_links().clone(), view.now)).await?;
    Ok(json(&LinkList { links: auth.links().listed(&links, now), as_of: moment(now) }))
}

/// `POST /api/live-users/links`: a new one. Its token is told in this answer and never again.
pub(crate) async fn share(
    _: Authorized,
    shards: Data<Shards>,
    agents: Data<AgentRegistry>,
    request: HttpRequest,
    body: Payload,
) -> Result<HttpResponse, ApiError> {
    let queue = shards.of_no_call()?;
    let body = read_body(body, BODY_BYTES_MAX).await?;
    let (id, token) = draw().map_err(|error| ApiError::Unavailable(error.to_string()))?;
    let (now, agents) = (queue.clock().now(), agents.now());
    let asked = Asked::read(&body, now)?;
    check_known(queue, agents, asked.scope.clone()).await?;
    let link = SharedLink {
        id,
        name: asked.name.into(),
        digest: digest(token.as_bytes()),
        scope: asked.scope,
        view: asked.view,
        expires: asked.expires,
    };
    if count(queue).await? >= SHARED_LINKS_MAX {
        return Err(ApiError::ManyLinks);
    }
    queue.change_link(LinkChange::Share(link)).await?;
    // Another replica may have taken the last place.
    let known = find(queue, id).await?.ok_or(ApiError::ManyLinks)?;
    let link = listed(&known, None);
    let (from, until) = (audit::from(&request), &link.expires);
    info!("audit: link {} is shared until {until} by the holder of API_TOKEN{from}", link.id);
    Ok(json(&LinkMade { link, token }))
}

/// `POST /api/live-users/links/{id}/revoke`: it opens nothing any more, anywhere.
pub(crate) async fn revoke(
    _: Authorized,
    shards: Data<Shards>,
    request: HttpRequest,
    id: Path<String>,
) -> Result<HttpResponse, ApiError> {
    let (id, queue) = (LinkId::parse(&id).ok_or(ApiError::NoLink)?, shards.of_no_call()?);
    let known = find(queue, id).await?.ok_or(ApiError::NoLink)?;
    queue.change_link(LinkChange::Revoke(id)).await?;
    let from = audit::from(&request);
    info!("audit: link {id} is revoked by the holder of API_TOKEN{from}");
    Ok(json(&LinkRevoked { link: listed(&known, None) }))
}

/// What is asked for.
#[derive(Debug, PartialEq, Eq)]
struct Asked {
    name: String,
    scope: LinkScope,
    view: live_users_state::LinkView,
    expires: Millis,
}

impl Asked {
    /// Reads it. Of what is wrong nothing is repeated.
    fn read(body: &[u8], now: Millis) -> Result<Self, ParameterError> {
        let wrong = ParameterError::new("body", "a JSON object with name, scope and expires");
        let mut fields = object(body, wrong, |name| match name {
            // These stand in the scope.
            "all" | "total" | "agent" | "account" => Some("scope"),
            _ => ["name", "scope", "view", "expires"].into_iter().find(|it| *it == name),
        })?;
        // One field at a time, so that the answer names the one that is wrong.
        let new = NewLink {
            name: field(&mut fields, "name", NAME)?
                .ok_or_else(|| ParameterError::new("name", NAME))?,
            scope: field(&mut fields, "scope", SCOPE)?
                .ok_or_else(|| ParameterError::new("scope", SCOPE))?,
            view: field(&mut fields, "view", VIEW)?.unwrap_or_default(),
            expires: field(&mut fields, "expires", EXPIRES)?
                .ok_or_else(|| ParameterError::new("expires", EXPIRES))?,
        };
        if !fields.is_empty() {
            return Err(ParameterError::new("body", "name, scope, view and expires, and no more"));
        }
        let name = new.name.trim().to_owned();
        let is_name = (1..=NAME_CHARS_MAX).contains(&name.chars().count());
        if !is_name || name.chars().any(acts_on_text) {
            return Err(ParameterError::new("name", NAME));
        }
        let scope = read_scope(new.scope);
        match &scope {
            LinkScope::Agent(id) | LinkScope::Account(id) if !is_id(id) => {
                let what = format!("an id of 1 to {ID_BYTES_MAX} letters, digits, '-' or '_'");
                return Err(ParameterError::new("scope", what));
            }
            LinkScope::All | LinkScope::Total | LinkScope::Agent(_) | LinkScope::Account(_) => {}
        }
        let expires =
            expires(&new.expires, now).ok_or_else(|| ParameterError::new("expires", EXPIRES))?;
        Ok(Self { name, scope, view: read_view(new.view), expires })
    }
}

fn field<T: serde::de::DeserializeOwned>(
    fields: &mut serde_json::Map<String, serde_json::Value>,
    name: &str,
    expected: &str,
) -> Result<Option<T>, ParameterError> {
    let value = fields.remove(name).map(serde_json::from_value).transpose();
    value.map_err(|_| ParameterError::new(name, expected))
}

fn expires(text: &str, now: Millis) -> Option<Millis> {
    let at = match span_ms(text) {
        Some(ms) => now.0.checked_add(ms)?,
        None => u64::try_from(text.parse::<Timestamp>().ok()?.as_millisecond()).ok()?,
    };
    let life_ms = at.checked_sub(now.0)?;
    (1..=LIFE_MS_MAX).contains(&life_ms).then_some(Millis(at))
}

/// Whether what a scope names is known: a slip would give a link that shows nothing.
async fn check_known(queue: &Queue, agents: Arc<Agents>, scope: LinkScope) -> Result<(), ApiError> {
    let check = queue.query(move |view| {
        let named = match &scope {
            LinkScope::All | LinkScope::Total => Named::default(),
            LinkScope::Agent(id) => Named { agent: Some(id), ..Named::default() },
            LinkScope::Account(id) => Named { account: Some(id), ..Named::default() },
        };
        named.check((&agents, &Scope::default()), view.state)
    });
    Ok(check.await??)
}

async fn count(queue: &Queue) -> Result<usize, ApiError> {
    let count = queue.query(|view| view.state.shared_links().in_force(view.now).count());
    Ok(count.await?)
}

async fn find(queue: &Queue, id: LinkId) -> Result<Option<KnownLink>, ApiError> {
    let found = queue.query(move |view| view.state.shared_links().get(id, view.now).cloned());
    Ok(found.await?)
}

#[cfg(test)]
mod tests {
    use live_users_state::LinkView;

    use super::*;

    const NOW: Millis = Millis(1_795_426_217_000);

    fn read(body: &str) -> Result<Asked, ParameterError> {
        Asked::read(body.as_bytes(), NOW)
    }

    #[test]
    fn a_link_has_a_name_a_scope_and_an_end() {
        let asked =
            read(r#"{"name":" Lobby ","scope":{"total":true},"view":"wallboard","expires":"30d"}"#);
        let expected = Asked {
            name: "Lobby".to_owned(),
            scope: LinkScope::Total,
            view: LinkView::Wallboard,
            expires: Millis(NOW.0 + 30 * DAY_MS),
        };
        assert_eq!(asked.unwrap(), expected);
        let asked = read(
            r#"{"name":"a","scope":{"agent":"booking"},"expires":"2026-11-24T09:30:17+01:00"}"#,
        );
        let asked = asked.unwrap();
        assert_eq!((asked.view, asked.expires), (LinkView::Page, Millis(NOW.0 + 23 * 3_600_000)));
    }

    #[test]
    fn what_is_wrong_is_named_and_not_repeated() {
        let with = |name: &str, scope: &str, expires: &str| {
            format!(r#"{{"name":{name},"scope":{scope},"expires":{expires}}}"#)
        };
        let (name, scope, expires) = (r#""a""#, r#"{"total":true}"#, r#""1d""#);
        let long = format!("\"{}\"", "x".repeat(81));
        for (body, field) in [
            ("[]".to_owned(), "body"),
            ("{".to_owned(), "body"),
            ("{}".to_owned(), "name"),
            (with(r#"" ""#, scope, expires), "name"),
            (with(&long, scope, expires), "name"),
            (with(r#""a\nb""#, scope, expires), "name"),
            (with("7", scope, expires), "name"),
            (with(name, "{}", expires), "scope"),
            (with(name, r#"{"total":false}"#, expires), "scope"),
            (with(name, r#"{"agent":"a b"}"#, expires), "scope"),
            (with(name, r#"{"agent":"a","account":"b"}"#, expires), "scope"),
            (with(name, scope, r#""""#), "expires"),
            (with(name, scope, r#""0m""#), "expires"),
            (with(name, scope, r#""367d""#), "expires"),
            (with(name, scope, r#""2020-01-01T00:00:00Z""#), "expires"),
            (with(name, scope, r#""99999999999999999w""#), "expires"),
            (r#"{"name":"a","scope":{"total":true},"expires":"1d","view":"x"}"#.to_owned(), "view"),
            (r#"{"name":"a","scope":{"total":true},"expires":"1d","rol":1}"#.to_owned(), "body"),
            (r#"{"name":"a","name":"a","scope":{"total":true},"expires":"1d"}"#.to_owned(), "name"),
            (with(name, r#"{"agent":"a","agent":"a"}"#, expires), "scope"),
            (r#"{"rol":1,"rol":1}"#.to_owned(), "body"),
        ] {
            assert_eq!(read(&body).unwrap_err().name, field, "{body}");
        }
    }
}
