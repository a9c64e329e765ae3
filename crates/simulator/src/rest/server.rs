//! The stand-in over HTTP, on loopback.

mod account;

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};

use actix_web::dev::{ServerHandle, Service};
use actix_web::http::StatusCode;
use actix_web::http::header::{AUTHORIZATION, DATE, HeaderValue, HttpDate, WWW_AUTHENTICATE};
use actix_web::rt::System;
use actix_web::web::{self, Data, ServiceConfig};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use live_users_twilio::rest::{CODE_NOT_FOUND, CODE_TOO_MANY, CODE_UNAUTHORISED, Failure};
use parking_lot::{Mutex, MutexGuard};
use serde_json::Value;

use super::account::Account;
use super::json;
use super::model::{Caller, CallsApi};

/// The code in the body of an answer to a question that cannot be understood.
const CODE_BAD_REQUEST: u32 = 20001;

/// The code in the body of an answer during an outage.
const CODE_SERVER: u32 = 20500;

/// A server in Twilio's place, on a free port of loopback; it stops when this is dropped.
pub struct StandIn {
    address: SocketAddr,
    shared: Arc<Shared>,
    server: ServerHandle,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    api: Mutex<CallsApi>,
    account: Mutex<Account>,
    /// The time in milliseconds, on the clock of the model.
    clock: Box<dyn Fn() -> u64 + Send + Sync>,
}

impl StandIn {
    /// Starts with the real time: milliseconds since 1970.
    ///
    /// # Errors
    /// The system's own, if nothing can listen on loopback.
    pub fn start(api: CallsApi) -> std::io::Result<Self> {
        Self::start_with_clock(api, || {
            let elapsed = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
            let ms = elapsed.map(|elapsed| elapsed.as_millis()).unwrap_or_default();
            u64::try_from(ms).unwrap_or(u64::MAX)
        })
    }

    /// Starts with this clock, which tells milliseconds.
    ///
    /// # Errors
    /// The system's own, if nothing can listen on loopback.
    pub fn start_with_clock(
        api: CallsApi,
        clock: impl Fn() -> u64 + Send + Sync + 'static,
    ) -> std::io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            api: Mutex::new(api),
            account: Mutex::new(Account::new()),
            clock: Box::new(clock),
        });
        let data = Data::from(Arc::clone(&shared));
        let (sender, started) = mpsc::sync_channel(1);
        // A thread of its own, so that it can be started with and without a runtime around.
        let thread =
            std::thread::Builder::new().name("twilio-rest".to_owned()).spawn(move || {
                let ended = System::new().block_on(async move {
                    let new_app = move || {
                        let clock = data.clone();
                        App::new()
                            .app_data(data.clone())
                            .wrap_fn(move |request, service| {
                                let date = date_of(&clock);
                                let answered = service.call(request);
                                async move {
                                    let mut answer = answered.await?;
                                    answer.headers_mut().insert(DATE, date);
                                    Ok(answer)
                                }
                            })
                            .configure(routes)
                    };
                    let server = HttpServer::new(new_app)
                        .workers(1)
                        .disable_signals()
                        .listen(listener)?
                        .run();
                    let _somebody_waits = sender.send(server.handle());
                    server.await
                });
                drop::<std::io::Result<()>>(ended);
            })?;
        let not_started = |_| std::io::Error::other("the stand-in for Twilio cannot listen");
        let server = started.recv().map_err(not_started)?;
        Ok(Self { address, shared, server, thread: Some(thread) })
    }

    /// Where it is: `http://127.0.0.1:<port>`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The model, to note changes and to change its behaviour. Nobody is answered meanwhile.
    pub fn api(&self) -> MutexGuard<'_, CallsApi> {
        self.shared.api.lock()
    }

    /// The phone numbers, applications and alerts of the account. Nobody is answered about them
    /// meanwhile.
    pub fn account(&self) -> MutexGuard<'_, Account> {
        self.shared.account.lock()
    }

    /// The time in milliseconds, on the clock of the models.
    pub(super) fn now_ms(&self) -> u64 {
        (self.shared.clock)()
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        // The command is sent at once; the future would only wait for its end.
        drop(self.server.stop(false));
        if let Some(thread) = self.thread.take() {
            let _ended = thread.join();
        }
    }
}

fn routes(config: &mut ServiceConfig) {
    config
        .route("/2010-04-01/Accounts/{account}/Calls.json", web::get().to(list))
        .route("/2010-04-01/Accounts/{account}/Calls/{sid}.json", web::get().to(call))
        .configure(account::routes);
}

/// What the provider's clock says.
fn date_of(shared: &Shared) -> HeaderValue {
    let ahead_s = shared.account.lock().behaviour.clock_ahead_s;
    let now = SystemTime::now();
    let ahead = Duration::from_secs(ahead_s.unsigned_abs());
    let date = HttpDate::from(if ahead_s < 0 { now - ahead } else { now + ahead });
    HeaderValue::from_str(&date.to_string()).expect("a date has visible characters")
}

async fn list(request: HttpRequest, path: web::Path<String>, shared: Data<Shared>) -> HttpResponse {
    let account = path.into_inner();
    let body = {
        let (mut api, now_ms) = (shared.api.lock(), (shared.clock)());
        let caller = caller(&request, &account, &api);
        api.list(now_ms, request.query_string(), caller).map(|page| json::page(&page, &account))
    };
    response(body.map(Some)).await
}

async fn call(
    request: HttpRequest,
    path: web::Path<(String, String)>,
    shared: Data<Shared>,
) -> HttpResponse {
    let (account, sid) = path.into_inner();
    let body = {
        let (mut api, now_ms) = (shared.api.lock(), (shared.clock)());
        let caller = caller(&request, &account, &api);
        api.call(now_ms, &sid, caller).map(|view| view.map(|view| json::call(&view, &account)))
    };
    response(body).await
}

/// Basic auth with the account's token or one of its keys; another account than one's own is as
/// bad as a wrong password.
fn caller(request: &HttpRequest, account: &str, api: &CallsApi) -> Caller {
    let header = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let plain = header
        .and_then(|value| value.strip_prefix("Basic "))
        .and_then(|encoded| BASE64.decode(encoded).ok())
        .and_then(|bytes| String::from_utf8(bytes).ok());
    match plain.as_deref().and_then(|plain| plain.split_once(':')) {
        Some((user, password)) if account == api.account_sid => {
            api.credentials.caller(user, password)
        }
        Some(_) | None => Caller::Stranger,
    }
}

async fn response(body: Result<Option<Value>, Failure>) -> HttpResponse {
    match body {
        Ok(Some(body)) => HttpResponse::Ok().json(body),
        Ok(None) | Err(Failure::NotFound) => {
            refusal(404, CODE_NOT_FOUND, "The requested resource was not found")
        }
        Err(Failure::TooMany) => refusal(429, CODE_TOO_MANY, "Too Many Requests"),
        Err(Failure::Refused(status)) => refusal(status, CODE_UNAUTHORISED, "Authenticate"),
        Err(Failure::Server(status)) => refusal(status, CODE_SERVER, "Internal Server Error"),
        Err(Failure::Timeout | Failure::Unreachable | Failure::Untrusted | Failure::Endless(_)) => {
            std::future::pending().await
        }
        Err(Failure::Odd(_)) => refusal(400, CODE_BAD_REQUEST, "Bad Request"),
    }
}

fn refusal(status: u16, code: u32, message: &str) -> HttpResponse {
    let known = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = HttpResponse::build(known);
    if known == StatusCode::UNAUTHORIZED {
        response.insert_header((WWW_AUTHENTICATE, "Basic realm=\"Twilio API\""));
    }
    response.json(json::error(code, message, known.as_u16()))
}

#[cfg(test)]
mod tests;
