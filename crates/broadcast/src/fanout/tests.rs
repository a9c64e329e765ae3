//! Real sockets on a thread of the streams.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use actix_http::ws::{OpCode, Parser};
use actix_web::web::{Bytes, BytesMut};

use super::*;
use crate::authorization::Reader;
use crate::connection_limit::{ConnectionLimit, Transport};
use crate::event_session::EventSession;
use crate::handover::Taken;
use crate::session::Session;
use crate::ws_session::WsSession;
use crate::{Close, Frame, Latest};

/// How long something may take that does not depend on time.
const PATIENCE: Duration = Duration::from_secs(60);

/// What the HTTP server would have sent.
const HEAD: &[u8] = b"HTTP/1.1 200 OK\r\n\r\n";

/// A server without HTTP.
struct Server {
    listener: TcpListener,
    limit: ConnectionLimit,
    latest: Latest,
    /// Each gets a word when its socket is closed.
    closed: (mpsc::Sender<()>, mpsc::Receiver<()>),
}

/// Says when it is dropped.
struct Held(mpsc::Sender<()>);

impl Drop for Held {
    fn drop(&mut self) {
        let _nobody_listens = self.0.send(());
    }
}

impl Server {
    fn start(places: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let limit = ConnectionLimit::new(places);
        Self { listener, limit, latest: Latest::default(), closed: mpsc::channel() }
    }

    /// The client's end of a new stream.
    fn open(&self, by: Transport) -> TcpStream {
        let mailbox = self.limit.fanout().mailbox().unwrap();
        let (client, newcomer) = self.pair(by, &mailbox);
        mailbox.join(newcomer);
        client
    }

    /// Both ends of a new stream.
    fn pair(&self, by: Transport, mailbox: &Arc<Mailbox>) -> (TcpStream, Newcomer) {
        let client = TcpStream::connect(self.listener.local_addr().unwrap()).unwrap();
        client.set_read_timeout(Some(PATIENCE)).unwrap();
        let (socket, _) = self.listener.accept().unwrap();
        socket.set_nonblocking(true).unwrap();
        let permit = self.limit.take(by, &Reader::Public).unwrap();
        let now = Instant::now();
        let session = match by {
            Transport::Events => Session::events(EventSession::new(now, true), None, permit, None),
            Transport::Socket => Session::socket(WsSession::new(now), Some(permit), None),
        };
        let taken = Taken { socket, held: Box::new(Held(self.closed.0.clone())) };
        let newcomer = Newcomer::new(
            taken,
            Bytes::from_static(HEAD),
            session,
            Some(self.latest.read(mailbox)),
        );
        (client, newcomer)
    }

    fn publish(&self, seq: u64, bytes: usize) {
        let json = format!("{{\"seq\":{seq},\"more\":\"{}\"}}", "x".repeat(bytes));
        self.latest.publish(Frame::new("e", seq, json));
    }

    /// Waits for the end of so many streams.
    fn await_closed(&self, count: usize) {
        for n in 0..count {
            let closed = self.closed.1.recv_timeout(PATIENCE);
            assert!(closed.is_ok(), "{n} of {count} are closed");
        }
    }
}

/// Everything up to the end of these bytes, and nothing behind it.
fn read_until(client: &mut TcpStream, end: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut piece = vec![0; 1 << 16];
    loop {
        let n = client.peek(&mut piece).unwrap();
        assert!(n > 0, "ended after {:?}", String::from_utf8_lossy(&bytes));
        let before = bytes.len();
        bytes.extend_from_slice(&piece[..n]);
        let from = before.saturating_sub(end.len());
        let found = bytes[from..].windows(end.len()).position(|it| it == end);
        if let Some(at) = found {
            bytes.truncate(from + at + end.len());
        }
        client.read_exact(&mut piece[..bytes.len() - before]).unwrap();
        if found.is_some() {
            return bytes;
        }
    }
}

fn from_client(opcode: OpCode, payload: &[u8]) -> BytesMut {
    let mut bytes = BytesMut::new();
    Parser::write_message(&mut bytes, payload, opcode, true, true);
    bytes
}

#[test]
fn all_readers_are_told_the_same_bytes_one_after_the_other() {
    for by in Transport::ALL {
        let server = Server::start(1000);
        let mut clients: Vec<_> = (0..200).map(|_| server.open(by)).collect();
        if by == Transport::Events {
            // Each is told another time to come back.
            clients.iter_mut().for_each(|client| drop(read_until(client, b"\n\n\r\n")));
        }
        for seq in 1..=5 {
            server.publish(seq, 10);
            let told = clients.iter_mut().map(|client| read_until(client, b"xxxxxxxxxx\"}"));
            let told: Vec<_> = told.collect();
            assert!(told.iter().all(|it| *it == told[0]), "{by:?}");
            clients.iter_mut().filter(|_| by == Transport::Events).for_each(|client| {
                assert_eq!(read_until(client, b"\n\n\r\n"), b"\n\n\r\n");
            });
        }
        drop(clients);
        server.await_closed(200);
        assert_eq!(server.limit.taken_by(by), 0);
    }
}

#[test]
fn few_readers_are_told_by_who_publishes_and_many_by_the_thread() {
    let server = Server::start(100);
    let poll = mio::Poll::new().unwrap();
    // There is no thread: whoever is told is told here.
    let mailbox = Arc::new(Mailbox::new(poll.registry()).unwrap());
    let mut clients = Vec::new();
    for count in 1..=9 {
        let (client, newcomer) = server.pair(Transport::Socket, &mailbox);
        mailbox.table().admit(Instant::now(), newcomer);
        clients.push(client);
        let before = server.limit.sent_by(Transport::Socket);
        server.publish(count, 10);
        let told = server.limit.sent_by(Transport::Socket) - before;
        // The newcomer was told the frame before when it came.
        assert_eq!(told, if count <= 8 { count } else { 0 });
    }
    assert_eq!(mailbox.changed().len(), 1, "the thread would be told");
}

#[test]
fn all_processors_tell_of_a_change() {
    let fanout = Fanout::default();
    let mailboxes: Vec<_> = (0..20).map(|_| fanout.mailbox().unwrap()).collect();
    let mut threads: Vec<_> = mailboxes.iter().map(Arc::as_ptr).collect();
    threads.sort_unstable();
    threads.dedup();
    let processors = available_parallelism().map_or(1, NonZero::get);
    assert_eq!(threads.len(), processors.min(THREADS_MAX));
}

#[test]
fn others_may_have_the_processor_while_many_are_told() {
    let server = Server::start(200);
    let poll = mio::Poll::new().unwrap();
    let mailbox = Arc::new(Mailbox::new(poll.registry()).unwrap());
    let mut clients = Vec::new();
    for _ in 0..150 {
        let (client, newcomer) = server.pair(Transport::Socket, &mailbox);
        mailbox.table().admit(Instant::now(), newcomer);
        clients.push(client);
    }
    server.publish(1, 10);
    let (mut table, mut sent) = (mailbox.table(), Vec::new());
    mailbox.changed().into_iter().for_each(|slot| table.change(slot));
    table.tell(Instant::now(), || sent.push(server.limit.sent_by(Transport::Socket)));
    assert_eq!((sent, server.limit.sent_by(Transport::Socket)), (vec![128], 150));
}

#[test]
fn a_reader_that_never_reads_holds_nobody_up_and_is_told_the_latest_when_it_reads() {
    let server = Server::start(10);
    let (mut stuck, mut other) = (server.open(Transport::Events), server.open(Transport::Events));
    const BYTES: usize = 200_000;
    // More than any system keeps for a client.
    for seq in 1..=200 {
        server.publish(seq, BYTES);
        read_until(&mut other, b"\"}\n\n\r\n");
    }
    let mut told = read_until(&mut stuck, b"id: e-200\n");
    told.extend(read_until(&mut stuck, b"\"}\n\n\r\n"));
    assert!(told.len() < 150 * BYTES, "it skipped what was over: {} bytes", told.len());
    let count = |part: &[u8]| told.windows(part.len()).filter(|it| *it == part).count();
    assert_eq!(count(b"id: e-"), count(b"\"}\n\n\r\n"), "each frame is whole");
}

#[test]
fn a_reader_whose_socket_has_no_room_for_thirty_seconds_is_gone() {
    let server = Server::start(10);
    let poll = mio::Poll::new().unwrap();
    // There is no thread, so the test says what time it is.
    let mailbox = Arc::new(Mailbox::new(poll.registry()).unwrap());
    let (_client, newcomer) = server.pair(Transport::Events, &mailbox);
    let before = Instant::now();
    mailbox.table().admit(before, newcomer);
    (1..=100).for_each(|seq| server.publish(seq, 200_000));
    let after = Instant::now();
    mailbox.table().go_on(before + Duration::from_secs(29));
    assert!(server.closed.1.try_recv().is_err(), "too soon");
    mailbox.table().go_on(after + Duration::from_secs(30));
    assert!(server.closed.1.try_recv().is_ok());
    assert_eq!(server.limit.taken_by(Transport::Events), 0);
}

#[test]
fn pings_in_pieces_are_answered_and_a_message_is_not() {
    let server = Server::start(10);
    let mut client = server.open(Transport::Socket);
    read_until(&mut client, HEAD);
    for byte in from_client(OpCode::Ping, b"there?") {
        client.write_all(&[byte]).unwrap();
    }
    assert_eq!(read_until(&mut client, b"there?"), b"\x8a\x06there?");
    client.write_all(&from_client(OpCode::Text, b"hello")).unwrap();
    let (code, reason) = Close::Unsupported.code();
    let closed = read_until(&mut client, reason.as_bytes());
    assert_eq!(closed[2..4], code.to_be_bytes());
    client.write_all(&from_client(OpCode::Close, &code.to_be_bytes())).unwrap();
    assert_eq!(client.read(&mut [0; 9]).unwrap(), 0);
    server.await_closed(1);
}

#[test]
fn a_client_that_only_stops_sending_is_gone() {
    let server = Server::start(10);
    let mut client = server.open(Transport::Events);
    read_until(&mut client, b"\n\n\r\n");
    client.shutdown(Shutdown::Write).unwrap();
    server.await_closed(1);
}

#[test]
fn two_thousand_readers_that_come_and_go_leave_nothing() {
    let server = Server::start(4000);
    let descriptors = || std::fs::read_dir("/proc/self/fd").map_or(0, Iterator::count);
    drop(server.open(Transport::Socket));
    server.await_closed(1);
    let before = descriptors();
    for by in Transport::ALL {
        // In parts, since each has two descriptors here.
        for _ in 0..5 {
            let clients: Vec<_> = (0..200).map(|_| server.open(by)).collect();
            drop(clients);
            server.await_closed(200);
        }
        assert_eq!(server.limit.taken_by(by), 0);
    }
    assert!(!server.latest.is_read());
    // Other tests of this process open sockets meanwhile, but not two thousand.
    assert!(descriptors() < before + 1_500, "{before} before, {} now", descriptors());
}

#[test]
fn the_end_of_a_slot_ends_its_streams_and_the_end_of_the_server_the_rest() {
    let server = Server::start(10);
    let mut events = server.open(Transport::Events);
    let mut socket = server.open(Transport::Socket);
    server.latest.close();
    let told = read_until(&mut events, b"\r\n0\r\n\r\n");
    assert!(told.starts_with(&[HEAD, b"d\r\nretry: "].concat()), "the head is the first");
    assert_eq!(events.read(&mut [0; 9]).unwrap(), 0);
    read_until(&mut socket, HEAD);
    let closed = read_until(&mut socket, Close::Away.code().1.as_bytes());
    assert_eq!(closed[2..4], Close::Away.code().0.to_be_bytes());
    server.await_closed(1);
    let Server { limit, closed, .. } = server;
    drop(limit);
    assert!(closed.1.recv_timeout(PATIENCE).is_ok(), "its thread ends");
}
