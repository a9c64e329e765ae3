//! In which form an answer of many rows is wanted: as JSON, CSV or JSON Lines.

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{Accept, Header, HeaderValue, Quality, VARY};
use actix_web::middleware::Next;
use actix_web::{Error, HttpRequest};

use crate::query::{ParameterError, Query};

/// The parameter that chooses a form.
pub const FORMAT: &str = "format";

/// The form of an answer of many rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// One JSON object, with some of the rows in it.
    Json,
    /// Comma-separated values with a header row, as RFC 4180 has them.
    Csv,
    /// A JSON object in each line.
    JsonLines,
}

impl Format {
    /// The form that a request wants: by its parameter `format`, else by what it accepts.
    ///
    /// # Errors
    /// If there is no such form.
    pub fn of(request: &HttpRequest) -> Result<Self, ParameterError> {
        Self::among(&[Self::Json, Self::Csv, Self::JsonLines], "json, csv or jsonl", request)
    }

    /// The form of rows of which there is no end that fits into one object. Without a wish these are
    /// JSON Lines.
    ///
    /// # Errors
    /// If another form is asked for by name.
    pub fn of_rows(request: &HttpRequest) -> Result<Self, ParameterError> {
        let format = Self::among(&[Self::Csv, Self::JsonLines], "csv or jsonl", request)?;
        Ok(if format == Self::Json { Self::JsonLines } else { format })
    }

    fn among(all: &[Self], names: &str, request: &HttpRequest) -> Result<Self, ParameterError> {
        let named = |text: &str| all.iter().copied().find(|format| format.name() == text);
        let by_query = Query::new(request.query_string()).parsed(FORMAT, names, named)?;
        Ok(by_query.unwrap_or_else(|| Self::accepted(request)))
    }

    /// The first that is accepted and known.
    fn accepted(request: &HttpRequest) -> Self {
        let accept = Accept::parse(request).map(|Accept(mut accepted)| {
            // What has a weight of 0 is not acceptable (RFC 9110, section 12.4.2).
            accepted.retain(|it| it.quality > Quality::ZERO);
            Accept(accepted).ranked()
        });
        let accept = accept.unwrap_or_default();
        let known = accept.iter().find_map(|mime| match mime.essence_str() {
            "text/csv" => Some(Self::Csv),
            "application/jsonl" | "application/x-ndjson" => Some(Self::JsonLines),
            "application/json" | "application/*" | "*/*" => Some(Self::Json),
            _ => None,
        });
        known.unwrap_or(Self::Json)
    }

    /// The value of the parameter `format`, which is how its files end, too.
    pub fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Csv => "csv",
            Self::JsonLines => "jsonl",
        }
    }

    /// The content type.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Csv => "text/csv; charset=utf-8; header=present",
            Self::JsonLines => "application/jsonl",
        }
    }

    /// The header `Content-Disposition` for a file of this form.
    pub fn disposition(self, name: &str) -> String {
        format!("attachment; filename=\"live-users-{name}.{}\"", self.name())
    }
}

/// Tells caches that a path has other answers for who accepts other forms.
///
/// # Errors
/// Those of the handlers.
pub async fn vary_by_accept(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let mut answer = next.call(request).await?;
    answer.headers_mut().append(VARY, HeaderValue::from_static("Accept"));
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn a_form_is_chosen_by_the_query_else_by_what_is_accepted() {
        let of = |query: &str, accept: &str| {
            let request = TestRequest::with_uri(&format!("/calls{query}"));
            let request = match accept {
                "" => request,
                accept => request.insert_header(("Accept", accept)),
            };
            Format::of(&request.to_http_request())
        };
        for (query, accept, expected) in [
            ("", "", Format::Json),
            ("", "*/*", Format::Json),
            ("", "text/html,*/*;q=0.8", Format::Json),
            ("", "text/csv", Format::Csv),
            ("", "application/json;q=0.5, text/csv;q=0.9", Format::Csv),
            ("", "text/csv;q=0.1, application/json", Format::Json),
            ("", "text/csv;q=0", Format::Json),
            ("", "text/csv;q=0.0, application/jsonl;q=0.000, */*;q=0.1", Format::Json),
            ("", "application/json;q=0, text/csv;q=0.1", Format::Csv),
            ("", "application/x-ndjson", Format::JsonLines),
            ("?format=jsonl", "text/csv", Format::JsonLines),
            ("?format=", "text/csv", Format::Csv),
        ] {
            assert_eq!(of(query, accept), Ok(expected), "{query} {accept}");
        }
        let wrong = of("?format=xml", "").unwrap_err();
        assert_eq!((&*wrong.name, &*wrong.expected), ("format", "json, csv or jsonl"));
    }

    #[test]
    fn rows_without_an_end_are_never_one_object() {
        let of = |query: &str, accept: &str| {
            let request = TestRequest::with_uri(&format!("/stretches{query}"));
            Format::of_rows(&request.insert_header(("Accept", accept)).to_http_request())
        };
        for (query, accept, expected) in [
            ("", "*/*", Format::JsonLines),
            ("", "application/json", Format::JsonLines),
            ("?format=", "text/csv", Format::Csv),
            ("?format=jsonl", "text/csv", Format::JsonLines),
        ] {
            assert_eq!(of(query, accept), Ok(expected), "{query} {accept}");
        }
        let wrong = of("?format=json", "").unwrap_err();
        assert_eq!((&*wrong.name, &*wrong.expected), ("format", "csv or jsonl"));
    }
}
