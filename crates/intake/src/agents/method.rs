//! The method by which a URL of an agent is requested.

/// One of the two methods that Twilio knows for a webhook.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Method {
    /// The fields are in the query.
    Get,
    /// The fields are in the body. Twilio's default.
    #[default]
    Post,
}

impl Method {
    /// Reads a method as Twilio writes it, in capital letters.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "GET" => Some(Self::Get),
            "POST" => Some(Self::Post),
            _ => None,
        }
    }

    /// The method in HTTP and TwiML.
    pub fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
        }
    }

    /// The method that a file names, or the default. A file with another one is refused.
    pub(super) fn of(named: Option<&str>) -> Self {
        named.and_then(Self::parse).unwrap_or_default()
    }
}
