//! The span of a webhook that came in, where the build exports traces.

#[cfg(not(feature = "otlp"))]
pub(super) fn traced(resource: actix_web::Resource, _: &'static str) -> actix_web::Resource {
    resource
}

#[cfg(feature = "otlp")]
pub(super) use self::on::traced;

#[cfg(feature = "otlp")]
mod on {
    use actix_web::Resource;
    use actix_web::body::MessageBody;
    use actix_web::dev::{HttpServiceFactory, ServiceRequest, ServiceResponse};
    use actix_web::http::header::HeaderMap;
    use actix_web::middleware::{Next, from_fn};
    use live_users_otlp::{Extractor, ServerSpan};

    /// The headers of a request, for what reads `traceparent`.
    struct Headers<'a>(&'a HeaderMap);

    impl Extractor for Headers<'_> {
        fn get(&self, key: &str) -> Option<&str> {
            self.0.get(key).and_then(|value| value.to_str().ok())
        }

        fn keys(&self) -> Vec<&str> {
            self.0.keys().map(|name| name.as_str()).collect()
        }

        fn get_all(&self, key: &str) -> Option<Vec<&str>> {
            self.0.get_all(key).map(|value| value.to_str().ok()).collect()
        }
    }

    /// Has the requests to a path traced. `route` is what the path is known by.
    pub(in crate::http) fn traced(
        resource: Resource,
        route: &'static str,
    ) -> impl HttpServiceFactory + 'static {
        resource.wrap(from_fn(move |request, next| serve(route, request, next)))
    }

    async fn serve(
        route: &'static str,
        request: ServiceRequest,
        next: Next<impl MessageBody + 'static>,
    ) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
        let headers = Headers(request.headers());
        let Some(span) = ServerSpan::begin(request.method().as_str(), route, &headers) else {
            return next.call(request).await;
        };
        let result = span.cover(next.call(request)).await;
        let status = match &result {
            Ok(response) => response.status(),
            Err(error) => error.as_response_error().status_code(),
        };
        span.end(status.as_u16());
        result
    }
}
