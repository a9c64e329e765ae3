//! Which reverse proxies are believed, and what follows from it: the address of the client, and
//! the scheme and host that it asked for.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use actix_web::dev::RequestHead;
use actix_web::http::header::HOST;
use ipnet::{IpNet, Ipv4Net};

use crate::SettingsReader;
use crate::forwarded::{Hop, said, standard, x_forwarded_for, x_schemes};

/// Whose forwarded headers are believed. By default nobody's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedProxies {
    networks: Arc<[IpNet]>,
    /// Whoever connects is believed, for one hop (`TRUST_FORWARDED_HEADERS`).
    any_peer: bool,
}

/// Whose requests and connections are counted together: an IPv4 address, or a /64 of IPv6, which
/// is what one client gets at least (RFC 6177, section 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ClientKey(IpAddr);

impl From<IpAddr> for ClientKey {
    fn from(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64).into(),
            v4 @ IpAddr::V4(_) => v4,
        })
    }
}

/// What the headers of believed proxies say.
#[derive(Debug)]
struct Told {
    address: IpAddr,
    /// How many proxies stand between the client and the nearest one.
    depth: usize,
    hops: Vec<Hop>,
}

impl TrustedProxies {
    /// Reads `TRUSTED_PROXIES`, a list of addresses and networks, and `TRUST_FORWARDED_HEADERS`,
    /// which only counts without that list.
    pub fn read(reader: &mut SettingsReader<'_>) -> Self {
        let any_peer = reader.switch("TRUST_FORWARDED_HEADERS");
        let mut networks = Vec::new();
        for text in reader.list("TRUSTED_PROXIES") {
            match parse_network(text) {
                Some(network) if network.prefix_len() > 0 => networks.push(network),
                _ => reader.error(format!(
                    "TRUSTED_PROXIES: {text:?}: expected addresses or networks of your reverse \
                     proxies, such as 10.0.0.7 or 10.0.0.0/8, and not of everybody"
                )),
            }
        }
        let any_peer = any_peer && networks.is_empty();
        Self { networks: networks.into(), any_peer }
    }

    /// Whoever connects is believed, for one hop.
    pub fn any_peer() -> Self {
        Self { any_peer: true, ..Self::default() }
    }

    /// Whether somebody is believed at all.
    pub fn is_configured(&self) -> bool {
        self.any_peer || !self.networks.is_empty()
    }

    /// Says in the log what is dangerous.
    pub fn warn(&self) {
        if self.any_peer {
            log::warn!(
                "TRUST_FORWARDED_HEADERS believes whoever connects: who reaches this server past \
                 the reverse proxy chooses its own address. Set TRUSTED_PROXIES to the addresses \
                 of your proxies instead"
            );
        }
    }

    /// Whether a connection from this address is a proxy's, whose headers are believed.
    pub fn believes(&self, peer: IpAddr) -> bool {
        self.any_peer || self.contains(peer)
    }

    fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.networks.iter().any(|network| network.contains(&address))
    }

    /// The address of the client: the first, from the nearest proxy on, that is no proxy of ours.
    /// It is the peer's own if that is not believed, and the last known proxy's where the next one
    /// is hidden. If `Forwarded` and `X-Forwarded-For` lead to different addresses, one of them is
    /// the client's own invention, so it is the peer's too.
    pub fn client(&self, request: &RequestHead) -> IpAddr {
        let peer = peer(request);
        self.told(request).map_or(peer, |told| told.address)
    }

    /// The address of the client for the log, with a hint if that may be a proxy's.
    pub fn shown_client(&self, request: &RequestHead) -> String {
        let client = self.client(request);
        match Self::any_peer().client(request) == client {
            true => client.to_string(),
            false => format!(
                "{client}, or from behind it (a proxy there is not trusted: TRUSTED_PROXIES)"
            ),
        }
    }

    /// Whether the client came by TLS to the proxy, if a believed proxy says so.
    pub fn is_tls(&self, request: &RequestHead) -> bool {
        self.told(request).and_then(|told| is_tls(request, &told.hops, told.depth)) == Some(true)
    }

    /// Scheme and host that the client asked for, such as `https://a.example:8443`. `None` if the
    /// peer is not believed, or if there is no host. `X-Forwarded-*` goes before `Forwarded`. Where
    /// it is not known which proxies are ours ([`any_peer`](Self::any_peer)), the first proxy counts.
    pub fn origin(&self, request: &RequestHead) -> Option<String> {
        let Told { depth, hops, .. } = self.told(request)?;
        let depth = if self.any_peer { usize::MAX } else { depth };
        let scheme = match is_tls(request, &hops, depth) {
            Some(true) => "https",
            Some(false) | None => "http",
        };
        let headers = request.headers();
        let host = at(&said(headers, "x-forwarded-host"), depth).copied();
        let host = host.or_else(|| at(&hops, depth).and_then(|hop| hop.host.as_deref()));
        let received = || headers.get(HOST).and_then(|host| host.to_str().ok());
        let host = host.or_else(received).filter(|host| !host.is_empty())?;
        // The standard port of one scheme is never the other's: it is that of the hop behind TLS.
        let port = at(&said(headers, "x-forwarded-port"), depth).copied();
        let port = port.filter(|port| !has_port(host) && !matches!(*port, "80" | "443"));
        Some(match port {
            Some(port) => format!("{scheme}://{host}:{port}"),
            None => format!("{scheme}://{host}"),
        })
    }

    fn told(&self, request: &RequestHead) -> Option<Told> {
        let peer = peer(request);
        if !self.believes(peer) {
            return None;
        }
        let hops = standard(request.headers());
        let standard = hops.as_ref().map(|hops| self.walk(peer, hops.iter().map(|it| it.address)));
        let others = x_forwarded_for(request.headers());
        let others = others.map(|addresses| self.walk(peer, addresses.into_iter()));
        let (address, depth) = match (standard, others) {
            (Some((one, _)), Some((other, _))) if one != other => (peer, 0),
            (_, Some(told)) | (Some(told), None) => told,
            (None, None) => (peer, 0),
        };
        Some(Told { address, depth, hops: hops.unwrap_or_default() })
    }

    /// The client's address, and how many proxies stand before the nearest one.
    fn walk(
        &self,
        peer: IpAddr,
        addresses: impl DoubleEndedIterator<Item = Option<IpAddr>>,
    ) -> (IpAddr, usize) {
        let mut client = (peer, 0);
        for (depth, address) in addresses.rev().enumerate() {
            client.1 = depth;
            let Some(address) = address else { break };
            client.0 = address;
            if !self.contains(address) {
                break;
            }
        }
        client
    }
}

fn parse_network(text: &str) -> Option<IpNet> {
    let one = |address: IpAddr| IpNet::from(address.to_canonical());
    let network = text.parse().ok().map(one).or_else(|| text.parse().ok())?;
    // Addresses are compared as IPv4 where they are that.
    match network {
        IpNet::V6(net) if net.prefix_len() >= 96 => match net.addr().to_ipv4_mapped() {
            Some(v4) => Ipv4Net::new(v4, net.prefix_len() - 96).ok().map(IpNet::V4),
            None => Some(network),
        },
        IpNet::V4(_) | IpNet::V6(_) => Some(network),
    }
}

fn peer(request: &RequestHead) -> IpAddr {
    let peer = request.peer_addr.map(|peer| peer.ip().to_canonical());
    peer.unwrap_or(Ipv4Addr::UNSPECIFIED.into())
}

/// What the proxy at this depth says, or the outermost that says something.
fn at<T>(list: &[T], depth: usize) -> Option<&T> {
    let last = list.len().checked_sub(1)?;
    list.get(last - depth.min(last))
}

fn is_tls(request: &RequestHead, hops: &[Hop], depth: usize) -> Option<bool> {
    let others = at(&x_schemes(request.headers()), depth).copied().flatten();
    others.or_else(|| at(hops, depth).and_then(|hop| hop.is_tls))
}

fn has_port(host: &str) -> bool {
    host.rsplit(']').next().is_some_and(|rest| rest.contains(':'))
}

#[cfg(test)]
mod tests;
