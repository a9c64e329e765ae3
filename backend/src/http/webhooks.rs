//! The three webhooks: `/voice`, `/speech-result` and `/call-status`.
//!
//! A voice webhook that Twilio has signed is always answered with TwiML, whatever is wrong with its
//! fields or with us: there is a person on the line.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use futures_util::FutureExt;
use futures_util::future::join_all;
use live_users_core::{CallId, Evidence};
use live_users_intake::agents::{Agent, Agents, ID_BYTES_MAX, is_id};
use live_users_intake::{CallerKey, Inbound, InboundRules, Utterance};
use live_users_twilio::twiml;
use live_users_twilio::{CallStatus, FieldError, FieldProblem, Form, StatusField};
use log::{error, warn};

use super::error::ApiError;
use super::signature::{self, SignatureVerifier};
use crate::parts::agents::AgentRegistry;
use crate::parts::chat::Chat;
use crate::parts::conversation::{Answer, Conversation};
use crate::parts::counters::{Counters, Hook, Outcome};
use crate::parts::queue::{NotRecorded, Queue};

/// What the three handlers share.
pub(crate) struct Webhooks {
    pub(crate) signature: SignatureVerifier,
    pub(crate) agents: Arc<AgentRegistry>,
    pub(crate) caller_key: CallerKey,
    pub(crate) conversation: Conversation,
    pub(crate) chat: Arc<Chat>,
    pub(crate) queue: Queue,
    pub(crate) counters: Arc<Counters>,
}

/// `POST /voice`: Twilio asks what to say to somebody who is on the line.
pub(crate) async fn voice(
    shared: Data<Webhooks>,
    request: HttpRequest,
    body: Payload,
) -> Result<HttpResponse, ApiError> {
    let form = admit(&shared, Hook::Voice, &request, body).await?;
    let agent_id = agent_id(&request).unwrap_or_default();
    let agent_id = agent_id.as_deref();
    let response = async {
        let agents = shared.agents.now();
        let inbound = Inbound::read(&form, Hook::Voice.source(), agent_id, rules(&shared, &agents));
        let is_waiting = inbound.is_waiting;
        note(&shared, Hook::Voice, inbound.evidence).await;
        if is_waiting {
            return shared.conversation.hold();
        }
        shared.conversation.greet(agent_id, inbound.answering, inbound.is_fallback)
    };
    Ok(spoken(&shared, agent_id, response).await)
}

/// `POST /speech-result`: Twilio tells what the caller said.
pub(crate) async fn speech(
    shared: Data<Webhooks>,
    request: HttpRequest,
    body: Payload,
) -> Result<HttpResponse, ApiError> {
    let form = admit(&shared, Hook::Speech, &request, body).await?;
    let agent_id = agent_id(&request).unwrap_or_default();
    let agent_id = agent_id.as_deref();
    let response = async {
        let agents = shared.agents.now();
        let inbound =
            Inbound::read(&form, Hook::Speech.source(), agent_id, rules(&shared, &agents));
        let call_sid = form.text("CallSid").ok().flatten().unwrap_or_default();
        // The count first: a chat may be slow, and what was heard says that the call goes on.
        note(&shared, Hook::Speech, inbound.evidence).await;
        if inbound.is_waiting {
            return shared.conversation.hold();
        }
        // What was said decides the answer even if something else about the request is wrong.
        let answer = match inbound.utterance {
            Utterance::Words(words) => chat(&shared, inbound.answering, call_sid, words).await,
            Utterance::Nothing | Utterance::Farewell => Answer::NotAsked,
        };
        shared.conversation.reply(agent_id, inbound.utterance, answer)
    };
    Ok(spoken(&shared, agent_id, response).await)
}

/// What the agent's chat answers, if the agent has one.
async fn chat(shared: &Webhooks, agent: Option<&Agent>, call_sid: &str, heard: &str) -> Answer {
    let Some(agent) = agent.filter(|agent| agent.chat_url.is_some()) else {
        return Answer::NotAsked;
    };
    match shared.chat.ask(agent, call_sid, heard).await {
        Some(text) => Answer::Text(text),
        None => Answer::Silence,
    }
}

/// The answer to a voice webhook that was let in. Even a bug that panics leaves the caller with an
/// agent that listens.
async fn spoken(
    shared: &Webhooks,
    agent_id: Option<&str>,
    response: impl Future<Output = twiml::Response>,
) -> HttpResponse {
    let response = AssertUnwindSafe(response).catch_unwind().await.unwrap_or_else(|_| {
        error!("a voice webhook has caused a panic");
        shared.conversation.apologise(agent_id)
    });
    shared.counters.twiml.add();
    HttpResponse::Ok().content_type(twiml::CONTENT_TYPE).body(response.to_xml())
}

/// `POST /call-status`: Twilio reports progress. Nobody hears the answer, so mistakes are told, and
/// what could not be recorded is answered with 503, which brings the webhook again if its URL asks
/// for that (`#rc=5&rp=all`).
pub(crate) async fn status(
    shared: Data<Webhooks>,
    request: HttpRequest,
    body: Payload,
) -> Result<HttpResponse, ApiError> {
    let form = admit(&shared, Hook::Status, &request, body).await?;
    let became = |outcome| shared.counters.webhooks(Hook::Status, outcome).add();
    let evidence = status_evidence(&shared, &request, &form).map_err(|mistakes| {
        became(Outcome::Bad);
        warn!("/call-status is refused: {}", told(&mistakes));
        ApiError::BadFields(mistakes)
    })?;
    match record(&shared, evidence).await {
        Ok(()) => {
            became(Outcome::Accepted);
            Ok(HttpResponse::NoContent().finish())
        }
        Err((call, why)) => {
            became(Outcome::NotRecorded);
            warn!("503 for the status of {call}: {why}");
            Err(why.into())
        }
    }
}

/// Lets a webhook in, and counts it if it is refused.
async fn admit(
    shared: &Webhooks,
    hook: Hook,
    request: &HttpRequest,
    body: Payload,
) -> Result<Form, ApiError> {
    let verified = shared.signature.verify(request, body).await.inspect_err(|why| {
        let outcome = match why {
            signature::Refusal::Unsigned => Outcome::Unsigned,
            _ => Outcome::Bad,
        };
        shared.counters.webhooks(hook, outcome).add();
    });
    Ok(verified?)
}

/// What a status callback says, or all that is wrong with it.
fn status_evidence(
    shared: &Webhooks,
    request: &HttpRequest,
    form: &Form,
) -> Result<Vec<Evidence>, Vec<FieldError>> {
    let agent_id = agent_id(request).map_err(|mistake| vec![mistake])?;
    let (source, agents) = (Hook::Status.source(), shared.agents.now());
    let inbound = Inbound::read(form, source, agent_id.as_deref(), rules(shared, &agents));
    let evidence = inbound.evidence?;
    if !inbound.has_events {
        known_status(inbound.status).map_err(|mistake| vec![mistake])?;
    }
    Ok(evidence)
}

/// Records what a voice webhook says, or logs why not.
async fn note(shared: &Webhooks, hook: Hook, evidence: Result<Vec<Evidence>, Vec<FieldError>>) {
    let became = |outcome| shared.counters.webhooks(hook, outcome).add();
    let evidence = match evidence {
        Ok(evidence) => evidence,
        Err(mistakes) => {
            became(Outcome::Bad);
            return warn!("{} is answered but not counted: {}", hook.path(), told(&mistakes));
        }
    };
    match record(shared, evidence).await {
        Ok(()) => became(Outcome::Accepted),
        Err((call, why)) => {
            became(Outcome::NotRecorded);
            error!("a voice webhook of {call} is not recorded: {why}");
        }
    }
}

/// Records all of it, in this order. They are queued together, so that one sync of the journal is
/// enough.
async fn record(shared: &Webhooks, evidence: Vec<Evidence>) -> Result<(), (CallId, NotRecorded)> {
    let each = evidence.into_iter().map(|evidence| async {
        let call = evidence.call.clone();
        shared.queue.record(evidence).await.map(drop).map_err(|why| (call, why))
    });
    join_all(each).await.into_iter().collect()
}

fn rules<'a>(shared: &'a Webhooks, agents: &'a Agents) -> InboundRules<'a> {
    InboundRules { agents, key: &shared.caller_key, farewell: shared.conversation.farewell() }
}

fn told(mistakes: &[FieldError]) -> String {
    mistakes.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

fn known_status(status: StatusField) -> Result<(), FieldError> {
    let problem = match status {
        StatusField::Known(_) => return Ok(()),
        StatusField::Missing => FieldProblem::Missing,
        StatusField::Unknown => FieldProblem::Invalid,
    };
    let names: Vec<_> = CallStatus::ALL.iter().map(|status| status.as_str()).collect();
    let expected = format!("one of {}", names.join(", "));
    Err(FieldError { field: "CallStatus".to_owned(), problem, expected })
}

/// The `agent` in the query of a webhook's URL.
fn agent_id(request: &HttpRequest) -> Result<Option<String>, FieldError> {
    let query = Form::parse(request.query_string().as_bytes()).unwrap_or_default();
    let wrong = |problem| FieldError {
        field: "agent".to_owned(),
        problem,
        expected: format!("1 to {ID_BYTES_MAX} letters, digits, '-' or '_'"),
    };
    let id = query.text_within("agent", ID_BYTES_MAX).map_err(|mistake| wrong(mistake.problem));
    match id {
        Ok(Some(id)) if !is_id(id) => Err(wrong(FieldProblem::Invalid)),
        other => Ok(other?.map(str::to_owned)),
    }
    .inspect_err(|mistake| warn!("{}: {mistake}", request.path()))
}

#[cfg(test)]
mod tests;
