//! Names as long as they may be, without a space in them, stay in their places, in a real Chromium.

use std::fs;

use live_users_testkit::Browser;

use crate::{ADMIN_TOKEN, start_both_with};

/// What is wider than the place that it stands in, and marks that stand over the column beside theirs.
const HANGING_OUT: &str = "(() => {
    const page = document.scrollingElement;
    const out = page.scrollWidth > page.clientWidth ? [`the page by ${page.scrollWidth - page.clientWidth}`] : [];
    for (const mark of document.querySelectorAll('tr.call .mark')) {
        if (!mark.checkVisibility()) continue;
        const by = mark.getBoundingClientRect().right - mark.closest('td').getBoundingClientRect().right;
        if (by > 0) out.push(`${mark.textContent} by ${by}`);
    }
    for (const users of document.querySelectorAll('.place-users')) {
        const by = users.getBoundingClientRect().right - users.closest('.panel').getBoundingClientRect().right;
        if (users.checkVisibility() && by > 0) out.push(`${users.textContent} by ${by}`);
    }
    return out.join();
})()";

#[tokio::test(flavor = "multi_thread")]
async fn long_names_and_words_stay_in_their_places() {
    let folder = tempfile::tempdir().expect("a folder");
    let agents = folder.path().join("agents.toml");
    let (name, account) = ("Kapitänsmütze".repeat(8), "northern_region_".repeat(4));
    let table = format!(
        "[[agent]]\nid = \"booking\"\nname = \"{name}\"\naccount = \"{account}\"\nnumbers = [\"+15005550006\"]\n"
    );
    fs::write(&agents, table).expect("a file can be written");
    let (_backend, proxy, twilio) = start_both_with(agents.to_str().expect("a path of text"));
    let city = ("FromCity", "LLANFAIRPWLLGWYNGYLLGOGERYCHWYRNDROBWLLLLANTYSILIOGOGOGOCH");
    for (sid, from) in [("CAlong", "+14155550101"), ("CAother", "+14155550102")] {
        let call = [("CallSid", sid), ("CallStatus", "ringing"), ("Direction", "inbound")];
        let ends = [("From", from), ("To", "+15005550006"), ("FromCountry", "GB"), city];
        assert_eq!(twilio.post("/voice", &[&call[..], &ends].concat()).status, 200);
    }
    let leg = [("CallSid", "CAleg"), ("ParentCallSid", "CAlong"), ("CallStatus", "in-progress")];
    let ends = [("Direction", "outbound-dial"), ("From", "+15005550006"), ("To", "+12065550100")];
    assert_eq!(twilio.post("/call-status", &[&leg[..], &ends].concat()).status, 204);

    let browser = Browser::start().await;
    browser.sign_in(&format!("{}/admin/existing-agents?lang=de", proxy.url), ADMIN_TOKEN).await;
    let handed_over = "document.querySelector('tr.call .mark.is-party')?.checkVisibility()";
    browser.wait_for("the call", handed_over).await;
    browser.wait_for("the accounts", "document.querySelector('#accounts').checkVisibility()").await;
    browser.click("tr.call:has(.mark.is-party:not([hidden])) .toggle").await;
    // By its name, as everywhere else, and not by its id.
    let with = format!("document.querySelector('.connections')?.innerText.includes('Mit {name}')");
    browser.wait_for("with whom the caller was connected", &with).await;
    for width in [360, 768, 900, 1_100, 1_280, 1_920] {
        browser.resize(width, 900).await;
        assert_eq!(browser.evaluate(HANGING_OUT).await, "", "{width} wide");
    }
}
