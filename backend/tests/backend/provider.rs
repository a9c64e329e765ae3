//! The API of a provider, played by a test: it answers whatever it is asked.

use std::net::TcpListener;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::receiver::{Request, answer, read};

type Script = dyn Fn(&Request) -> (u16, String) + Send + Sync;

/// A provider that answers by what the test has last told it to.
pub(crate) struct Provider {
    pub(crate) base: String,
    script: Arc<Mutex<Arc<Script>>>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Provider {
    pub(crate) fn start(
        script: impl Fn(&Request) -> (u16, String) + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let base = format!("http://{}", listener.local_addr().expect("bound"));
        let script: Arc<Mutex<Arc<Script>>> = Arc::new(Mutex::new(Arc::new(script)));
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (says, notes) = (script.clone(), asked.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let Some(request) = read(&stream) else { continue };
                let says = says.lock().clone();
                let (status, body) = says(&request);
                notes.lock().push(format!("{} {}", request.method, request.target));
                let head = format!("HTTP/1.1 {status} It\r\nConnection: close");
                let length = body.len();
                answer(stream, &format!("{head}\r\nContent-Length: {length}\r\n\r\n{body}"));
            }
        });
        Self { base, script, asked }
    }

    /// From now on it answers so.
    pub(crate) fn says(&self, script: impl Fn(&Request) -> (u16, String) + Send + Sync + 'static) {
        *self.script.lock() = Arc::new(script);
    }

    /// How many questions it has answered.
    pub(crate) fn asked(&self) -> usize {
        self.asked.lock().len()
    }

    /// Whether it was asked this, as method and target.
    pub(crate) fn was_asked(&self, question: &str) -> bool {
        self.asked.lock().iter().any(|asked| asked == question)
    }
}
