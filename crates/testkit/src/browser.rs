//! A real Chromium of one test, driven by WebDriver.

mod axe;
mod command;
mod driver;

use std::path::Path;
use std::time::{Duration, Instant};

use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use url::Url;

use self::command::Extension;
use self::driver::{Driver, HOW_TO_INSTALL};

/// How long a page may take to become what is awaited before the test fails, in seconds. A bound
/// for a machine that is stuck, not an expectation of speed.
const PATIENCE_S: u64 = 60;
const POLL_INTERVAL_MS: u64 = 50;

/// Of the page's text, how much a failed wait shows, in characters.
const SHOWN_TEXT_CHARS_MAX: usize = 2_000;

/// What a person reads in the first `<live-users>`: the text in its shadow root without style
/// and script, or null.
const LIVE_USERS_TEXT: &str = "(() => {
    const root = document.querySelector('live-users')?.shadowRoot;
    if (!root) return null;
    const isRead = (node) => !['STYLE', 'SCRIPT'].includes(node.parentNode.nodeName);
    const accept = (node) => isRead(node) ? NodeFilter.FILTER_ACCEPT : NodeFilter.FILTER_REJECT;
    const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT, accept);
    let text = '';
    while (walker.nextNode()) text += walker.currentNode.data;
    return text.replace(/\\s+/g, ' ').trim();
})()";

const PAGE_STATE: &str = "({
    url: location.href, ready: document.readyState, title: document.title,
    text: document.body?.innerText ?? '',
})";

/// A headless Chromium with an empty profile. It and its driver are killed when it is dropped,
/// also by a test that fails.
///
/// Every verb panics when the browser does not answer: a test has nothing better to do then.
pub struct Browser {
    client: Client,
    driver: Driver,
    patience: Duration,
}

impl Browser {
    /// Starts a driver on a free loopback port, and a browser.
    ///
    /// # Panics
    /// If Chromium or its driver is not installed, saying how to install them, or does not start.
    pub async fn start() -> Self {
        let driver = Driver::start("chromedriver").await;
        let client = ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities(&driver))
            .connect(&driver.url)
            .await
            .unwrap_or_else(|error| panic!("no browser: {error}; {HOW_TO_INSTALL}"));
        Self { client, driver, patience: Duration::from_secs(PATIENCE_S) }
    }

    /// Opens a page and waits until it is loaded.
    ///
    /// # Panics
    /// If it cannot be opened.
    pub async fn goto(&self, url: &str) {
        self.client.goto(url).await.unwrap_or_else(|error| panic!("{url}: {error}"));
    }

    /// Opens a page that asks an admin to sign in first, and does so as a person would, by typing
    /// and clicking. Waits until the page itself is there.
    ///
    /// # Panics
    /// If the page does not ask for a token, or this one leads nowhere.
    pub async fn sign_in(&self, url: &str, token: &str) {
        self.goto(url).await;
        self.show_token(token).await;
        let wanted = json!(Url::parse(url).expect("a URL").path());
        let is_there = "location.pathname === arguments[0] && document.readyState === 'complete'";
        self.wait("the page behind the sign-in", &format!("return {is_there};"), vec![wanted])
            .await;
    }

    /// Types a token into the form of the sign-in page and sends it.
    ///
    /// # Panics
    /// If there is no such form.
    pub async fn show_token(&self, token: &str) {
        let field = self.client.find(Locator::Css("input[name=token]")).await;
        let field = field.expect("the page asks for a token");
        field.send_keys(token).await.expect("a token can be typed");
        self.click("form[action^='/admin/sign-in'] button").await;
    }

    /// Clicks on the first element that this CSS selector names.
    ///
    /// # Panics
    /// If there is none, or a person could not click on it.
    pub async fn click(&self, selector: &str) {
        let element = self.client.find(Locator::Css(selector)).await;
        let element = element.unwrap_or_else(|error| panic!("{selector}: {error}"));
        element.click().await.unwrap_or_else(|error| panic!("{selector}: {error}"));
    }

    /// Goes on in the frame that this CSS selector names, until another page is opened.
    ///
    /// # Panics
    /// If there is none.
    pub async fn enter_frame(&self, selector: &str) {
        let element = self.client.find(Locator::Css(selector)).await;
        let element = element.unwrap_or_else(|error| panic!("{selector}: {error}"));
        element.enter_frame().await.unwrap_or_else(|error| panic!("{selector}: {error}"));
    }

    /// The title of the page.
    ///
    /// # Panics
    /// If the browser does not answer.
    pub async fn title(&self) -> String {
        self.client.title().await.expect("the page has a title")
    }

    /// The value of a JavaScript expression in the page.
    ///
    /// # Panics
    /// If it throws.
    pub async fn evaluate(&self, expression: &str) -> Value {
        let value = self.client.execute(&format!("return ({expression});"), Vec::new()).await;
        value.unwrap_or_else(|error| panic!("{expression}: {error}"))
    }

    /// Waits until a JavaScript expression is truthy in the page. One that throws, such as for an
    /// element that is not there yet, is not.
    ///
    /// # Panics
    /// If it does not come true within a minute: names `what` was awaited and what the page shows.
    pub async fn wait_for(&self, what: &str, condition: &str) {
        self.wait(what, &format!("return Boolean({condition});"), Vec::new()).await;
    }

    /// Waits until `<live-users>` shows this text, such as `1 user live`, as whole words.
    ///
    /// # Panics
    /// If it does not come true within a minute.
    pub async fn wait_for_live_users(&self, text: &str) {
        let has_words = "` ${shown} `.includes(` ${arguments[0]} `)";
        let script = format!("const shown = {LIVE_USERS_TEXT}; return {has_words};");
        self.wait(&format!("<live-users> with {text:?}"), &script, vec![json!(text)]).await;
    }

    /// What a person reads in the first `<live-users>`, with each stretch of white space as one
    /// blank; `None` while there is no such element or nothing in it.
    ///
    /// # Panics
    /// If the browser does not answer.
    pub async fn text_of_live_users(&self) -> Option<String> {
        self.evaluate(LIVE_USERS_TEXT).await.as_str().map(str::to_owned)
    }

    /// Writes what is in the window to a PNG file.
    ///
    /// # Panics
    /// If the file cannot be written.
    pub async fn screenshot(&self, path: impl AsRef<Path>) {
        let png = self.client.screenshot().await.expect("a screenshot");
        std::fs::write(path, png).expect("the screenshot can be written");
    }

    /// The errors on the console since the last call: uncaught exceptions, `console.error`, what
    /// could not be loaded, what the page's security policy has refused.
    ///
    /// # Panics
    /// If the browser does not answer.
    pub async fn console_errors(&self) -> Vec<String> {
        let entries = self.issue("se/log", json!({ "type": "browser" })).await;
        let entries = entries.as_array().expect("a log is a list");
        let errors = entries.iter().filter(|entry| entry["level"] == "SEVERE");
        errors.map(|entry| entry["message"].as_str().unwrap_or_default().to_owned()).collect()
    }

    /// Gives the page a viewport of this width and height in CSS pixels.
    ///
    /// # Panics
    /// If the browser does not answer.
    pub async fn resize(&self, width: u32, height: u32) {
        let metrics = json!({
            "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false,
        });
        self.devtools("Emulation.setDeviceMetricsOverride", metrics).await;
    }

    /// Tells the page that its reader prefers dark or light colours.
    ///
    /// # Panics
    /// If the browser does not answer.
    pub async fn set_color_scheme(&self, dark: bool) {
        let value = if dark { "dark" } else { "light" };
        let features = json!({ "features": [{ "name": "prefers-color-scheme", "value": value }] });
        self.devtools("Emulation.setEmulatedMedia", features).await;
    }

    /// Tells the page that its reader has set the few colours that there are, as with the high contrast
    /// of Windows.
    ///
    /// # Panics
    /// If the browser does not answer.
    pub async fn set_forced_colors(&self, forced: bool) {
        let value = if forced { "active" } else { "none" };
        let features = json!({ "features": [{ "name": "forced-colors", "value": value }] });
        self.devtools("Emulation.setEmulatedMedia", features).await;
    }

    /// Tells the page that its reader prefers little motion, or any; the colours are then those
    /// that the browser prefers itself.
    ///
    /// # Panics
    /// If the browser does not answer.
    pub async fn set_reduced_motion(&self, reduced: bool) {
        let value = if reduced { "reduce" } else { "no-preference" };
        let features =
            json!({ "features": [{ "name": "prefers-reduced-motion", "value": value }] });
        self.devtools("Emulation.setEmulatedMedia", features).await;
    }

    /// Lets the pages that are opened from now on run scripts, or not.
    ///
    /// # Panics
    /// If the browser does not answer.
    pub async fn set_scripts(&self, allowed: bool) {
        let value = json!({ "value": !allowed });
        self.devtools("Emulation.setScriptExecutionDisabled", value).await;
    }

    /// Presses keys on the keyboard, wherever the focus is; WebDriver has letters for those that
    /// write none, such as `\u{e004}` for Tab.
    ///
    /// # Panics
    /// If nothing can have the focus.
    pub async fn press(&self, keys: &str) {
        let focused = self.client.active_element().await.expect("something has the focus");
        focused.send_keys(keys).await.unwrap_or_else(|error| panic!("{keys:?}: {error}"));
    }

    /// The processes of this browser and its driver that are alive.
    pub fn pids(&self) -> Vec<i32> {
        self.driver.processes()
    }

    async fn wait(&self, what: &str, script: &str, arguments: Vec<Value>) {
        let deadline = Instant::now() + self.patience;
        loop {
            let answer = self.client.execute(script, arguments.clone()).await;
            if matches!(answer, Ok(Value::Bool(true))) {
                return;
            }
            if Instant::now() >= deadline {
                panic!("waited in vain for {what}: {answer:?}\n{}", self.state().await);
            }
            // not a wait for time: the page is in another process, and it is looked at again
            tokio::time::sleep(Duration::from_millis(POLL_INTERVAL_MS)).await;
        }
    }

    async fn state(&self) -> String {
        let page = self.evaluate(PAGE_STATE).await;
        let text = page["text"].as_str().unwrap_or_default();
        let text: String = text.chars().take(SHOWN_TEXT_CHARS_MAX).collect();
        format!(
            "page: {} ({}), titled {}\n<live-users>: {:?}\nconsole errors: {:?}\ntext:\n{text}",
            page["url"],
            page["ready"],
            page["title"],
            self.text_of_live_users().await,
            self.console_errors().await,
        )
    }

    async fn devtools(&self, command: &str, parameters: Value) {
        let body = json!({ "cmd": command, "params": parameters });
        self.issue("goog/cdp/execute", body).await;
    }

    async fn issue(&self, path: &'static str, body: Value) -> Value {
        let answer = self.client.issue_cmd(Extension { path, body }).await;
        answer.unwrap_or_else(|error| panic!("{path}: {error}"))
    }
}

fn capabilities(driver: &Driver) -> fantoccini::wd::Capabilities {
    let profile = format!("--user-data-dir={}", driver.folder().join("profile").display());
    let flags = [
        "--headless",
        // A container has no namespaces to build the sandbox from, and the pages are our own.
        "--no-sandbox",
        "--disable-gpu",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--disable-quic",
        // Shared memory is small in a container.
        "--disable-dev-shm-usage",
        &profile,
    ];
    let wanted = json!({
        "goog:chromeOptions": { "args": flags },
        "goog:loggingPrefs": { "browser": "ALL" },
        "timeouts": { "pageLoad": PATIENCE_S * 1_000, "script": PATIENCE_S * 1_000 },
    });
    wanted.as_object().expect("just written as one").clone()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_wait_in_vain_tells_what_the_page_shows() {
        let mut browser = Browser::start().await;
        browser.patience = Duration::ZERO;
        browser.goto("data:text/html,<title>Home</title><p>nobody here</p>").await;
        browser.evaluate("console.error('it broke')").await;
        let waits = async move { browser.wait_for("a caller", "caller.isLive").await };
        let panic = tokio::spawn(waits).await.unwrap_err().into_panic();
        let message = panic.downcast::<String>().unwrap();
        let told = ["a caller", "caller is not defined", "\"Home\"", "nobody here", "it broke"];
        for part in told {
            assert!(message.contains(part), "no {part:?} in {message}");
        }
    }
}
