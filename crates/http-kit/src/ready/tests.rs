//! Tests of an answer that is ready, over real connections.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, JoinHandle};

use actix_web::rt::System;
use actix_web::web::{self, Data, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use tokio::sync::oneshot;

use super::*;
use crate::{
    Application, ClientLimits, Connections, Env, LimitAnswers, SettingsReader, StreamsMax,
    TrustedProxies, serve,
};

const PATH: &str = "/api/count";
const PLAIN: &str = "GET /api/count HTTP/1.1\r\nHost: a\r\n\r\n";
const OTHER: &str = "GET /api/count HTTP/1.1\r\nHost: a\r\nX-Other: a\r\n\r\n";
const ELSEWHERE: &str = "GET /elsewhere HTTP/1.1\r\nHost: a\r\n\r\n";

/// A server whose answer is a version, how often its application was asked, and how to stop it.
struct Counting {
    address: SocketAddr,
    /// 0 if there is none.
    version: Arc<AtomicU64>,
    asked: Arc<AtomicU64>,
    stop: oneshot::Sender<()>,
    served: JoinHandle<std::io::Result<()>>,
}

async fn count(known: Data<(Arc<AtomicU64>, Arc<AtomicU64>)>) -> HttpResponse {
    known.1.fetch_add(1, Ordering::SeqCst);
    let version = known.0.load(Ordering::SeqCst);
    HttpResponse::Ok().insert_header(("x-one", "a")).body(version.to_string())
}

async fn elsewhere(request: HttpRequest) -> String {
    request.path().to_owned()
}

fn start() -> Counting {
    let env = Env::default();
    let mut reader = SettingsReader::new(&env);
    let limits = ClientLimits::read(&mut reader, StreamsMax { public: 10, reserved: 0 });
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a listener");
    let address = listener.local_addr().expect("an address");
    let (version, asked) = (Arc::new(AtomicU64::new(1)), Arc::new(AtomicU64::new(0)));
    let known = Data::new((version.clone(), asked.clone()));
    let configure = move |app: &mut ServiceConfig| {
        app.app_data(known.clone())
            .service(web::resource(PATH).route(web::get().to(count)))
            .service(web::resource("/elsewhere").route(web::get().to(elsewhere)));
    };
    let seen = version.clone();
    let look = move || -> Look {
        let seen = seen.clone();
        Box::new(move |_| Some(seen.load(Ordering::SeqCst)).filter(|version| *version > 0))
    };
    let ready = Some(ReadyAnswer { path: PATH, look: Arc::new(look) });
    let answers = LimitAnswers {
        answer: |_, _| HttpResponse::TooManyRequests().finish(),
        is_exempt: |_| false,
    };
    let application = Application { configure, limits: answers, ready };
    let (stop, stopped) = oneshot::channel();
    let connections = Connections::new(limits, TrustedProxies::default());
    let shutdown = async { drop(stopped.await) };
    let serving = || System::new().block_on(serve(listener, connections, shutdown, application));
    let served = thread::spawn(serving);
    Counting { address, version, asked, stop, served }
}

impl Counting {
    fn connect(&self) -> Client {
        Client(TcpStream::connect(self.address).expect("a connection"))
    }

    fn asked(&self) -> u64 {
        self.asked.load(Ordering::SeqCst)
    }
}

struct Client(TcpStream);

impl Client {
    fn send(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).expect("open");
    }

    /// The next answer: its head, with sorted lines and without the date, and its body.
    fn answer(&mut self) -> (Vec<String>, String) {
        let (mut head, mut byte) = (Vec::new(), [0]);
        while !head.ends_with(b"\r\n\r\n") {
            self.0.read_exact(&mut byte).expect("an answer");
            head.push(byte[0]);
        }
        let head = String::from_utf8(head).expect("text");
        let mut lines: Vec<_> = head.lines().map(str::to_owned).collect();
        let date = lines.iter().position(|line| line.starts_with("date: ")).expect("a date");
        let date = lines.swap_remove(date);
        httpdate::parse_http_date(date.trim_start_matches("date: ")).expect("a date");
        lines.sort_unstable();
        let length = lines.iter().find_map(|line| line.strip_prefix("content-length: "));
        let mut body = vec![0; length.expect("a length").parse().expect("a number")];
        self.0.read_exact(&mut body).expect("a body");
        (lines, String::from_utf8(body).expect("text"))
    }

    fn ask(&mut self, request: &str) -> (Vec<String>, String) {
        self.send(request);
        self.answer()
    }

    fn ends(mut self) -> bool {
        !matches!(self.0.read(&mut [0]), Ok(1..))
    }
}

#[test]
fn the_application_is_asked_once_for_each_version() {
    let server = start();
    let (mut client, mut other) = (server.connect(), server.connect());
    let by_application = other.ask(OTHER);
    assert_eq!((by_application.1.as_str(), server.asked()), ("1", 1));
    for _ in 0..10 {
        assert_eq!(client.ask(PLAIN), by_application, "byte by byte what the application answers");
    }
    let keeping = "GET /api/count HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\n\r\n";
    assert_eq!(client.ask(keeping), by_application);
    assert_eq!(server.asked(), 2);
    server.version.store(2, Ordering::SeqCst);
    assert!((0..10).all(|_| client.ask(PLAIN).1 == "2"));
    assert_eq!(server.asked(), 3);
    // What may not be given is asked for each time.
    server.version.store(0, Ordering::SeqCst);
    assert!((0..10).all(|_| client.ask(PLAIN).1 == "0"));
    assert_eq!(server.asked(), 13);
}

#[test]
fn other_requests_on_the_same_connection_are_answered_as_ever() {
    let server = start();
    let mut client = server.connect();
    assert_eq!(client.ask(PLAIN).1, "1");
    assert_eq!(client.ask(ELSEWHERE).1, "/elsewhere");
    assert_eq!(client.ask(PLAIN).1, "1");
    // Several requests in one packet, and one request in several.
    let mut client = server.connect();
    assert_eq!(client.ask(PLAIN).1, "1");
    client.send(&[PLAIN, ELSEWHERE, PLAIN].concat());
    let bodies = [(); 3].map(|()| client.answer().1);
    assert_eq!(bodies, ["1", "/elsewhere", "1"]);
    for at in [1, 10, PLAIN.len() - 1] {
        let mut client = server.connect();
        client.0.set_nodelay(true).expect("a socket");
        assert_eq!(client.ask(PLAIN).1, "1");
        let (begin, rest) = PLAIN.split_at(at);
        client.send(begin);
        // not a wait for time: the parts may come together, which is answered alike
        thread::sleep(Duration::from_millis(5));
        assert_eq!(client.ask(rest).1, "1", "{at}");
    }
}

#[test]
fn a_server_that_stops_closes_connections_that_wait() {
    let server = start();
    let (mut asked, silent, mut taken) = (server.connect(), server.connect(), server.connect());
    assert_eq!(asked.ask(PLAIN).1, "1");
    assert_eq!(taken.ask(ELSEWHERE).1, "/elsewhere");
    server.stop.send(()).expect("it runs");
    assert!([asked, silent, taken].into_iter().all(Client::ends));
    server.served.join().expect("no panic").expect("a clean end");
}
