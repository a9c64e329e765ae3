//! A webhook as it came.

/// A webhook as it came: nothing in it is decoded or written anew, since signatures cover bytes.
///
/// Without `Debug`: a body may hold anything.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// `POST`, or `GET` where the kind allows that.
    pub method: &'a str,
    /// The public URL as the provider has it configured, with the query exactly as it came.
    pub url: &'a str,
    /// The value of a header by its name in any case; `None` if there is none that is text.
    pub header: &'a dyn Fn(&str) -> Option<&'a str>,
    /// The body.
    pub body: &'a [u8],
}

impl<'a> Request<'a> {
    /// The value of a header, without white space around it; `None` if it is missing or empty.
    pub fn header(&self, name: &str) -> Option<&'a str> {
        (self.header)(name).map(str::trim).filter(|value| !value.is_empty())
    }

    /// Whether the body is a form, by its content type.
    pub fn is_form(&self) -> bool {
        let essence = self.header("content-type").and_then(|it| it.split(';').next());
        essence.is_some_and(|it| it.trim().eq_ignore_ascii_case(FORM))
    }
}

const FORM: &str = "application/x-www-form-urlencoded";
