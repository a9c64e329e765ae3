//! Which texts a signature of a URL may cover.

/// A URL in pieces that give the URL again when joined. Nothing is decoded, normalised or
/// checked: the signature covers the text as it is, and a text that is no URL matches none.
#[derive(Clone, Copy)]
pub(super) struct Url<'a> {
    /// `https://`, in the letter case that was configured.
    scheme: &'a str,
    /// `user:password@`, or nothing.
    userinfo: &'a str,
    /// `example.com` or `[2001:db8::1]`.
    host: &'a str,
    /// `:8443`, or nothing.
    port: &'a str,
    /// `/path?query`.
    path: &'a str,
    /// `#rc=5&rp=all`, or nothing.
    fragment: &'a str,
}

impl<'a> Url<'a> {
    pub(super) fn split(url: &'a str) -> Self {
        let (rest, fragment) = url.split_at(url.find('#').unwrap_or(url.len()));
        let (scheme, rest) = rest.split_at(rest.find("://").map_or(0, |at| at + "://".len()));
        let (authority, path) = match scheme {
            "" => ("", rest),
            _ => rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len())),
        };
        let (userinfo, address) = authority.split_at(authority.rfind('@').map_or(0, |at| at + 1));
        let (host, port) = split_port(address);
        Self { scheme, userinfo, host, port, path, fragment }
    }

    /// Every text that is accepted as signed.
    ///
    /// Twilio's services do not agree on the port, so all its libraries try the URL without one
    /// and with one: its own, else the standard port of its scheme. Twilio leaves out user name,
    /// password and fragment; its libraries leave them in when they are given a URL that has
    /// them, and their test vectors count as valid, so both are tried. For a usual URL these are
    /// two texts.
    pub(super) fn candidates(self) -> impl Iterator<Item = [&'a str; 6]> {
        let with_port = match self.port {
            "" if self.scheme.eq_ignore_ascii_case("https://") => ":443",
            "" if self.scheme.eq_ignore_ascii_case("http://") => ":80",
            port => port,
        };
        either(with_port).flat_map(move |port| {
            either(self.userinfo).flat_map(move |userinfo| {
                either(self.fragment).map(move |fragment| {
                    [self.scheme, userinfo, self.host, port, self.path, fragment]
                })
            })
        })
    }

    /// The text that Twilio signs for a voice request.
    pub(super) fn signed_by_twilio(self) -> [&'a str; 4] {
        let port = if self.scheme.eq_ignore_ascii_case("https://") { "" } else { self.port };
        [self.scheme, self.host, port, self.path]
    }

    /// The first `bodySHA256` of the query; Twilio's libraries take the first of two as well.
    pub(super) fn body_hash(self) -> Option<&'a str> {
        let (_, query) = self.path.split_once('?')?;
        query.split('&').find_map(|field| field.strip_prefix("bodySHA256="))
    }
}

/// The port of `host:port` with its colon. The colons of an IPv6 address are inside brackets and
/// followed by more than digits.
fn split_port(address: &str) -> (&str, &str) {
    match address.rfind(':') {
        Some(at) if address[at + 1..].bytes().all(|byte| byte.is_ascii_digit()) => {
            address.split_at(at)
        }
        Some(_) | None => (address, ""),
    }
}

/// Without the piece and, when there is one, with it.
fn either(piece: &str) -> impl Iterator<Item = &str> {
    std::iter::once("").chain((!piece.is_empty()).then_some(piece))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn candidates(url: &str) -> Vec<String> {
        Url::split(url).candidates().map(|pieces| pieces.concat()).collect()
    }

    #[test]
    fn a_usual_url_is_tried_without_and_with_a_port() {
        assert_eq!(
            candidates("https://a.example/voice?x=1"),
            ["https://a.example/voice?x=1", "https://a.example:443/voice?x=1",]
        );
        assert_eq!(candidates("HTTP://A.example"), ["HTTP://A.example", "HTTP://A.example:80"]);
        assert_eq!(
            candidates("https://a.example:8443?"),
            ["https://a.example?", "https://a.example:8443?",]
        );
    }

    #[test]
    fn the_colons_of_an_ipv6_address_are_no_port() {
        assert_eq!(
            candidates("https://[2001:db8::1]/x"),
            ["https://[2001:db8::1]/x", "https://[2001:db8::1]:443/x",]
        );
        assert_eq!(
            candidates("https://[2001:db8::1]:8443/x"),
            ["https://[2001:db8::1]/x", "https://[2001:db8::1]:8443/x",]
        );
    }

    #[test]
    fn user_name_password_and_fragment_are_tried_left_out_and_left_in() {
        let all = candidates("http://u:p@a.example/x@y#rc=5");
        assert_eq!(all.len(), 8);
        assert_eq!(all[0], "http://a.example/x@y");
        assert_eq!(all[7], "http://u:p@a.example:80/x@y#rc=5");
    }

    #[test]
    fn twilio_leaves_out_the_port_of_https_only() {
        let signed = |url| Url::split(url).signed_by_twilio().concat();
        assert_eq!(signed("https://u:p@a.example:8443/x?y#rc=5"), "https://a.example/x?y");
        assert_eq!(signed("http://127.0.0.1:8080/x"), "http://127.0.0.1:8080/x");
        assert_eq!(signed("http://a.example/x"), "http://a.example/x");
    }

    #[test]
    fn the_body_hash_is_the_first_in_the_query_and_only_there() {
        let hash = |url| Url::split(url).body_hash();
        assert_eq!(hash("https://a.example/?a=1&bodySHA256=aa&bodySHA256=bb"), Some("aa"));
        assert_eq!(hash("https://a.example/bodySHA256=aa"), None);
        assert_eq!(hash("https://a.example/?x=1#bodySHA256=aa"), None);
        assert_eq!(hash("https://a.example/?bodysha256=aa"), None);
    }

    proptest! {
        #[test]
        fn the_pieces_of_any_text_give_the_text_again(
            text in prop_oneof![any::<String>(), "https?://[a:@/?#\\[\\]0-9]{0,20}"],
        ) {
            let url = Url::split(&text);
            let pieces = [url.scheme, url.userinfo, url.host, url.port, url.path, url.fragment];
            prop_assert_eq!(pieces.concat(), text);
        }
    }
}
