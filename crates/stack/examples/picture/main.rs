//! Takes a picture of the page *Existing Agents*, as the one in the README: both servers on a
//! journal of made-up calls that lead up to this moment, and a real Chromium.
//!
//! `cargo run -p live-users --example picture -- docs/existing-agents.png --height 1180`

mod calls;

use std::error::Error;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use clap::Parser;
use live_users_core::Millis;
use live_users_http_kit::Env;
use live_users_testkit::Browser;

const ADMIN_TOKEN: &str = "token-of-whoever-takes-pictures";
const API_TOKEN: &str = "token-between-the-two-servers";

/// What is shown; the viewport is in CSS pixels.
#[derive(Parser)]
struct Args {
    /// The PNG file to write.
    file: PathBuf,
    #[arg(long, default_value_t = 1280)]
    width: u32,
    #[arg(long, default_value_t = 900)]
    height: u32,
    #[arg(long)]
    dark: bool,
    /// The mode for a screen on the wall.
    #[arg(long)]
    wallboard: bool,
    /// With the details of the longest call.
    #[arg(long)]
    details: bool,
    /// The part of the page to begin with, such as `#calls`.
    #[arg(long)]
    at: Option<String>,
    /// The range of the history: 1h, 24h, 7d or 30d.
    #[arg(long, default_value = "1h")]
    range: String,
    /// For how many days there have been calls.
    #[arg(long, default_value_t = 2)]
    days: u64,
}

type Done<T = ()> = Result<T, Box<dyn Error>>;

#[actix_web::main]
async fn main() -> Done {
    let args = Args::parse();
    let folder = tempfile::tempdir()?;
    let agents = folder.path().join("agents.toml");
    std::fs::write(&agents, calls::AGENTS)?;
    let journal = format!("file:{}", folder.path().join("data").display());
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
    calls::write(&journal, Millis(u64::try_from(now.as_millis())?), args.days)?;

    let env = Env::of([
        ("TWILIO_AUTH_TOKEN", "token-of-twilio-that-nobody-shows"),
        ("JOURNAL_URL", &journal),
        ("AGENTS_FILE", path_text(&agents)?),
        ("API_TOKEN", API_TOKEN),
        ("BACKEND_TOKEN", API_TOKEN),
        ("ADMIN_TOKEN", ADMIN_TOKEN),
    ]);
    let backend = live_users_backend::Backend::open(live_users_backend::Configs::read(&env)?)?;
    let (backend_listener, backend_url) = listen()?;
    let proxy = live_users_proxy::Config::read(&env.with("BACKEND_URL", &backend_url))?;
    let (proxy_listener, proxy_url) = listen()?;
    let backend = backend.run(backend_listener, std::future::pending());
    let proxy = live_users_proxy::run(proxy, proxy_listener, std::future::pending());
    tokio::select! {
        ended = backend => Ok(ended?),
        ended = proxy => Ok(ended?),
        () = take(&args, &proxy_url) => Ok(()),
    }
}

async fn take(args: &Args, proxy_url: &str) {
    let browser = Browser::start().await;
    browser.resize(args.width, args.height).await;
    browser.set_color_scheme(args.dark).await;
    let mode = if args.wallboard { "?wallboard" } else { "" };
    let page = format!("{proxy_url}/admin/existing-agents{mode}");
    browser.sign_in(&page, ADMIN_TOKEN).await;
    let chart = "document.querySelector('live-users-chart')";
    browser.evaluate(&format!("({chart}.range = '{}', true)", args.range)).await;
    browser.wait_for("the calls", "document.querySelector('tr.call')").await;
    browser.wait_for("the feed", "document.querySelector('.activity')").await;
    let is_settled = format!("{chart}.getAttribute('state') !== 'loading'");
    browser.wait_for("the history", &is_settled).await;
    if args.details {
        browser.click("tr.call .toggle").await;
        browser.wait_for("the details", "document.querySelector('.evidence li')").await;
    }
    if let Some(at) = &args.at {
        browser.evaluate(&format!("(document.querySelector('{at}').scrollIntoView(), true)")).await;
    }
    let drawn = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))";
    browser.evaluate(&format!("{drawn}.then(() => true)")).await;
    browser.screenshot(&args.file).await;
}

fn listen() -> Done<(TcpListener, String)> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let url = format!("http://{}", listener.local_addr()?);
    Ok((listener, url))
}

fn path_text(path: &Path) -> Done<&str> {
    path.to_str().ok_or_else(|| "the folder for temporary files has no path of text".into())
}
