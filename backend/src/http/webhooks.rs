//! The three webhooks, by POST and GET: `/voice`, `/speech-result` and `/call-status`.
//!
//! A voice webhook that Twilio has signed is always answered with TwiML, whatever is wrong with its
//! fields or with us: there is a person on the line.

mod admission;
mod check;
mod limits;
mod passing;
mod recording;
mod repeats;
mod shared;

use std::ops::ControlFlow;
use std::panic::AssertUnwindSafe;
use std::time::Instant;

use actix_web::web::{Bytes, Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use futures_util::FutureExt;
use live_users_core::{Evidence, TurnedAway};
use live_users_intake::agents::{Agent, Agents, ID_BYTES_MAX, is_id};
use live_users_intake::{Inbound, InboundRules, Utterance};
use live_users_twilio::twiml;
use live_users_twilio::{Direction, FieldError, Form, PARTY_BYTES_MAX, StatusField};
use log::{error, warn};

use self::admission::{admit, admit_one};
pub(crate) use self::passing::Passing;
pub(crate) use self::recording::record_all;
pub(crate) use self::repeats::Repeats;
use self::repeats::RequestId;
pub(crate) use self::shared::Webhooks;
use super::error::ApiError;
use super::signature::{self, Received};
use crate::parts::conversation::Answer;
use crate::parts::counters::{Hook, Outcome};
use crate::parts::notices::{Notice, word};
use crate::parts::telemetry;

/// The fields that may be unusable without losing the webhook. The log says so.
const SIDE_FIELDS: [&str; 7] =
    ["CallStatus", "ParentCallSid", "Direction", "From", "To", "AnsweredBy", "CallDuration"];

/// `POST /voice`: Twilio asks what to say to somebody who is on the line.
pub(crate) async fn voice(
    shared: Data<Webhooks>,
    request: HttpRequest,
    body: Payload,
) -> Result<HttpResponse, ApiError> {
    let form = match admit_one(&shared, Hook::Voice, &request, body).await? {
        ControlFlow::Continue(form) => form,
        ControlFlow::Break(answer) => return Ok(answer),
    };
    let agent_id = agent_id(&shared, Hook::Voice, &request);
    let agent_id = agent_id.as_deref();
    // In a place of its own: what waits for it is copied now and then.
    let response = Box::pin(async {
        let agents = shared.agents.now();
        let mut inbound = telemetry::within("read form", || {
            let mut inbound = read(&shared, Hook::Voice, &form, agent_id, &agents);
            limits::limit(&mut inbound, &agents);
            inbound
        });
        note_agent(&inbound);
        let request_id = shared.repeats.id_of(&request);
        let is_repeat = shared.repeats.is_one(request_id);
        let turned_away = note(&shared, Hook::Voice, &mut inbound, (request_id, is_repeat)).await;
        telemetry::within("answer", || match turned_away {
            Some(how) => {
                let counted = (&*shared.counters, &*agents);
                limits::answer(counted, &inbound, how, is_repeat).to_xml().into()
            }
            None => shared.conversation.greet(agent_id, &inbound),
        })
    });
    Ok(spoken(&shared, agent_id, response).await)
}

/// `POST /speech-result`: Twilio tells what the caller said.
pub(crate) async fn speech(
    shared: Data<Webhooks>,
    request: HttpRequest,
    body: Payload,
) -> Result<HttpResponse, ApiError> {
    let form = match admit_one(&shared, Hook::Speech, &request, body).await? {
        ControlFlow::Continue(form) => form,
        ControlFlow::Break(answer) => return Ok(answer),
    };
    let agent_id = agent_id(&shared, Hook::Speech, &request);
    let agent_id = agent_id.as_deref();
    let response = Box::pin(async {
        let agents = shared.agents.now();
        let mut inbound = telemetry::within("read form", || {
            read(&shared, Hook::Speech, &form, agent_id, &agents)
        });
        note_agent(&inbound);
        let call_sid = form.text("CallSid").ok().flatten().unwrap_or_default();
        // The count first: a chat may be slow, and what was heard says that the call goes on.
        let request_id = shared.repeats.id_of(&request);
        let is_repeat = shared.repeats.is_one(request_id);
        note(&shared, Hook::Speech, &mut inbound, (request_id, is_repeat)).await;
        // What was said decides the answer even if something else about the request is wrong.
        let answer = match inbound.utterance {
            Utterance::Words(words) => {
                let chat = chat(&shared, inbound.answering, call_sid, words);
                telemetry::in_span("ask chat", chat).await
            }
            Utterance::Nothing | Utterance::Farewell => Answer::NotAsked,
        };
        telemetry::within("answer", || shared.conversation.reply(agent_id, &inbound, answer))
    });
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
/// agent that listens. A large `response` has to be boxed: there are three copies of it here.
async fn spoken(
    shared: &Webhooks,
    agent_id: Option<&str>,
    response: impl Future<Output = Bytes>,
) -> HttpResponse {
    let response = AssertUnwindSafe(response).catch_unwind().await.unwrap_or_else(|_| {
        error!("a voice webhook has caused a panic");
        shared.conversation.apologise(agent_id)
    });
    shared.counters.twiml.add();
    HttpResponse::Ok().content_type(twiml::CONTENT_TYPE).body(response)
}

/// `POST /call-status`: Twilio reports progress. Nobody hears the answer, so mistakes are told, and
/// what could not be recorded is answered with 503, which brings the webhook again if its URL asks
/// for that (`#rc=5&rp=all`). Several events in one body are taken one by one.
pub(crate) async fn status(
    shared: Data<Webhooks>,
    request: HttpRequest,
    body: Payload,
) -> Result<HttpResponse, ApiError> {
    let became = |outcome| shared.became(Hook::Status, outcome);
    let received = match admit(&shared, Hook::Status, &request, body).await? {
        ControlFlow::Continue(received) => received,
        ControlFlow::Break(answer) => return Ok(answer),
    };
    let forms = match received {
        Received::Forms { forms, n_others } => {
            if forms.is_empty() || n_others > 0 {
                let what = || format!("/call-status: {n_others} events tell of no call");
                shared.notices.say(Notice::Event, what);
            }
            forms
        }
        Received::Unreadable(why) => {
            became(Outcome::Bad);
            return Err(ApiError::Webhook(signature::Refusal::BadForm(why)));
        }
    };
    let agents = shared.agents.now();
    let means = (&shared.signature, shared.shards.first());
    shared.passing.pass_on(means, &agents, &request, &forms);
    let request_id = shared.repeats.id_of(&request);
    if shared.repeats.is_one(request_id) {
        became(Outcome::Repeated);
        return Ok(HttpResponse::NoContent().finish());
    }
    let agent_id = agent_id(&shared, Hook::Status, &request);
    let n_forms = forms.len();
    let read = |form| {
        let inbound = read(&shared, Hook::Status, form, agent_id.as_deref(), &agents);
        inbound.evidence.map(|evidence| (inbound.sent_at_ms, evidence))
    };
    let (evidence, mistakes): (Vec<_>, Vec<_>) = telemetry::within("read form", || {
        forms.iter().map(read).partition(|evidence| evidence.is_ok())
    });
    let mistakes: Vec<_> = mistakes.into_iter().filter_map(Result::err).collect();
    mistakes.iter().for_each(|_| became(Outcome::Bad));
    if !mistakes.is_empty() && mistakes.len() == n_forms {
        warn!("/call-status is refused: {}", told(&mistakes));
        return Err(ApiError::BadFields(mistakes));
    }
    if let Some(mistake) = mistakes.first() {
        shared.notices.say(Notice::Event, || format!("/call-status: an event is left: {mistake}"));
    }
    let mut recorded = Ok(());
    for (sent_at_ms, evidence) in evidence.into_iter().flatten() {
        recorded = record(&shared, sent_at_ms, evidence).await.and(recorded);
    }
    recorded.map(|()| {
        shared.repeats.remember(request_id);
        HttpResponse::NoContent().finish()
    })
}

/// Records what a status callback says.
async fn record(
    shared: &Webhooks,
    sent_at_ms: Option<u64>,
    evidence: Vec<Evidence>,
) -> Result<(), ApiError> {
    let became = |outcome| shared.became(Hook::Status, outcome);
    let evidence = evidence.into_iter().map(|evidence| (sent_at_ms, evidence));
    match record_all((&shared.old_callbacks, &shared.shards), evidence).await {
        Ok((outcome, _)) => {
            became(outcome);
            Ok(())
        }
        Err((call, why)) => {
            became(Outcome::NotRecorded);
            warn!("503 for the status of {call}: {why}");
            Err(why.into())
        }
    }
}

/// Reads a form, and says in the log what is not understood in it.
fn read<'a>(
    shared: &'a Webhooks,
    hook: Hook,
    form: &'a Form,
    agent_id: Option<&str>,
    agents: &'a Agents,
) -> Inbound<'a> {
    let inbound = Inbound::read(form, hook.source(), agent_id, rules(shared, agents));
    if inbound.evidence.is_ok() {
        shared.arrivals.accept(hook, form, agents, Instant::now());
    }
    let path = hook.path();
    let text = |name| form.text_within(name, PARTY_BYTES_MAX).ok().flatten();
    let mistakes = SIDE_FIELDS.map(|name| form.text_within(name, PARTY_BYTES_MAX).err());
    for mistake in mistakes.into_iter().flatten() {
        let line = || format!("{path}: {mistake}; it counts as not said");
        shared.notices.say(Notice::Field, line);
    }
    if let Some(direction) = text("Direction").filter(|text| Direction::parse(text).is_none()) {
        let line = || format!("{path}: Direction is {}, which is not known", word(direction));
        shared.notices.say(Notice::Field, line);
    }
    match (inbound.status, text("CallStatus")) {
        (StatusField::Unknown, Some(status)) => shared.notices.say(Notice::Status, || {
            format!("{path}: CallStatus is {}, which is not known; it is noted", word(status))
        }),
        (StatusField::Missing, _)
            if inbound.evidence.is_ok() && hook == Hook::Status && !inbound.has_events =>
        {
            let line = || format!("{path}: there is no CallStatus; it is noted");
            shared.notices.say(Notice::Status, line);
        }
        _ => {}
    }
    inbound
}

/// Says in the trace which agent of the agents file has the call. Another one may be anything.
fn note_agent(inbound: &Inbound<'_>) {
    if let Some(agent) = inbound.answering {
        telemetry::note("live_users.agent", &agent.id);
    }
}

/// Records what a voice webhook says, or logs why not. Returns how its call is turned away, if it is.
/// What no limit decides about is taken out of the webhook: nobody asks for it again.
async fn note(
    shared: &Webhooks,
    hook: Hook,
    inbound: &mut Inbound<'_>,
    (request_id, is_repeat): (Option<RequestId>, bool),
) -> Option<TurnedAway> {
    let became = |outcome| shared.became(hook, outcome);
    let sent_at_ms = inbound.sent_at_ms;
    let evidence = match &mut inbound.evidence {
        Ok(evidence) if limits::is_limited(evidence) => evidence.clone(),
        Ok(_) if is_repeat => {
            became(Outcome::Repeated);
            return None;
        }
        Ok(evidence) => std::mem::take(evidence),
        Err(mistake) => {
            became(Outcome::Bad);
            warn!("{} is answered but not counted: {mistake}", hook.path());
            return None;
        }
    };
    let evidence = evidence.into_iter().map(|evidence| (sent_at_ms, evidence));
    match record_all((&shared.old_callbacks, &shared.shards), evidence).await {
        Ok((outcome, turned_away)) => {
            shared.repeats.remember(request_id);
            became(if is_repeat { Outcome::Repeated } else { outcome });
            turned_away
        }
        Err((call, why)) => {
            became(Outcome::NotRecorded);
            error!("a voice webhook of {call} is not recorded: {why}");
            limits::let_in(&shared.shards, inbound.evidence.as_deref().unwrap_or_default());
            None
        }
    }
}

fn rules<'a>(shared: &'a Webhooks, agents: &'a Agents) -> InboundRules<'a> {
    InboundRules {
        agents,
        key: &shared.caller_key,
        farewell: shared.conversation.farewell(),
        accounts: &shared.accounts,
    }
}

fn told(mistakes: &[FieldError]) -> String {
    mistakes.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

/// The `agent` in the query of a webhook's URL. One that can be no id is left out, at each path
/// alike: a call that has begun must be able to end.
fn agent_id(shared: &Webhooks, hook: Hook, request: &HttpRequest) -> Option<String> {
    let query = Form::parse(request.query_string().as_bytes()).unwrap_or_default();
    match query.text_within("agent", ID_BYTES_MAX) {
        Ok(None) => None,
        Ok(Some(id)) if is_id(id) => Some(id.to_owned()),
        Ok(Some(_)) | Err(_) => {
            shared.notices.say(Notice::Agent, || {
                format!(
                    "{}: the agent in the URL is left out; expected 1 to {ID_BYTES_MAX} letters, \
                     digits, '-' or '_'",
                    hook.path()
                )
            });
            None
        }
    }
}

#[cfg(test)]
mod tests;
