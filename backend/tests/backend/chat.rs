//! The chat of an agent: what it is asked, and what the caller hears whatever it answers.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use live_users_testkit::{Server, Twilio};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{agents_file, start};

/// A bound for a machine that is stuck, in seconds.
const PATIENCE_S: u64 = 60;

const NO_ANSWER: &str = "Sorry, I have no answer to that just now.";

/// A chat that the test plays.
struct Chat {
    url: String,
    questions: Receiver<(Question, TcpStream)>,
}

/// What a chat was asked.
struct Question {
    head: String,
    body: Value,
}

impl Chat {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}/ask?key=s3cr3t", listener.local_addr().expect("bound"));
        let (sender, questions) = channel();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let question = question(&stream);
                if sender.send((question, stream)).is_err() {
                    break;
                }
            }
        });
        Self { url, questions }
    }

    fn next(&self) -> (Question, TcpStream) {
        self.questions.recv_timeout(Duration::from_secs(PATIENCE_S)).expect("a question")
    }
}

fn question(stream: &TcpStream) -> Question {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert!(reader.read_line(&mut head).expect("a line") > 0, "{head}");
    }
    let length = head
        .lines()
        .find_map(|it| it.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
    let mut body = vec![0; length.expect("a length")];
    reader.read_exact(&mut body).expect("a body");
    Question { head, body: serde_json::from_slice(&body).expect("JSON") }
}

fn answer(status: &str, kind: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nConnection: close\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

fn start_with(chat: &Chat, more: &[(&str, &str)]) -> (TempDir, Server, Twilio) {
    let agents = format!(
        "[[agent]]\nid = \"booking\"\nname = \"Bookings\"\nnumbers = [\"+15005550006\"]\n\
         chat_url = \"{}\"\n",
        chat.url
    );
    let (folder, file) = agents_file(&agents);
    let (server, twilio) = start(&[&[("AGENTS_FILE", file.as_str())], more].concat());
    (folder, server, twilio)
}

fn say(twilio: &Twilio, words: &str) -> String {
    let fields = [
        ("CallSid", "CA1"),
        ("CallStatus", "in-progress"),
        ("Direction", "inbound"),
        ("From", "+14155550123"),
        ("To", "+15005550006"),
        ("SpeechResult", words),
    ];
    let answer = twilio.post("/speech-result", &fields);
    assert_eq!(answer.status, 200);
    answer.body
}

/// What the caller hears when the chat answers this.
fn heard(chat: &Chat, twilio: &Twilio, says: &str) -> String {
    std::thread::scope(|scope| {
        let saying = scope.spawn(|| say(twilio, "a table for two"));
        let (_, mut stream) = chat.next();
        // Whoever asks may have hung up.
        let _may_be_gone = stream.write_all(says.as_bytes());
        drop(stream);
        saying.join().expect("heard")
    })
}

#[test]
fn the_chat_is_asked_and_its_answer_is_spoken() {
    let chat = Chat::start();
    let (_folder, server, twilio) = start_with(&chat, &[]);
    let body = std::thread::scope(|scope| {
        let saying = scope.spawn(|| say(&twilio, "a table for \"two\""));
        let (question, mut stream) = chat.next();
        assert!(
            question.head.starts_with("POST /ask?key=s3cr3t HTTP/1.1\r\n"),
            "{}",
            question.head
        );
        assert_eq!(question.body, json!({"message":"a table for \"two\"","callSid":"CA1"}));
        assert!(!question.head.contains("4155550123"));
        // The webhook counts before the chat has answered.
        assert_eq!(twilio.count(), r#"{"liveUsers":1}"#);
        let says = answer("200 OK", "application/json", r#"{"text":"Fish & <chips>\u0007?"}"#);
        stream.write_all(says.as_bytes()).unwrap();
        saying.join().unwrap()
    });
    assert!(
        body.contains("<Gather ") && body.contains("<Say>Fish &amp; &lt;chips&gt;?</Say>"),
        "{body}"
    );
    let events = "data: {\"text\":\"At \"}\n\ndata: {\"text\":\"eight?\"}\n\n";
    let body = heard(&chat, &twilio, &answer("200 OK", "text/event-stream", events));
    assert!(body.contains("<Gather ") && body.contains("<Say>At eight?</Say>"), "{body}");
    let long = format!(r#"{{"text":"{}"}}"#, "Yes. ".repeat(5_000));
    let body = heard(&chat, &twilio, &answer("200 OK", "application/json", &long));
    assert!(body.contains("Yes. Yes.") && body.len() < 5_000, "{}", body.len());
    let (_, log) = server.terminate();
    for secret in ["table", "Fish", "s3cr3t"] {
        assert!(!log.contains(secret), "{secret} is in the log: {log}");
    }
}

#[test]
fn an_answer_of_several_events_need_not_end_to_be_spoken() {
    let chat = Chat::start();
    let (_folder, _server, twilio) = start_with(&chat, &[]);
    let body = std::thread::scope(|scope| {
        let saying = scope.spawn(|| say(&twilio, "hello"));
        let (_, mut stream) = chat.next();
        let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n";
        let events = "data: {\"text\":\"Hi.\"}\n\ndata: [DONE]\n\n";
        stream.write_all(format!("{head}{events}").as_bytes()).unwrap();
        let body = saying.join().unwrap();
        drop(stream);
        body
    });
    assert!(body.contains("<Say>Hi.</Say>"), "{body}");
}

#[test]
fn whatever_is_wrong_with_the_chat_the_caller_is_asked_again() {
    let chat = Chat::start();
    let (_folder, mut server, twilio) = start_with(&chat, &[]);
    let elsewhere = Chat::start();
    let redirect = format!(
        "HTTP/1.1 307 Temporary Redirect\r\nLocation: {}\r\nContent-Length: 0\r\n\r\n",
        elsewhere.url
    );
    let big = format!(r#"{{"text":"{}"}}"#, "x".repeat(70_000));
    for (says, why) in [
        (answer("500 Oops", "application/json", r#"{"text":"no"}"#), "status 500"),
        (answer("200 OK", "application/json", "<html>"), "not JSON with a `text`"),
        (answer("200 OK", "application/json", r#"{"text":""}"#), "no text"),
        (answer("200 OK", "text/event-stream", "data: garbage\n\n"), "not JSON with a `text`"),
        (answer("200 OK", "application/json", &big), "more than 65536 bytes"),
        (redirect, "status 307"),
        ("SSH-2.0-OpenSSH\r\n".to_owned(), "has no answer"),
        (String::new(), "has no answer"),
    ] {
        let body = heard(&chat, &twilio, &says);
        assert!(body.contains("<Gather ") && body.contains(NO_ANSWER), "{why}: {body}");
        let line = server.await_log("the chat of agent booking has no answer");
        assert!(line.contains(why), "{line}");
    }
    assert!(elsewhere.questions.try_recv().is_err(), "a redirect was followed");
    assert_eq!(twilio.count(), r#"{"liveUsers":1}"#);
}

#[test]
fn a_slow_chat_is_not_waited_for_and_an_absent_one_neither() {
    let chat = Chat::start();
    let (_folder, mut server, twilio) = start_with(&chat, &[("CHAT_TIMEOUT_MS", "150")]);
    assert!(say(&twilio, "hello").contains(NO_ANSWER));
    server.await_log("it took more than 150 ms");
    // Some of an answer is no answer either.
    let body = std::thread::scope(|scope| {
        let saying = scope.spawn(|| say(&twilio, "hello"));
        let (_, _first) = chat.next();
        let (_, mut stream) = chat.next();
        let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n";
        let _may_be_gone =
            stream.write_all(format!("{head}data: {{\"text\":\"Hi\"}}\n\n").as_bytes());
        saying.join().unwrap()
    });
    assert!(body.contains(NO_ANSWER), "{body}");
    assert_eq!(twilio.count(), r#"{"liveUsers":1}"#);
}

#[test]
fn a_goodbye_ends_the_call_without_asking_the_chat() {
    let chat = Chat::start();
    let (_folder, _server, twilio) = start_with(&chat, &[]);
    assert!(say(&twilio, "okay, goodbye.").contains("<Hangup/>"));
    assert!(say(&twilio, "").contains("did not catch that"));
    assert!(chat.questions.try_recv().is_err());
    assert_eq!(twilio.count(), r#"{"liveUsers":0}"#);
}
