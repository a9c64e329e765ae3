//! The three webhooks: `/voice`, `/speech-result` and `/call-status`.
//!
//! A voice webhook that Twilio has signed is always answered with TwiML, whatever is wrong with its
//! fields or with us: there is a person on the line.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use futures_util::FutureExt;
use live_users_core::{EndReason, Evidence, Said};
use live_users_intake::CallerKey;
use live_users_intake::agents::{ID_BYTES_MAX, is_id};
use live_users_intake::evidence::{Attribution, of_webhook};
use live_users_twilio::twiml;
use live_users_twilio::{CallStatus, FieldError, FieldProblem, Form, StatusField, Webhook};
use log::{error, warn};

use super::error::ApiError;
use super::signature::{self, SignatureVerifier};
use crate::parts::agents::AgentRegistry;
use crate::parts::chat::Chat;
use crate::parts::conversation::{Answer, Conversation};
use crate::parts::counters::{Counters, Hook, Outcome};
use crate::parts::queue::Queue;

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
    state: Data<Webhooks>,
    request: HttpRequest,
    body: Payload,
) -> Result<HttpResponse, ApiError> {
    let form = admit(&state, Hook::Voice, &request, body).await?;
    let agent_id = agent_id(&request).unwrap_or_default();
    let agent_id = agent_id.as_deref();
    let response = async {
        let webhook = parse(&form, "voice");
        note(&state, webhook.as_ref(), Hook::Voice, agent_id, false).await;
        let agents = state.agents.now();
        let agent = Attribution::of(agent_id, webhook.as_ref(), &agents).configured;
        let is_fallback = webhook.is_some_and(|webhook| webhook.error_code.is_some());
        state.conversation.greet(agent_id, agent, is_fallback)
    };
    Ok(spoken(&state, agent_id, response).await)
}

/// `POST /speech-result`: Twilio tells what the caller said.
pub(crate) async fn speech(
    state: Data<Webhooks>,
    request: HttpRequest,
    body: Payload,
) -> Result<HttpResponse, ApiError> {
    let form = admit(&state, Hook::Speech, &request, body).await?;
    let agent_id = agent_id(&request).unwrap_or_default();
    let agent_id = agent_id.as_deref();
    let response = async {
        let webhook = parse(&form, "speech-result");
        // What was said decides the answer even if something else about the request is wrong.
        let heard = form.text("SpeechResult").unwrap_or_default();
        let farewell = state.conversation.is_farewell(heard);
        // The count first: a chat may be slow, and what was heard says that the call goes on.
        note(&state, webhook.as_ref(), Hook::Speech, agent_id, farewell).await;
        let answer = match heard {
            Some(heard) if !farewell => chat(&state, webhook.as_ref(), agent_id, heard).await,
            Some(_) | None => Answer::NotAsked,
        };
        state.conversation.reply(agent_id, heard, answer)
    };
    Ok(spoken(&state, agent_id, response).await)
}

/// What the agent's chat answers, if the agent has one.
async fn chat(
    state: &Webhooks,
    webhook: Option<&Webhook>,
    agent_id: Option<&str>,
    heard: &str,
) -> Answer {
    let agents = state.agents.now();
    let agent = Attribution::of(agent_id, webhook, &agents).configured;
    let Some(agent) = agent.filter(|agent| agent.chat_url.is_some()) else {
        return Answer::NotAsked;
    };
    let call_sid = webhook.map(|webhook| webhook.call_sid.as_str()).unwrap_or_default();
    match state.chat.ask(agent, call_sid, heard).await {
        Some(text) => Answer::Text(text),
        None => Answer::Silence,
    }
}

/// The answer to a voice webhook that was let in. Even a bug that panics leaves the caller with an
/// agent that listens.
async fn spoken(
    state: &Webhooks,
    agent_id: Option<&str>,
    response: impl Future<Output = twiml::Response>,
) -> HttpResponse {
    let response = AssertUnwindSafe(response).catch_unwind().await.unwrap_or_else(|_| {
        error!("a voice webhook has caused a panic");
        state.conversation.apologise(agent_id)
    });
    state.counters.twiml.add();
    HttpResponse::Ok().content_type(twiml::CONTENT_TYPE).body(response.to_xml())
}

/// `POST /call-status`: Twilio reports progress. Nobody hears the answer, so mistakes are told, and
/// what could not be recorded is answered with 503, which brings the webhook again if its URL asks
/// for that (`#rc=5&rp=all`).
pub(crate) async fn status(
    state: Data<Webhooks>,
    request: HttpRequest,
    body: Payload,
) -> Result<HttpResponse, ApiError> {
    let form = admit(&state, Hook::Status, &request, body).await?;
    let became = |outcome| state.counters.webhooks(Hook::Status, outcome).add();
    let evidence = status_evidence(&state, &request, &form).map_err(|mistakes| {
        became(Outcome::Bad);
        warn!("/call-status is refused: {}", told(&mistakes));
        ApiError::BadFields(mistakes)
    })?;
    let call = evidence.call.clone();
    match state.queue.record(evidence).await {
        Ok(_) => {
            became(Outcome::Accepted);
            Ok(HttpResponse::NoContent().finish())
        }
        Err(why) => {
            became(Outcome::NotRecorded);
            warn!("503 for the status of {call}: {why}");
            Err(why.into())
        }
    }
}

/// Lets a webhook in, and counts it if it is refused.
async fn admit(
    state: &Webhooks,
    hook: Hook,
    request: &HttpRequest,
    body: Payload,
) -> Result<Form, ApiError> {
    let verified = state.signature.verify(request, body).await.inspect_err(|why| {
        let outcome = match why {
            signature::Refusal::Unsigned => Outcome::Unsigned,
            _ => Outcome::Bad,
        };
        state.counters.webhooks(hook, outcome).add();
    });
    Ok(verified?)
}

/// What a status callback says, or all that is wrong with it.
fn status_evidence(
    state: &Webhooks,
    request: &HttpRequest,
    form: &Form,
) -> Result<Evidence, Vec<FieldError>> {
    let agent_id = agent_id(request).map_err(|mistake| vec![mistake])?;
    let webhook = Webhook::parse(form)?;
    known_status(webhook.status).map_err(|mistake| vec![mistake])?;
    to_evidence(state, &webhook, Hook::Status, agent_id.as_deref()).map_err(|mistake| vec![mistake])
}

/// Records what a voice webhook says, or logs why not.
async fn note(
    state: &Webhooks,
    webhook: Option<&Webhook>,
    hook: Hook,
    agent_id: Option<&str>,
    farewell: bool,
) {
    let became = |outcome| state.counters.webhooks(hook, outcome).add();
    let Some(webhook) = webhook else { return became(Outcome::Bad) };
    let mut evidence = match to_evidence(state, webhook, hook, agent_id) {
        Ok(evidence) => evidence,
        Err(mistake) => {
            became(Outcome::Bad);
            return warn!("a voice webhook is not counted: {mistake}");
        }
    };
    if farewell {
        evidence.said = Said::Over(EndReason::Goodbye);
    }
    match state.queue.record(evidence).await {
        Ok(_) => became(Outcome::Accepted),
        Err(why) => {
            became(Outcome::NotRecorded);
            error!("a voice webhook of {} is not recorded: {why}", webhook.call_sid);
        }
    }
}

fn to_evidence(
    state: &Webhooks,
    webhook: &Webhook,
    hook: Hook,
    agent_id: Option<&str>,
) -> Result<Evidence, FieldError> {
    let agents = state.agents.now();
    let attribution = Attribution::of(agent_id, Some(webhook), &agents);
    of_webhook(webhook, hook.source(), attribution, &state.caller_key).map_err(|error| FieldError {
        field: "CallSid".to_owned(),
        problem: FieldProblem::Invalid,
        expected: error.to_string(),
    })
}

fn parse(form: &Form, path: &str) -> Option<Webhook> {
    let log = |mistakes: &Vec<FieldError>| {
        warn!("/{path} is answered but not counted: {}", told(mistakes));
    };
    Webhook::parse(form).inspect_err(log).ok()
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
