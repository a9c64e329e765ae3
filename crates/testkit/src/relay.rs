//! A network between a client and a server that a test can make worse.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};

/// Passes bytes on, unless told otherwise.
pub struct Relay {
    /// Where it listens, such as `127.0.0.1:40123`.
    pub address: String,
    /// The same as an address of HTTP.
    pub url: String,
    rules: Arc<Mutex<Rules>>,
}

#[derive(Default)]
struct Rules {
    /// Where it leads; nowhere at first.
    to: Option<String>,
    is_cut: bool,
    is_mute: bool,
    /// A connection over which a client says one of these is broken off.
    forbidden: Vec<&'static str>,
    /// What a client says, and what the server hears instead.
    misheard: Option<(&'static str, &'static str)>,
    open: Vec<TcpStream>,
}

impl Relay {
    /// Listens for what is to reach this server, which is an address with or without `http://`.
    ///
    /// # Panics
    /// If there is no free port.
    pub fn start(to: &str) -> Self {
        let relay = Self::to_nowhere();
        relay.lead_to(to);
        relay
    }

    /// Listens, and hangs up until it is told where to lead: servers that have to know the addresses of
    /// each other before they start.
    ///
    /// # Panics
    /// If there is no free port.
    pub fn to_nowhere() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let url = format!("http://{address}");
        let rules = Arc::new(Mutex::new(Rules::default()));
        let shared = rules.clone();
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                accept(client, &shared);
            }
        });
        Self { address, url, rules }
    }

    /// Leads new connections to this server, which is an address with or without `http://`.
    pub fn lead_to(&self, to: &str) {
        self.rules().to = Some(to.strip_prefix("http://").unwrap_or(to).to_owned());
    }

    /// Lets through no request that has one of these in it; what is open stays open.
    pub fn forbid(&self, forbidden: &[&'static str]) {
        self.rules().forbidden = forbidden.to_vec();
    }

    /// Lets the server hear something else, of the same length, wherever a request has this in it.
    ///
    /// # Panics
    /// If the lengths differ.
    pub fn mishear(&self, misheard: Option<(&'static str, &'static str)>) {
        assert!(misheard.is_none_or(|(said, heard)| said.len() == heard.len()), "{misheard:?}");
        self.rules().misheard = misheard;
    }

    /// Breaks off everything, and lets nothing through until it is mended.
    pub fn cut(&self, is_cut: bool) {
        let mut rules = self.rules();
        rules.is_cut = is_cut;
        rules.open.drain(..).for_each(|stream| hang_up(&stream));
    }

    /// Swallows what the server says, or lets it through again. What the client says goes on.
    pub fn mute(&self, is_mute: bool) {
        self.rules().is_mute = is_mute;
    }

    fn rules(&self) -> MutexGuard<'_, Rules> {
        self.rules.lock()
    }
}

fn accept(client: TcpStream, rules: &Arc<Mutex<Rules>>) {
    let mut now = rules.lock();
    if now.is_cut {
        return hang_up(&client);
    }
    let server = now.to.as_ref().and_then(|to| TcpStream::connect(to).ok());
    let Some(server) = server else { return hang_up(&client) };
    let copy = |stream: &TcpStream| stream.try_clone().expect("another handle");
    now.open.extend([copy(&client), copy(&server)]);
    let (back_from, back_to) = (copy(&server), copy(&client));
    let back = rules.clone();
    std::thread::spawn(move || {
        pass(back_from, back_to, |_| if back.lock().is_mute { What::Swallow } else { What::Pass });
    });
    let rules = rules.clone();
    let decide = move |bytes: &[u8]| {
        let said = String::from_utf8_lossy(bytes);
        let rules = rules.lock();
        if rules.forbidden.iter().any(|forbidden| said.contains(forbidden)) {
            return What::Break;
        }
        match rules.misheard {
            Some((it, heard)) if said.contains(it) => {
                What::Instead(said.replace(it, heard).into_bytes())
            }
            _ => What::Pass,
        }
    };
    std::thread::spawn(move || pass(client, server, decide));
}

/// What becomes of some bytes.
enum What {
    Pass,
    Instead(Vec<u8>),
    Swallow,
    Break,
}

fn pass(mut from: TcpStream, mut to: TcpStream, decide: impl Fn(&[u8]) -> What) {
    let mut bytes = [0; 16 * 1024];
    while let Ok(n @ 1..) = from.read(&mut bytes) {
        match decide(&bytes[..n]) {
            What::Pass if to.write_all(&bytes[..n]).is_ok() => {}
            What::Instead(bytes) if to.write_all(&bytes).is_ok() => {}
            What::Swallow => {}
            What::Pass | What::Instead(_) | What::Break => break,
        }
    }
    hang_up(&from);
    hang_up(&to);
}

fn hang_up(stream: &TcpStream) {
    let _may_be_over = stream.shutdown(Shutdown::Both);
}
