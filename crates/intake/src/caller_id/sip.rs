//! The parts of a SIP address that say who it is.

use percent_encoding::percent_decode_str;

/// A SIP address without what changes from call to call: scheme, port, password, parameters and
/// headers. All in lower case.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct SipAddress {
    /// The user, without escapes; empty when there is none.
    pub(super) user: String,
    /// The host, without a dot at its end.
    pub(super) host: String,
    /// Whether the address says that its user is a phone number (`user=phone`).
    pub(super) is_phone: bool,
}

impl SipAddress {
    /// Reads `sip:user:password@host:port;parameters?headers` in lower case. A text that is no
    /// such address gives whatever stands where the parts would be.
    pub(super) fn parse(text: &str) -> Self {
        let text = text.split_once('<').map_or(text, |(_, inner)| inner);
        let text = text.trim_start_matches(['<', ' ']);
        let text = text.strip_prefix("sips:").or_else(|| text.strip_prefix("sip:")).unwrap_or(text);
        // A user may have `;` and `?` in it, so the first of these that counts is after the `@`.
        let (before, tail) = match text.find('@') {
            Some(at) => text.split_at(at),
            None => ("", text),
        };
        let end = tail.find([';', '?', '>', ' ']).unwrap_or(tail.len());
        let (address, parameters) = tail.split_at(end);
        // Of two `@`, as in `sip:jo@example.com@sbc.example.com`, the last one is before the host.
        let (more, host) = match address.rfind('@') {
            Some(at) => (&address[..at], &address[at + 1..]),
            None => ("", address),
        };
        let userinfo = format!("{before}{more}");
        let user = userinfo.split(';').next().unwrap_or_default();
        let user = user.split(':').next().unwrap_or_default();
        let parameters = parameters.split(['?', '>']).next().unwrap_or_default();
        Self {
            user: unescaped(user).trim().to_lowercase(),
            host: without_port(host).trim_end_matches('.').to_owned(),
            is_phone: parameters.split(';').any(|parameter| parameter.trim() == "user=phone"),
        }
    }
}

/// A text without percent escapes. Bytes that are no text stay escaped.
pub(super) fn unescaped(text: &str) -> String {
    percent_decode_str(text).decode_utf8().map_or_else(|_| text.to_owned(), Into::into)
}

fn without_port(host: &str) -> &str {
    match host.rfind(':') {
        Some(at) if !host[at..].contains(']') => &host[..at],
        Some(_) | None => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_user_and_host_are_left_of_an_address() {
        for (text, user, host, is_phone) in [
            ("sip:jo@example.com", "jo", "example.com", false),
            (
                "sips:jo:secret@example.com.:5061;transport=tls?subject=x",
                "jo",
                "example.com",
                false,
            ),
            ("sip:+1415;npdi=yes@10.0.0.1;user=phone", "+1415", "10.0.0.1", true),
            ("sip:jo@[2001:db8::1]:5060", "jo", "[2001:db8::1]", false),
            ("sip:jo@[2001:db8::1]", "jo", "[2001:db8::1]", false),
            ("sip:%2b1415@example.com", "+1415", "example.com", false),
            ("sip:jo@example.com@sbc.example.com", "jo@example.com", "sbc.example.com", false),
            ("sip:10.0.0.1:5060", "", "10.0.0.1", false),
            ("sip:@example.com", "", "example.com", false),
            ("sip:", "", "", false),
        ] {
            let expected = SipAddress { user: user.to_owned(), host: host.to_owned(), is_phone };
            assert_eq!(SipAddress::parse(text), expected, "{text}");
        }
    }
}
