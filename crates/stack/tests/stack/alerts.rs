//! Alerts on the page in a real Chromium, and by the command.

use crate::page::{open, text};
use crate::remote::{ok, told};
use crate::{ADMIN_TOKEN, API_TOKEN, start_both_with, write_agents};

const FILE: &str = "[[agent]]\nid = \"booking\"\nname = \"Table bookings\"\n\
    numbers = [\"+15005550006\"]\n\
    [[alert]]\nid = \"busy\"\nwhen = \"users\"\nat_least = 2\nagent = \"booking\"\n\
    for_seconds = 0\n";

#[tokio::test(flavor = "multi_thread")]
async fn an_alert_that_fires_is_on_the_page_and_in_the_terminal_until_it_is_over() {
    let (_folder, agents) = write_agents(FILE);
    let (backend, proxy, twilio) = start_both_with(&agents);
    let browser = open(&proxy).await;
    let is_calm = "document.querySelector('#alerts-calm').checkVisibility()";
    browser.wait_for("that none fires", is_calm).await;
    assert_eq!(text(&browser, "#alerts-calm").await, "None of 1 fires.");
    assert!(ok(&backend.url, API_TOKEN, &["alerts"]).contains("users of booking from 2 on"));
    twilio.start(1);
    twilio.start(2);
    let fires = "document.querySelector('#alerts-firing').innerText.startsWith('busy · since ')";
    browser.wait_for("the alert", fires).await;
    let says = text(&browser, "#alerts-firing").await;
    assert!(says.ends_with(" · live users of Table bookings (limit 2)"), "{says}");
    for dark in [false, true] {
        browser.set_color_scheme(dark).await;
        assert_eq!(browser.axe_violations().await, [""; 0], "dark: {dark}");
    }
    let status = ok(&backend.url, API_TOKEN, &["status"]);
    assert!(status.contains("alert busy fires at 2 since "), "{status}");
    let tested = ok(&backend.url, API_TOKEN, &["alerts", "test", "busy"]);
    assert_eq!(tested, "no hook takes alert busy: nobody is told\n");
    let tested = ok(&proxy.url, API_TOKEN, &["alerts", "test", "busy", "--token", ADMIN_TOKEN]);
    assert_eq!(tested, "no hook takes alert busy: nobody is told\n");
    twilio.end(1);
    browser.wait_for("that it is over", is_calm).await;
    browser.click("#alerts-fold summary").await;
    let recent = text(&browser, "#alerts-recent").await;
    assert!(
        recent.contains(" · over · 1 live user of") && recent.contains(" · started · 2 live users"),
        "{recent}"
    );
    assert!(recent.contains(" · tested · "), "{recent}");
    twilio.start(3);
    browser.wait_for("the alert again", fires).await;
    std::fs::write(&agents, FILE.replace("at_least = 2", "at_least = 3")).expect("a file");
    backend.hang_up();
    browser.wait_for("that it is over", is_calm).await;
    let recent = text(&browser, "#alerts-recent").await;
    let changed = " · over, its rule was changed · live users of Table bookings (limit 2)";
    assert!(recent.contains(changed), "{recent}");
    let listed = ok(&backend.url, API_TOKEN, &["alerts"]);
    assert!(listed.contains("resolved ") && listed.contains("test"), "{listed}");
    assert!(listed.contains("resolved, its rule was changed"), "{listed}");
}

#[test]
fn options_before_an_order_are_refused_and_not_dropped() {
    // The order has its own: with those before it left out, another server would be asked.
    let options = ["--url", "http://127.0.0.1:9", "--token", "t"];
    for (command, order) in
        [("alerts", &["test", "busy"][..]), ("links", &["revoke", "0123456789abcdef"])]
    {
        let (code, output, error) = told(&[&[command], &options[..], order].concat(), &[]);
        assert_eq!((code, output.as_str()), (64, ""), "{command}: {error}");
        assert!(error.contains("cannot be used with"), "{command}: {error}");
        let (code, _, error) = told(&[&[command], order, &options[..]].concat(), &[]);
        assert!(code == 1 && error.contains("http://127.0.0.1:9"), "{command}: {code} {error}");
    }
}
