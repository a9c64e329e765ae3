//! Which addresses the internet reaches.

use std::net::IpAddr;

use reqwest::Url;

/// Whether nobody outside of a network reaches it.
pub(crate) fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(it) => {
            // Behind the carrier of a line with no address of its own: RFC 6598.
            let is_carriers = matches!(it.octets(), [100, 64..=127, ..]);
            let is_inside = it.is_loopback() || it.is_private() || it.is_link_local();
            is_inside || is_carriers || it.is_unspecified()
        }
        IpAddr::V6(it) => {
            it.is_loopback()
                || it.is_unspecified()
                || it.is_unique_local()
                || it.is_unicast_link_local()
        }
    }
}

/// Whether only this machine reaches the host of this URL: it is `localhost` or an address of loopback,
/// or stands for every interface. No name is looked up.
pub(crate) fn is_this_machine(url: &Url) -> bool {
    let is_address = |it: IpAddr| it.is_loopback() || it.is_unspecified();
    url.host_str() == Some("localhost") || address_of(url).is_some_and(is_address)
}

/// The address that stands in this URL in place of a name.
pub(crate) fn address_of(url: &Url) -> Option<IpAddr> {
    url.host_str()?.trim_matches(['[', ']']).parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_internet_cannot_reach_is_known() {
        for address in
            ["127.0.0.1", "10.1.2.3", "192.168.0.1", "169.254.0.1", "100.64.1.2", "::1", "fd00::1"]
        {
            assert!(is_private(address.parse().unwrap()), "{address}");
        }
        for address in ["203.0.113.7", "100.128.0.1", "2001:db8::1"] {
            assert!(!is_private(address.parse().unwrap()), "{address}");
        }
    }
}
