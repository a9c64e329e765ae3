//! Who may read the total: everybody, unless `PUBLIC_TOTAL=false`, but nobody too often.

use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;

use actix_web::dev::Payload;
use actix_web::error::InternalError;
use actix_web::http::header::{AUTHORIZATION, COOKIE};
use actix_web::web::Data;
use actix_web::{Error, FromRequest, HttpMessage, HttpRequest};
use live_users_broadcast::Reader;
use live_users_http_kit::{ClientKey, Denied, ParameterError, Query, ReadLimit};

use crate::admin::{Admin, AuthError, Authenticator, ViewOf};
use crate::channels::Channels;
use crate::error::{UpstreamError, wrong_parameter};
use crate::upstream::{AgentTotal, Asked};

/// The rules for reading the total.
pub(crate) struct TotalRules {
    pub(crate) is_public: bool,
    /// Whether polled answers tell everybody how many are suspect.
    pub(crate) tells_doubt: bool,
    pub(crate) limit: ReadLimit,
}

impl TotalRules {
    /// Lets this client read what everybody may, if there is such a thing and it has not read too often.
    ///
    /// # Errors
    /// Why not.
    pub(crate) fn admit_everybody(&self, address: IpAddr) -> Result<(), AuthError> {
        match self.is_public {
            true => self.take_read(address),
            false => Err(AuthError::NotPublic),
        }
    }

    fn take_read(&self, address: IpAddr) -> Result<(), AuthError> {
        let taken = self.limit.take(ClientKey::from(address), Instant::now());
        taken.map_err(AuthError::TooOften)
    }
}

/// What everybody may read: the total of this agent, or without an id that of all.
pub(crate) fn of_everybody(agent: Option<String>) -> Asked {
    let agent = agent.map(|id| AgentTotal { id, for_everybody: true });
    Asked { agent, scope: None }
}

/// The id of the agent whose total is asked for; `None` for all.
///
/// # Errors
/// If it can be no id.
pub(crate) fn agent_in(query: Query<'_>) -> Result<Option<String>, ParameterError> {
    query.parsed("agent", "the id of an agent", |id| Some(id.to_owned()))
}

/// The proof that a request may read the total. Admins may read as often as they like.
pub(crate) struct TotalReader {
    admin: Option<Admin>,
    is_public: bool,
    /// The id of the agent that is read; `None` for all.
    agent: Option<String>,
}

impl TotalReader {
    /// Which total is read. It is of all calls where everybody may read it, and else of those that the
    /// reader sees; that of an agent is always of those.
    pub(crate) fn asked(&self) -> Asked {
        let Self { admin, is_public, agent } = self;
        let scope = admin.as_ref().and_then(Admin::scope).cloned();
        match agent {
            Some(id) => {
                let for_everybody = admin.is_none();
                let agent = Some(AgentTotal { id: id.clone(), for_everybody });
                Asked { agent, scope }
            }
            // Who reads by a link reads what it shows.
            None => Asked {
                agent: None,
                scope: scope.filter(|scope| !is_public || scope.link.is_some()),
            },
        }
    }

    /// The answer to this reader when there is no total.
    pub(crate) fn refused(&self, error: UpstreamError) -> Error {
        match (&self.admin, error) {
            (Some(admin), UpstreamError::AccessEnded) => admin.access_ended().into(),
            (_, error) => error.into(),
        }
    }

    /// The reader of a stream of these channels.
    pub(crate) fn of_stream(self, channels: &Arc<Channels>) -> Reader {
        match self.admin {
            Some(admin) => admin.reader(channels),
            None if self.agent.is_none() => Reader::Public,
            // The agent may be public no more.
            None => {
                let channels = Arc::clone(channels);
                Reader::PublicWhile(Box::new(move || !channels.has_ended()))
            }
        }
    }
}

impl FromRequest for TotalReader {
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Error>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move { check(&request).await })
    }
}

async fn check(request: &HttpRequest) -> Result<TotalReader, Error> {
    let agent = agent_in(Query::new(request.query_string())).map_err(bad_parameter)?;
    let rules = request.app_data::<Data<TotalRules>>().expect("the table of routes has it");
    let authenticator =
        request.app_data::<Data<Authenticator>>().expect("the table of routes has it");
    let shows = |header| request.headers().contains_key(header);
    let is_public = rules.is_public;
    let is_of_link = request.extensions().contains::<ViewOf>();
    if shows(AUTHORIZATION) || shows(COOKIE) || !is_public || is_of_link {
        match Authenticator::authenticate(authenticator, request).await {
            Ok(admin) => return Ok(TotalReader { admin: Some(admin), is_public, agent }),
            Err(AuthError::Denied(Denied::Missing)) if !is_public && !is_of_link => {
                return Err(AuthError::TotalNeedsToken.into());
            }
            Err(refusal) if !is_public || is_of_link => return Err(refusal.into()),
            // What everybody may read needs no right token.
            Err(_) => {}
        }
    }
    rules.take_read(authenticator.address(request))?;
    Ok(TotalReader { admin: None, is_public, agent })
}

fn bad_parameter(mistake: ParameterError) -> Error {
    let text = mistake.to_string();
    InternalError::from_response(text, wrong_parameter(mistake)).into()
}
