//! An answer in JSON, and whether there can be one.

use std::future::{Ready, ready};

use actix_web::http::header::CACHE_CONTROL;
use actix_web::web::Data;
use actix_web::{Error, FromRequest, HttpRequest, HttpResponse, dev};
use serde::Serialize;

use super::error::ApiError;
use crate::parts::queue::Queue;

/// An answer that is true of this moment, which no cache may keep.
pub(super) fn json(body: &impl Serialize) -> HttpResponse {
    HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(body)
}

/// A handler that takes this answers only while calls are known: otherwise none would be shown as `[]`.
/// It stands behind the proof that whoever asks may.
pub(super) struct AnsweredQueue(pub(super) Data<Queue>);

impl FromRequest for AnsweredQueue {
    type Error = Error;
    type Future = Ready<Result<Self, Error>>;

    fn from_request(request: &HttpRequest, payload: &mut dev::Payload) -> Self::Future {
        let queue = Data::<Queue>::from_request(request, payload).into_inner();
        ready(queue.and_then(|queue| match queue.unanswered() {
            Some(why) => Err(ApiError::from(why).into()),
            None => Ok(Self(queue)),
        }))
    }
}
