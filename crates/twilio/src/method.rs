//! The methods by which Twilio requests a URL.

/// How Twilio requests a URL.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Method {
    /// `GET`: the fields are in the query.
    Get,
    /// `POST`, which is the default.
    #[default]
    Post,
}

impl Method {
    /// As Twilio writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
        }
    }

    /// Reads `GET` and `POST`.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "GET" => Some(Self::Get),
            "POST" => Some(Self::Post),
            _ => None,
        }
    }
}
