//! The routes of phone numbers, applications and alerts.

use actix_web::web::{self, Bytes, Data, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use jiff::Timestamp;
use live_users_twilio::rest::Failure;
use serde_json::Value;

use super::{Shared, caller, response};
use crate::rest::account::{self, Account, Window};
use crate::rest::model::Caller;

const ACCOUNT: &str = "/2010-04-01/Accounts/{account}";

/// How many entries a page has unless asked otherwise.
const PAGE_SIZE_DEFAULT: usize = 50;

pub(super) fn routes(config: &mut ServiceConfig) {
    config
        .route(&format!("{ACCOUNT}/IncomingPhoneNumbers.json"), web::get().to(numbers))
        .route(&format!("{ACCOUNT}/IncomingPhoneNumbers/{{sid}}.json"), web::get().to(number))
        .route(&format!("{ACCOUNT}/IncomingPhoneNumbers/{{sid}}.json"), web::post().to(change))
        .route(&format!("{ACCOUNT}/Applications/{{sid}}.json"), web::get().to(application))
        .route("/v1/Alerts", web::get().to(alerts));
}

async fn numbers(
    request: HttpRequest,
    path: web::Path<String>,
    shared: Data<Shared>,
) -> HttpResponse {
    let account_sid = path.into_inner();
    answer(&request, &account_sid, &shared, |account| {
        let window = window(request.query_string()).ok_or_else(bad_request)?;
        let page = account.read_numbers(window)?;
        Ok(Some(account::numbers(&page, window, &account_sid)))
    })
    .await
}

async fn number(
    request: HttpRequest,
    path: web::Path<(String, String)>,
    shared: Data<Shared>,
) -> HttpResponse {
    let (account_sid, sid) = path.into_inner();
    let read = |account: &mut Account| {
        Ok(account.read_number(&sid)?.map(|it| account::number(it, &account_sid)))
    };
    answer(&request, &account_sid, &shared, read).await
}

async fn change(
    request: HttpRequest,
    path: web::Path<(String, String)>,
    form: Bytes,
    shared: Data<Shared>,
) -> HttpResponse {
    let (account_sid, sid) = path.into_inner();
    let change = |account: &mut Account| {
        let form = String::from_utf8_lossy(&form);
        let fields = web::Query::<Vec<(String, String)>>::from_query(&form);
        let fields = fields.map_err(|_| bad_request())?.into_inner();
        Ok(account.change_number(&sid, fields)?.map(|it| account::number(it, &account_sid)))
    };
    answer(&request, &account_sid, &shared, change).await
}

async fn application(
    request: HttpRequest,
    path: web::Path<(String, String)>,
    shared: Data<Shared>,
) -> HttpResponse {
    let (account_sid, sid) = path.into_inner();
    let read = |account: &mut Account| {
        Ok(account.read_application(&sid)?.map(|it| account::application(it, &account_sid)))
    };
    answer(&request, &account_sid, &shared, read).await
}

/// The debugger is on another host, and its addresses name no account.
async fn alerts(request: HttpRequest, shared: Data<Shared>) -> HttpResponse {
    let account_sid = shared.api.lock().account_sid.clone();
    answer(&request, &account_sid, &shared, |account| {
        let fields = web::Query::<Vec<(String, String)>>::from_query(request.query_string());
        let fields = fields.map(web::Query::into_inner).unwrap_or_default();
        let since = fields.iter().find(|(name, _)| name == "StartDate");
        let since = since.and_then(|(_, value)| value.parse::<Timestamp>().ok());
        let since_ms = since.map_or(0, |it| u64::try_from(it.as_millisecond()).unwrap_or_default());
        Ok(Some(account::alerts(&account.read_alerts(since_ms)?, &account_sid)))
    })
    .await
}

/// Answers what the account says, if the credentials are right.
async fn answer(
    request: &HttpRequest,
    account_sid: &str,
    shared: &Shared,
    ask: impl FnOnce(&mut Account) -> Result<Option<Value>, Failure>,
) -> HttpResponse {
    let admitted = admit(request, account_sid, shared);
    let body = admitted.and_then(|()| ask(&mut shared.account.lock()));
    response(body).await
}

fn bad_request() -> Failure {
    Failure::Odd("status 400".to_owned())
}

/// Checks the credentials.
fn admit(request: &HttpRequest, account_sid: &str, shared: &Shared) -> Result<(), Failure> {
    match caller(request, account_sid, &shared.api.lock()) {
        Caller::Known => Ok(()),
        Caller::Stranger => Err(Failure::Refused(401)),
    }
}

fn window(query: &str) -> Option<Window> {
    let mut window = Window { size: PAGE_SIZE_DEFAULT, page: 0 };
    for (name, value) in query.split('&').filter_map(|field| field.split_once('=')) {
        match name {
            "PageSize" => window.size = value.parse().ok().filter(|n| (1..=1000).contains(n))?,
            "Page" => window.page = value.parse().ok()?,
            _ => {}
        }
    }
    Some(window)
}
