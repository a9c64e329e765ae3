//! Who may read the total: everybody, unless `PUBLIC_TOTAL=false`, but nobody too often.

use std::future::{Ready, ready};
use std::sync::Arc;
use std::time::Instant;

use actix_web::http::header::AUTHORIZATION;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest, dev};
use live_users_broadcast::{Authorization, Reader};
use live_users_http_kit::{ClientKey, Query, ReadLimit, TrustedProxies};

use super::auth::{ACCESS, BearerAuth};
use super::error::ApiError;
use super::named::UnknownName;
use crate::parts::agents::AgentRegistry;
use crate::parts::doubt::{Doubt, DoubtRules};
use crate::parts::scope::{Detail, Scope};
use crate::parts::selection::Selection;
use crate::parts::tokens::Access;

/// The rules for reading the total.
pub(crate) struct TotalRules {
    pub(crate) is_public: bool,
    /// Whether it has the numbers of the agents.
    pub(crate) gives_agents: bool,
    /// How many are suspect, and what is told of that.
    pub(crate) suspect: Arc<Doubt>,
    pub(crate) doubt: DoubtRules,
    pub(crate) limit: ReadLimit,
    pub(crate) trusted_proxies: TrustedProxies,
}

/// The proof that a request may read this total. Who shows a token may read as often as he likes, what
/// that opens.
pub(crate) struct TotalReader {
    access: Option<Access>,
    agent: Option<AgentRead>,
}

/// The agent whose total is read.
struct AgentRead {
    id: Arc<str>,
    /// Whether it is read for everybody, as a proxy does that shows its own token.
    for_everybody: bool,
    /// Whether it is read as everybody may, since the token opens less.
    as_everybody: bool,
    registry: Arc<AgentRegistry>,
}

impl AgentRead {
    /// Whether the agent may be read now with this access. The agents file may be read again.
    fn is_permitted(&self, access: Option<&Access>) -> bool {
        let agents = self.registry.now();
        let Some(agent) = agents.by_id(&self.id) else { return false };
        // Some links show no more than the number of all.
        let shows_agents = |scope: &Scope| scope.detail() > Detail::Total;
        let in_scope =
            access.is_some_and(|it| it.scope.has_agent(agent) && shows_agents(&it.scope));
        match access {
            Some(_) if !self.as_everybody => in_scope && (agent.public || !self.for_everybody),
            Some(_) | None => agent.public,
        }
    }
}

impl TotalReader {
    /// What the total is of.
    pub(crate) fn selection(&self) -> Selection {
        let as_everybody = self.agent.as_ref().is_some_and(|agent| agent.as_everybody);
        let access = self.access.as_ref().filter(|_| !as_everybody);
        let scope = access.map(|access| access.scope.clone()).unwrap_or_default();
        Selection { scope, agent: self.agent.as_ref().map(|agent| agent.id.clone()) }
    }

    /// The reader of a stream. One of an agent ends when the agent may not be read any more.
    pub(crate) fn of_stream(self, auth: &BearerAuth) -> Reader {
        let Self { access, agent } = self;
        match (access, agent) {
            (None, None) => Reader::Public,
            (None, Some(agent)) => Reader::PublicWhile(Box::new(move || agent.is_permitted(None))),
            (Some(access), None) => reader_of(access, auth),
            (Some(access), Some(agent)) => {
                let lasts = lasting(access.clone(), auth);
                Reader::Authorized(Some(Box::new(move || {
                    lasts.as_ref().is_none_or(|lasts| lasts()) && agent.is_permitted(Some(&access))
                })))
            }
        }
    }
}

/// The reader of a stream that a token opens.
pub(crate) fn reader_of(access: Access, auth: &BearerAuth) -> Reader {
    Reader::Authorized(lasting(access, auth))
}

/// How long a stream lasts that a token opens: it ends with the token, but for `API_TOKEN`, which does
/// not change while the process runs.
fn lasting(access: Access, auth: &BearerAuth) -> Option<Authorization> {
    let may_end = !access.is_whole();
    may_end.then(|| -> Authorization { Box::new(auth.lasting(access)) })
}

impl FromRequest for TotalReader {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut dev::Payload) -> Self::Future {
        ready(check(request))
    }
}

fn check(request: &HttpRequest) -> Result<TotalReader, ApiError> {
    let (access, rules) = (access_of(request)?, rules_of(request));
    let query = Query::new(request.query_string());
    let id = query.parsed("agent", "the id of an agent", |text| Some(Arc::from(text)))?;
    let everybody = |text: &str| (text == "true").then_some(());
    let for_everybody = query.parsed("public", "true", everybody)?.is_some();
    let Some(id) = id else { return Ok(TotalReader { access, agent: None }) };
    let registry = request.app_data::<Data<AgentRegistry>>().expect("the application has it");
    let registry = registry.clone().into_inner();
    let agent = AgentRead { id, for_everybody, as_everybody: false, registry };
    // What is for everybody is for who shows a token, too, whatever that opens.
    let as_everybody = rules.is_public && !agent.is_permitted(access.as_ref());
    let agent = AgentRead { as_everybody, ..agent };
    if agent.is_permitted(access.as_ref()) {
        return Ok(TotalReader { access, agent: Some(agent) });
    }
    // The same for all, so nobody learns which agents there are.
    let expected = "the id of an agent with public = true, or with a token one of its agents";
    Err(ApiError::UnknownName(UnknownName { field: "agent", expected: expected.to_owned() }))
}

/// What the request's token opens; `None` if it reads what everybody may.
fn access_of(request: &HttpRequest) -> Result<Option<Access>, ApiError> {
    let rules = rules_of(request);
    let auth = request.app_data::<Data<BearerAuth>>().expect("the application has it");
    let headers = request.headers();
    let shows_token = headers.contains_key(AUTHORIZATION) || headers.contains_key(ACCESS);
    match (shows_token || !rules.is_public).then(|| auth.check(request)) {
        Some(Ok(access)) => return Ok(Some(access)),
        Some(Err(refusal)) if !rules.is_public || !auth.may_be_anybodys(request, refusal) => {
            return Err(refusal.into());
        }
        // What everybody may read needs no right token.
        Some(Err(_)) | None => {}
    }
    // Without a peer the server itself asks, for an answer that it has ready.
    if rules.limit.is_set() && request.peer_addr().is_some() {
        let client = ClientKey::from(rules.trusted_proxies.client(request.head()));
        rules.limit.take(client, Instant::now()).map_err(ApiError::TooOften)?;
    }
    Ok(None)
}

fn rules_of(request: &HttpRequest) -> &TotalRules {
    request.app_data::<Data<TotalRules>>().expect("the application has it")
}
