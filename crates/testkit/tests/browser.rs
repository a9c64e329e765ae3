//! The browser driver, on a page of its own.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use live_users_testkit::Browser;

const PAGE: &str = r#"<!doctype html>
<html lang="en"><head><title>A page</title><link rel="icon" href="data:,"></head>
<body><live-users></live-users><script type="module">
class LiveUsers extends HTMLElement {
  connectedCallback() {
    this.attachShadow({ mode: 'open' }).innerHTML =
      '<style>b { color: green }</style><b></b>\n  users\n  <i>live</i>';
    this.timer = setInterval(() => this.ask(), 20);
  }
  async ask() {
    this.shadowRoot.querySelector('b').textContent = await (await fetch('/count')).text();
  }
}
customElements.define('live-users', LiveUsers);
</script></body></html>
"#;

/// The first bytes of every PNG file (section 5.2 of its specification).
const PNG_SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";

#[tokio::test]
async fn a_number_in_a_shadow_root_is_seen_to_change() {
    let (url, count) = serve();
    let browser = Browser::start().await;
    browser.goto(&url).await;
    assert_eq!(browser.title().await, "A page");
    browser.wait_for_live_users("12 users live").await;
    assert_eq!(browser.text_of_live_users().await.as_deref(), Some("12 users live"));
    count.store(2, Ordering::SeqCst);
    browser.wait_for_live_users("2 users live").await;
    assert_eq!(browser.text_of_live_users().await.as_deref(), Some("2 users live"));
    let is_two = "document.querySelector('live-users').shadowRoot.textContent.includes('2')";
    browser.wait_for("a 2", is_two).await;
    assert_eq!(browser.console_errors().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_page_without_the_element_shows_no_live_users() {
    let browser = Browser::start().await;
    browser.goto("data:text/html,<live-users>12 users live</live-users>").await;
    assert_eq!(browser.text_of_live_users().await, None);
}

#[tokio::test]
async fn what_goes_wrong_in_a_page_is_collected_once() {
    let (url, _count) = serve();
    let browser = Browser::start().await;
    browser.goto(&url).await;
    browser.evaluate("console.error('said by the page')").await;
    browser.evaluate("void setTimeout(() => { throw new Error('thrown by the page') })").await;
    browser.evaluate("fetch('/missing').then(() => { window.asked = true })").await;
    browser.wait_for("the answer", "window.asked").await;
    let errors = browser.console_errors().await;
    for part in ["said by the page", "thrown by the page", "404"] {
        assert!(errors.iter().any(|it| it.contains(part)), "no {part:?} in {errors:?}");
    }
    assert_eq!(browser.console_errors().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_picture_has_the_size_and_the_colours_that_were_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let browser = Browser::start().await;
    browser.goto("data:text/html,<style>html { color-scheme: light dark }</style>").await;
    browser.resize(360, 640).await;
    let mut pictures = Vec::new();
    for dark in [true, false] {
        browser.set_color_scheme(dark).await;
        let is_dark = browser.evaluate("matchMedia('(prefers-color-scheme: dark)').matches").await;
        assert_eq!(is_dark, dark);
        let path = folder.path().join("page.png");
        browser.screenshot(&path).await;
        pictures.push(std::fs::read(&path).unwrap());
    }
    for png in &pictures {
        assert!(png.starts_with(PNG_SIGNATURE));
        // The header chunk: length, name, then width and height.
        assert_eq!(png[16..20], 360_u32.to_be_bytes());
        assert_eq!(png[20..24], 640_u32.to_be_bytes());
    }
    assert_ne!(pictures[0], pictures[1]);
}

#[tokio::test]
async fn no_process_is_left_when_a_test_is_over() {
    let browser = Browser::start().await;
    let pids = browser.pids();
    assert!(pids.len() > 3, "driver, browser, renderer and more: {pids:?}");
    drop(browser);
    assert_eq!(living(&pids), Vec::<i32>::new());
}

#[tokio::test]
async fn no_process_is_left_when_a_test_panics() {
    let (sender, pids) = tokio::sync::oneshot::channel();
    let test = tokio::spawn(async move {
        let browser = Browser::start().await;
        sender.send(browser.pids()).unwrap();
        panic!("as a failed assertion does");
    });
    assert!(test.await.unwrap_err().is_panic());
    let pids = pids.await.unwrap();
    assert!(pids.len() > 3, "driver, browser, renderer and more: {pids:?}");
    assert_eq!(living(&pids), Vec::<i32>::new());
}

#[tokio::test]
async fn what_some_people_cannot_use_is_found() {
    let browser = Browser::start().await;
    let page = |body: &str| {
        format!("data:text/html,<html lang=en><title>Home</title><main>{body}</main></html>")
    };
    browser.goto(&page("<h1>Home</h1><button>Call</button>")).await;
    assert_eq!(browser.axe_violations().await, [""; 0]);
    browser.goto(&page("<h1>Home</h1><button></button>")).await;
    let found = browser.axe_violations().await;
    assert!(matches!(&found[..], [only] if only.starts_with("button-name: button: ")), "{found:?}");
}

/// Those of these processes that still run; one that nobody has reaped does not.
fn living(pids: &[i32]) -> Vec<i32> {
    let runs = |pid: &i32| {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        status.contains("chrom") && !status.contains("State:\tZ")
    };
    pids.iter().copied().filter(runs).collect()
}

/// Serves the page, and at `/count` a number that begins at 12.
fn serve() -> (String, Arc<AtomicU64>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}/", listener.local_addr().expect("it is bound"));
    let count = Arc::new(AtomicU64::new(12));
    let counted = Arc::clone(&count);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let count = Arc::clone(&counted);
            // A browser may open a connection that it does not use, and must not block others.
            std::thread::spawn(move || answer(stream, &count));
        }
    });
    (url, count)
}

fn answer(mut stream: TcpStream, count: &AtomicU64) {
    let mut lines = BufReader::new(&stream).lines().map_while(Result::ok);
    let Some(request) = lines.next() else { return };
    lines.find(String::is_empty);
    let (status, body) = match request.split(' ').nth(1) {
        Some("/") => ("200 OK", PAGE.to_owned()),
        Some("/count") => ("200 OK", count.load(Ordering::SeqCst).to_string()),
        _ => ("404 Not Found", String::new()),
    };
    let head = "Content-Type: text/html; charset=utf-8\r\nConnection: close";
    let length = body.len();
    let answer = format!("HTTP/1.1 {status}\r\n{head}\r\nContent-Length: {length}\r\n\r\n{body}");
    let _the_browser_may_be_gone = stream.write_all(answer.as_bytes());
}
