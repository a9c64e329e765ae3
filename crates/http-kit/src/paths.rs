//! The kinds of paths in the tables of routes, with an answer for every other method.

use std::future::ready;

use actix_web::{FromRequest, Handler, HttpRequest, HttpResponse, Resource, Responder, Route, web};

/// The methods that a path takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Methods {
    /// GET and HEAD: something to read. The server itself drops the body for HEAD.
    Read,
    /// GET alone: a stream, which would be none without a body.
    Stream,
    /// POST: an order.
    Order,
}

impl Methods {
    /// The value of the header `Allow`.
    pub fn allow(self) -> &'static str {
        match self {
            Self::Read => "GET, HEAD",
            Self::Stream => "GET",
            Self::Order => "POST",
        }
    }
}

/// Builds paths that answer wrong methods in the words of one server.
#[derive(Clone, Copy)]
pub struct Paths {
    wrong_method: fn(&HttpRequest, Methods) -> HttpResponse,
}

impl Paths {
    /// Paths that give this answer to a method that they do not take.
    pub const fn new(wrong_method: fn(&HttpRequest, Methods) -> HttpResponse) -> Self {
        Self { wrong_method }
    }

    /// A path that answers GET and HEAD.
    pub fn read<F, Args>(self, path: &str, handler: F) -> Resource
    where
        F: Handler<Args> + Clone,
        F::Output: Responder + 'static,
        Args: FromRequest + 'static,
    {
        web::resource(path)
            .route(web::get().to(handler.clone()))
            .route(web::head().to(handler))
            .default_service(self.refusal(Methods::Read))
    }

    /// A path that opens a stream by GET.
    pub fn stream<F, Args>(self, path: &str, handler: F) -> Resource
    where
        F: Handler<Args>,
        F::Output: Responder + 'static,
        Args: FromRequest + 'static,
    {
        let refusal = self.refusal(Methods::Stream);
        web::resource(path).route(web::get().to(handler)).default_service(refusal)
    }

    /// A path that takes orders by POST.
    pub fn order<F, Args>(self, path: &str, handler: F) -> Resource
    where
        F: Handler<Args>,
        F::Output: Responder + 'static,
        Args: FromRequest + 'static,
    {
        let refusal = self.refusal(Methods::Order);
        web::resource(path).route(web::post().to(handler)).default_service(refusal)
    }

    fn refusal(self, methods: Methods) -> Route {
        let Self { wrong_method } = self;
        web::to(move |request: HttpRequest| ready(wrong_method(&request, methods)))
    }
}
