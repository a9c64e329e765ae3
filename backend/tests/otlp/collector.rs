//! A collector that the test plays: it takes what comes, refuses it, or never answers.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use live_users_otlp::Message;
use live_users_otlp::messages::collector::metrics::v1::{
    ExportMetricsPartialSuccess, ExportMetricsServiceRequest, ExportMetricsServiceResponse,
};
use live_users_otlp::messages::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use parking_lot::Mutex;

/// A bound for a machine that is stuck.
const PATIENCE: Duration = Duration::from_secs(60);

/// What it does with requests.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Manner {
    Takes,
    /// All but one span or data point, and says why.
    TakesPart,
    Refuses,
    /// With a status of success, and what no collector says.
    Babbles,
    NeverAnswers,
}

/// A request that came, with its message.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) head: String,
    pub(crate) said: Said,
}

#[derive(Debug)]
pub(crate) enum Said {
    Metrics(ExportMetricsServiceRequest),
    Traces(ExportTraceServiceRequest),
}

/// The collector.
pub(crate) struct Collector {
    pub(crate) url: String,
    address: SocketAddr,
    shared: Arc<Shared>,
    inbox: Receiver<Request>,
    outbox: Sender<Request>,
}

struct Shared {
    manner: Mutex<Manner>,
    /// All that came, as it came.
    bytes: Mutex<Vec<u8>>,
    /// Connections that wait for an answer.
    held: Mutex<Vec<TcpStream>>,
    is_gone: Mutex<bool>,
}

impl Collector {
    pub(crate) fn start(manner: Manner) -> Self {
        let (outbox, inbox) = channel();
        let shared = Arc::new(Shared {
            manner: Mutex::new(manner),
            bytes: Mutex::default(),
            held: Mutex::default(),
            is_gone: Mutex::new(false),
        });
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("bound");
        let url = format!("http://{address}");
        let this = Self { url, address, shared, inbox, outbox };
        this.listen(listener);
        this
    }

    fn listen(&self, listener: TcpListener) {
        let (shared, outbox) = (self.shared.clone(), self.outbox.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if *shared.is_gone.lock() {
                    break;
                }
                shared.take(stream, &outbox);
            }
        });
    }

    pub(crate) fn behave(&self, manner: Manner) {
        *self.shared.manner.lock() = manner;
    }

    /// Ends: connections to it are refused from now on.
    pub(crate) fn kill(&self) {
        *self.shared.is_gone.lock() = true;
        drop(TcpStream::connect(self.address));
        self.shared.held.lock().clear();
        // not a wait for time: the thread closes the port as soon as it has seen that connection
        while TcpStream::connect(self.address).is_ok() {
            std::thread::yield_now();
        }
    }

    /// Is there again, at the same address.
    pub(crate) fn rise(&self) {
        *self.shared.is_gone.lock() = false;
        self.listen(TcpListener::bind(self.address).expect("the same port"));
    }

    pub(crate) fn next(&self) -> Request {
        self.inbox.recv_timeout(PATIENCE).expect("a request")
    }

    /// The next figures that come.
    pub(crate) fn metrics(&self) -> ExportMetricsServiceRequest {
        loop {
            if let Said::Metrics(metrics) = self.next().said {
                return metrics;
            }
        }
    }

    /// The next spans that come.
    pub(crate) fn traces(&self) -> ExportTraceServiceRequest {
        loop {
            if let Said::Traces(traces) = self.next().said {
                return traces;
            }
        }
    }

    /// What has come and was not looked at.
    pub(crate) fn rest(&self) -> Vec<Said> {
        self.inbox.try_iter().map(|request| request.said).collect()
    }

    /// Whether these bytes were among what came.
    pub(crate) fn has_seen(&self, text: &str) -> bool {
        self.shared.bytes.lock().windows(text.len()).any(|part| part == text.as_bytes())
    }
}

impl Shared {
    fn take(&self, mut stream: TcpStream, outbox: &Sender<Request>) {
        // A sender that is killed leaves a piece of one.
        let Some((head, body)) = read(&stream) else { return };
        self.bytes.lock().extend(head.bytes().chain(body.iter().copied()));
        let manner = *self.manner.lock();
        let status = match manner {
            Manner::Takes | Manner::TakesPart | Manner::Babbles => "200 OK",
            Manner::Refuses => "400 Bad Request",
            Manner::NeverAnswers => "",
        };
        let said = match head.split(' ').nth(1) {
            Some(path) if path.ends_with("/v1/metrics") => {
                Said::Metrics(ExportMetricsServiceRequest::decode(&*body).expect("metrics"))
            }
            Some(path) if path.ends_with("/v1/traces") => {
                Said::Traces(ExportTraceServiceRequest::decode(&*body).expect("traces"))
            }
            _ => panic!("not a path of OTLP: {head}"),
        };
        let body = match manner {
            Manner::TakesPart => all_but_one(&said),
            Manner::Babbles => b"<html>welcome</html>".to_vec(),
            Manner::Takes | Manner::Refuses | Manner::NeverAnswers => Vec::new(),
        };
        // Before the answer: who has that may look at once.
        let _test_is_over = outbox.send(Request { head, said });
        if manner == Manner::NeverAnswers {
            self.held.lock().push(stream);
        } else {
            let length = body.len();
            let head = format!(
                "HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n"
            );
            let _has_gone = stream.write_all(&[head.as_bytes(), &body].concat());
        }
    }
}

/// The answer of a collector that rejects one of them, and repeats a secret header.
fn all_but_one(said: &Said) -> Vec<u8> {
    let error_message = "too old:\n\u{1b}[31m s3cr3t-t0ken".to_owned();
    match said {
        Said::Metrics(_) => ExportMetricsServiceResponse {
            partial_success: Some(ExportMetricsPartialSuccess {
                rejected_data_points: 1,
                error_message,
            }),
        }
        .encode_to_vec(),
        Said::Traces(_) => ExportTraceServiceResponse {
            partial_success: Some(ExportTracePartialSuccess { rejected_spans: 1, error_message }),
        }
        .encode_to_vec(),
    }
}

/// The head and the body of a request.
pub(crate) fn read(stream: &TcpStream) -> Option<(String, Vec<u8>)> {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        reader.read_line(&mut head).ok().filter(|n| *n > 0)?;
    }
    let length = head
        .lines()
        .find_map(|it| it.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
    let mut body = vec![0; length.unwrap_or_default()];
    reader.read_exact(&mut body).ok()?;
    Some((head, body))
}
