//! A network between a browser and the proxy that a test can make worse.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};

/// Passes bytes on, unless told otherwise.
pub(crate) struct Relay {
    pub(crate) url: String,
    rules: Arc<Mutex<Rules>>,
}

#[derive(Default)]
struct Rules {
    is_cut: bool,
    /// A connection over which a client says one of these is broken off.
    forbidden: Vec<&'static str>,
    open: Vec<TcpStream>,
}

impl Relay {
    pub(crate) fn start(to: &str) -> Self {
        let to = to.strip_prefix("http://").expect("http://").to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let rules = Arc::new(Mutex::new(Rules::default()));
        let shared = rules.clone();
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                accept(client, &to, &shared);
            }
        });
        Self { url, rules }
    }

    /// Lets through no request that has one of these in it; what is open stays open.
    pub(crate) fn forbid(&self, forbidden: &[&'static str]) {
        self.rules().forbidden = forbidden.to_vec();
    }

    /// Breaks off everything, and lets nothing through until it is mended.
    pub(crate) fn cut(&self, is_cut: bool) {
        let mut rules = self.rules();
        rules.is_cut = is_cut;
        rules.open.drain(..).for_each(|stream| hang_up(&stream));
    }

    fn rules(&self) -> MutexGuard<'_, Rules> {
        self.rules.lock()
    }
}

fn accept(client: TcpStream, to: &str, rules: &Arc<Mutex<Rules>>) {
    let mut now = rules.lock();
    if now.is_cut {
        return hang_up(&client);
    }
    let Ok(server) = TcpStream::connect(to) else { return hang_up(&client) };
    let copy = |stream: &TcpStream| stream.try_clone().expect("another handle");
    now.open.extend([copy(&client), copy(&server)]);
    let (back_from, back_to) = (copy(&server), copy(&client));
    std::thread::spawn(move || pass(back_from, back_to, |_| true));
    let rules = rules.clone();
    let allowed = move |bytes: &[u8]| {
        let said = String::from_utf8_lossy(bytes);
        let rules = rules.lock();
        !rules.forbidden.iter().any(|forbidden| said.contains(forbidden))
    };
    std::thread::spawn(move || pass(client, server, allowed));
}

fn pass(mut from: TcpStream, mut to: TcpStream, allowed: impl Fn(&[u8]) -> bool) {
    let mut bytes = [0; 16 * 1024];
    while let Ok(n @ 1..) = from.read(&mut bytes) {
        if !allowed(&bytes[..n]) || to.write_all(&bytes[..n]).is_err() {
            break;
        }
    }
    hang_up(&from);
    hang_up(&to);
}

fn hang_up(stream: &TcpStream) {
    let _may_be_over = stream.shutdown(Shutdown::Both);
}
