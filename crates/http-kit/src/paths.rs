//! The kinds of routes: reading, streams and orders. Each answers all other methods in one way.

use std::future::ready;

use actix_web::{FromRequest, Handler, HttpRequest, HttpResponse, Resource, Responder, Route, web};

/// The methods of a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Methods {
    /// GET and HEAD: something to read. The server drops the body for HEAD.
    Read,
    /// GET only: a stream, which has no meaning without a body.
    Stream,
    /// POST: an order to change something.
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

/// Builds routes whose answer to other methods is the server's own.
#[derive(Clone, Copy)]
pub struct Paths {
    wrong_method: fn(&HttpRequest, Methods) -> HttpResponse,
}

impl Paths {
    /// Builds routes with this answer to other methods.
    pub const fn new(wrong_method: fn(&HttpRequest, Methods) -> HttpResponse) -> Self {
        Self { wrong_method }
    }

    /// A route that answers GET and HEAD.
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

    /// A route that opens a stream by GET.
    pub fn stream<F, Args>(self, path: &str, handler: F) -> Resource
    where
        F: Handler<Args>,
        F::Output: Responder + 'static,
        Args: FromRequest + 'static,
    {
        let refusal = self.refusal(Methods::Stream);
        web::resource(path).route(web::get().to(handler)).default_service(refusal)
    }

    /// A route that takes orders by POST.
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
