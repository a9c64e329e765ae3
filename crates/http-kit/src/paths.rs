//! The kinds of routes: reading, streams and orders. Each declares the parameters of its query, and
//! answers other parameters and other methods in one way.

use std::future::ready;

use actix_web::guard::GuardContext;
use actix_web::{FromRequest, Handler, HttpRequest, HttpResponse, Resource, Responder, Route, web};

use crate::query::{ParameterError, Query};

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

/// What a route takes in its query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parameters {
    /// These, each at most once. Whoever sends another one asks for something else than what the
    /// route would answer.
    Only(&'static [&'static str]),
    /// The same, and this one.
    OnlyAnd(&'static [&'static str], &'static str),
    /// Whatever there is: for files, pages and webhooks, whose senders add parameters of their own.
    Any,
}

impl Parameters {
    /// A route without parameters.
    pub const NONE: Self = Self::Only(&[]);

    /// Checks the query of a URL.
    ///
    /// # Errors
    /// If a parameter is none of these, or is repeated.
    pub fn check(self, query: &str) -> Result<(), ParameterError> {
        match self {
            Self::Only(names) => Query::new(query).check_names(names),
            Self::OnlyAnd(names, one) => Query::new(query).check_names(&[names, &[one]].concat()),
            Self::Any => Ok(()),
        }
    }
}

/// Builds routes whose answers to other methods and to other parameters are the server's own.
#[derive(Clone, Copy)]
pub struct Paths {
    wrong_method: fn(&HttpRequest, Methods) -> HttpResponse,
    wrong_parameter: fn(ParameterError) -> HttpResponse,
}

impl Paths {
    /// Builds routes with these answers to other methods and to other parameters.
    pub const fn new(
        wrong_method: fn(&HttpRequest, Methods) -> HttpResponse,
        wrong_parameter: fn(ParameterError) -> HttpResponse,
    ) -> Self {
        Self { wrong_method, wrong_parameter }
    }

    /// A route that answers GET and HEAD.
    pub fn read<F, Args>(self, path: &str, parameters: Parameters, handler: F) -> Resource
    where
        F: Handler<Args> + Clone,
        F::Output: Responder + 'static,
        Args: FromRequest + 'static,
    {
        self.resource(path, parameters, Methods::Read)
            .route(web::get().to(handler.clone()))
            .route(web::head().to(handler))
    }

    /// A route that opens a stream by GET.
    pub fn stream<F, Args>(self, path: &str, parameters: Parameters, handler: F) -> Resource
    where
        F: Handler<Args>,
        F::Output: Responder + 'static,
        Args: FromRequest + 'static,
    {
        self.resource(path, parameters, Methods::Stream).route(web::get().to(handler))
    }

    /// A route that takes orders by POST.
    pub fn order<F, Args>(self, path: &str, parameters: Parameters, handler: F) -> Resource
    where
        F: Handler<Args>,
        F::Output: Responder + 'static,
        Args: FromRequest + 'static,
    {
        self.resource(path, parameters, Methods::Order).route(web::post().to(handler))
    }

    /// Refuses other parameters before all methods, and other methods after these.
    fn resource(self, path: &str, parameters: Parameters, methods: Methods) -> Resource {
        let Self { wrong_method, wrong_parameter } = self;
        let is_wrong = move |context: &GuardContext<'_>| {
            parameters.check(context.head().uri.query().unwrap_or_default()).is_err()
        };
        let refuse = move |request: HttpRequest| {
            let mistake = parameters.check(request.query_string());
            let mistake = mistake.expect_err("the guard has found the same mistake");
            ready(wrong_parameter(mistake))
        };
        let refuse_method = move |request: HttpRequest| ready(wrong_method(&request, methods));
        web::resource(path)
            .route(Route::new().guard(is_wrong).to(refuse))
            .default_service(web::to(refuse_method))
    }
}
