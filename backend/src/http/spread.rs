//! What backends with different shards ask each other, with `API_TOKEN`: what one knows of calls, and to
//! record evidence. Nothing of it is sent on, so no request can go round.

use actix_web::HttpResponse;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::web::{Data, Payload};
use live_users_http_kit::ParameterError;
use live_users_wire::LACKING_HEADER;
use log::debug;

use super::authorized::Authorized;
use super::error::ApiError;
use super::signature::read_body;
use super::webhooks::Webhooks;
use crate::parts::counting_rules::CountingRules;
use crate::parts::elsewhere::{
    Answer, Elsewhere, ForwardedBatch, Question, REQUEST_BYTES_MAX, RecordedAnswer, Sender,
};
use crate::parts::not_recorded::NotRecorded;
use crate::parts::shards::Shards;

/// `POST /shards/where`: in which shards calls are, and which calls are in a room or a session.
pub(crate) async fn find(
    _: Authorized,
    shards: Data<Shards>,
    body: Payload,
) -> Result<HttpResponse, ApiError> {
    let body = read_body(body, REQUEST_BYTES_MAX).await?;
    let (sender, question) = Question::decode(&body).map_err(wrong)?;
    check(&shards, &sender)?;
    let answer = shards.answer(question).await?;
    let answer = Answer { waiting: waiting(&shards, &sender), ..answer };
    Ok(HttpResponse::Ok()
        .content_type("application/json")
        .body(answer.encode(shards.layout().shards())))
}

/// How many pieces of evidence wait here for the shards of another backend: one at least while something may.
fn waiting(shards: &Shards, sender: &Sender) -> usize {
    // First what may wait: what is kept later is no part of the answer.
    let may_wait = shards.elsewhere().is_some_and(|it| it.may_wait_for(sender));
    let of_sender = shards.waiting().into_iter().filter(|(shard, _)| sender.has(*shard));
    let n: usize = of_sender.map(|(_, n)| n).sum();
    n.max(usize::from(may_wait))
}

/// `POST /shards/record`: evidence that another backend has verified, for shards that are here. The answer
/// comes once all of it is recorded, applied and published, and names what could not be.
pub(crate) async fn record(
    _: Authorized,
    webhooks: Data<Webhooks>,
    rules: Data<CountingRules>,
    body: Payload,
) -> Result<HttpResponse, ApiError> {
    let body = read_body(body, REQUEST_BYTES_MAX).await?;
    let ForwardedBatch { from, each } = ForwardedBatch::decode(&body).map_err(wrong)?;
    let shards = &webhooks.shards;
    check(shards, &from)?;
    let recorded = shards.record_received(each, &webhooks.old_callbacks, rules.max_call_ms).await;
    let recorded = recorded.into_iter().map(|one| {
        one.map_err(|(call, why)| {
            debug!("evidence of {call} that another backend has sent is not recorded: {why}");
            why.to_string()
        })
    });
    Ok(HttpResponse::Ok().json(RecordedAnswer::of(recorded)))
}

/// Tells of a shard once no other backend has evidence for it, and none that can be reached lacks what waited
/// here at the start: until then its number, or the sum, would be too small, and nobody would see it.
pub(crate) async fn when_all_is_here(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    let shards = request.app_data::<Data<Shards>>().and_then(|it| it.elsewhere());
    let why = match shards {
        Some(elsewhere) if !elsewhere.have_ours().is_empty() => {
            "other backends still have evidence for this shard: it comes within moments"
        }
        Some(elsewhere) if elsewhere.owes() => {
            "other shards still have to get evidence from here: it goes within moments"
        }
        _ => {
            let mut response = next.call(request).await?;
            name_lacking(&mut response);
            return Ok(response);
        }
    };
    Err(ApiError::Unavailable(why.to_owned()).into())
}

/// Says for which shards of others evidence has waited here for long. Who reads this one's number to add it up
/// knows then that theirs may be wrong: they know nothing of it themselves.
fn name_lacking(response: &mut ServiceResponse<impl MessageBody>) {
    let shards = response.request().app_data::<Data<Shards>>();
    let lacking = shards.and_then(|it| it.elsewhere()).map(Elsewhere::lacking);
    let lacking: live_users_wire::ShardSet = lacking.unwrap_or_default().iter().collect();
    if !lacking.is_empty() {
        let value = HeaderValue::from_str(&lacking.to_string()).expect("numbers and commas");
        response.headers_mut().insert(HeaderName::from_static(LACKING_HEADER), value);
    }
}

/// Whether the other backend has the same idea of which shards are where.
fn check(shards: &Shards, sender: &Sender) -> Result<(), ApiError> {
    match shards.elsewhere() {
        Some(elsewhere) => {
            elsewhere.check(sender, shards.is_shared()).map_err(ApiError::Unavailable)
        }
        // While the journals cannot be opened.
        None => Err(NotRecorded::Stopped.into()),
    }
}

fn wrong(what: String) -> ApiError {
    ParameterError {
        name: "body".to_owned(),
        problem: "invalid",
        expected: format!("what a backend of this version sends; this is {what}"),
    }
    .into()
}
