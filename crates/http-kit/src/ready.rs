//! An answer that is ready before anybody asks for it: that of one path to whoever asks for it plainly.
//!
//! The application itself makes the answer, once for each worker and each change. Whoever asks with
//! nothing that could change the answer gets these bytes again, until the server says that they may not
//! be shown or that there are newer ones. Every other request goes to the application.

mod plain;

use std::cell::{Cell, RefCell};
use std::fmt::Write as _;
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use actix_http::Request;
use actix_service::Service;
use actix_web::Error;
use actix_web::body::{BoxBody, MessageBody as _};
use actix_web::dev::ServiceResponse;
use actix_web::http::header::{CONTENT_LENGTH, DATE};
use actix_web::http::{StatusCode, Uri};
use futures_util::future::LocalBoxFuture;

use self::plain::is_plain;

/// The longest head of a request that is answered so, in bytes.
const HEAD_BYTES_MAX: usize = 4 * 1024;

/// The length of a date in a header (RFC 9110, 5.6.7).
const DATE_BYTES: usize = "Mon, 30 Nov 2026 12:00:00 GMT".len();

/// Which version of the answer this client may have now; `None` if the application has to answer. The
/// same version means the same answer.
pub type Look = Box<dyn FnMut(IpAddr) -> Option<u64>>;

/// An answer that is ready before anybody asks for it.
#[derive(Clone)]
pub struct ReadyAnswer {
    /// The path that it is the answer of.
    pub path: &'static str,
    /// Makes what each worker looks by.
    pub look: Arc<dyn Fn() -> Look + Send + Sync>,
}

/// What one worker has of it.
pub(crate) struct Ready {
    path: &'static str,
    look: RefCell<Look>,
    /// Asks the application.
    ask: Box<dyn Fn(Request) -> LocalBoxFuture<'static, Result<ServiceResponse, Error>>>,
    /// Which version the bytes are, if there are any.
    version: Cell<Option<u64>>,
    bytes: RefCell<Vec<u8>>,
    /// Where the date stands in them, and which second it is.
    date: Cell<(usize, u64)>,
    /// What is read, for all connections of the worker.
    pub(crate) buffer: RefCell<Vec<u8>>,
}

/// What can be said to a request at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AtOnce {
    /// The bytes.
    Bytes,
    /// There is a newer version, which the application has to be asked for.
    Newer(u64),
    /// Nothing.
    Nothing,
}

impl Ready {
    /// What a worker has, with the service that is its application.
    pub(crate) fn new<S>(answer: &ReadyAnswer, application: S) -> Self
    where
        S: Service<Request, Response = ServiceResponse<BoxBody>, Error = Error> + 'static,
        S::Future: 'static,
    {
        let application = Rc::new(application);
        Self {
            path: answer.path,
            look: RefCell::new((answer.look)()),
            ask: Box::new(move |request| Box::pin(application.call(request))),
            version: Cell::new(None),
            bytes: RefCell::default(),
            date: Cell::default(),
            buffer: RefCell::new(vec![0; HEAD_BYTES_MAX]),
        }
    }

    /// What can be said to this request of a client at once.
    pub(crate) fn at_once(&self, request: &[u8], client: IpAddr) -> AtOnce {
        if !is_plain(request, self.path) {
            return AtOnce::Nothing;
        }
        match (self.look.borrow_mut())(client) {
            Some(version) if self.version.get() == Some(version) => AtOnce::Bytes,
            Some(version) => AtOnce::Newer(version),
            None => AtOnce::Nothing,
        }
    }

    /// Asks the application for this version. Returns whether there are bytes now. They may be of a
    /// later version, and are made again then.
    pub(crate) async fn renew(&self, version: u64) -> bool {
        let mut request = Request::new();
        request.head_mut().uri = Uri::from_static(self.path);
        let answer = (self.ask)(request).await.ok().and_then(written);
        self.version.set(answer.is_some().then_some(version));
        let is_there = answer.is_some();
        if let Some((bytes, date_at)) = answer {
            *self.bytes.borrow_mut() = bytes;
            self.date.set((date_at, u64::MAX));
        }
        is_there
    }

    /// Gives the bytes to a function, with the date of now.
    pub(crate) fn with_bytes<T>(&self, take: impl FnOnce(&[u8]) -> T) -> T {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let (date_at, second) = self.date.get();
        if since.as_secs() != second {
            self.date.set((date_at, since.as_secs()));
            let date = httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(since.as_secs()));
            let place = date_at..date_at + DATE_BYTES;
            self.bytes.borrow_mut()[place].copy_from_slice(date.as_bytes());
        }
        take(&self.bytes.borrow())
    }
}

/// The bytes of an answer with room for a date, and where that stands. `None` if it is no success, or
/// one that comes in parts.
fn written(answer: ServiceResponse<BoxBody>) -> Option<(Vec<u8>, usize)> {
    let (head, body) = answer.into_parts().1.into_parts();
    let body = body.try_into_bytes().ok().filter(|_| head.status() == StatusCode::OK)?;
    let mut text = String::from("HTTP/1.1 200 OK\r\n");
    write!(text, "{CONTENT_LENGTH}: {}\r\n", body.len()).ok()?;
    for (name, value) in head.headers() {
        write!(text, "{name}: {}\r\n", value.to_str().ok()?).ok()?;
    }
    write!(text, "{DATE}: ").ok()?;
    let date_at = text.len();
    let mut bytes = text.into_bytes();
    bytes.extend_from_slice(&[b' '; DATE_BYTES]);
    bytes.extend_from_slice(b"\r\n\r\n");
    bytes.extend_from_slice(&body);
    Some((bytes, date_at))
}

#[cfg(test)]
mod tests;
