//! The wallboard on screens of all shapes, in a real Chromium.

use live_users_testkit::Browser;

use crate::page::open;
use crate::start_both;

/// What part of the first number is in sight, and how high it is.
const NUMBER: &str = "(() => { const box = document.querySelector('.is-first .value').getBoundingClientRect(); \
    const figure = document.querySelector('.figure.is-first').getBoundingClientRect(); \
    return box.height >= 60 && box.top >= 0 && box.bottom <= innerHeight && box.bottom <= figure.bottom + 1 \
    ? 'seen' : JSON.stringify([box, figure, innerHeight]); })()";

/// Cards with numbers of three digits, a capacity and others on the line: what stands out of its card or below
/// its neighbour.
const CROWDED: &str = "(async () => { const { Cards } = await import('/admin/cards.js');
    const old = document.querySelector('#cards'); old.replaceWith(old.cloneNode(false));
    const byAgent = Array.from({ length: 12 }, (_, n) => ({ agent: `a${n}`, name: `Agent ${n} of the house`,
        numbers: [], capacity: 900, ownVoice: false, liveUsers: 238, liveCalls: 238, averageMs: 1, withAgent: 238,
        waiting: 112, withPerson: 101, machine: 0, onTheLine: 451, lastHour: { calls: 0, averageMs: null } }));
    new Cards({ summary: { byAgent }, elapsedMs: 0 }).draw();
    const out = [];
    for (const card of document.querySelectorAll('#cards .card')) {
        const box = card.getBoundingClientRect();
        if (card.scrollWidth > card.clientWidth + 1 || card.scrollHeight > card.clientHeight + 1) out.push('card');
        for (const part of card.querySelectorAll('.live-number, .load, h3, .line, .bar-track')) {
            const it = part.getBoundingClientRect();
            if (it.right > box.right || it.bottom > box.bottom || it.top < box.top) out.push(part.className || 'h3');
        }
        const [number, load] = ['.live-number', '.load'].map((it) => card.querySelector(it).getBoundingClientRect());
        if (number.right > load.left) out.push('number over load');
    }
    return [...new Set(out)].join(); })()";

async fn on_the_wall(browser: &Browser) {
    browser.click("#wallboard").await;
    browser.wait_for("the mode", "document.documentElement.matches('.wallboard')").await;
    browser
        .wait_for("the number", "document.querySelector('[data-figure=users]').innerText !== '–'")
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_number_is_seen_on_a_screen_of_every_shape() {
    let (_backend, proxy, twilio) = start_both();
    (1..=3).for_each(|n| drop(twilio.start(n)));
    let browser = open(&proxy).await;
    on_the_wall(&browser).await;
    for (width, height) in [
        (1600, 1200),
        (1024, 768),
        (1023, 768),
        (1025, 768),
        (1920, 1080),
        (1080, 1920),
        (768, 1024),
    ] {
        browser.resize(width, height).await;
        let is_so = format!("innerWidth === {width} && innerHeight === {height}");
        browser.wait_for("the size", &is_so).await;
        assert_eq!(browser.evaluate(NUMBER).await, "seen", "{width} x {height}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_stands_out_of_its_card_and_the_chart_is_high_enough_to_read() {
    let (_backend, proxy, twilio) = start_both();
    (1..=3).for_each(|n| drop(twilio.start(n)));
    let browser = open(&proxy).await;
    on_the_wall(&browser).await;
    browser
        .wait_for(
            "the chart",
            "document.querySelector('live-users-chart').matches('[state=ready]')",
        )
        .await;
    for (width, height) in [(1280, 720), (1920, 1080), (1024, 768), (1366, 768)] {
        browser.resize(width, height).await;
        let is_so = format!("innerWidth === {width} && innerHeight === {height}");
        browser.wait_for("the size", &is_so).await;
        assert_eq!(browser.evaluate(CROWDED).await, "", "{width} x {height}");
        // Nobody is there to choose, and to read five peaks.
        let seen = "(() => { const root = document.querySelector('live-users-chart').shadowRoot; \
                    const box = root.querySelector('.chart').getBoundingClientRect(); \
                    const panel = document.querySelector('#overview').getBoundingClientRect(); \
                    return ['fieldset', '.compare', '.peaks'] \
                    .map((it) => root.querySelector(it).checkVisibility()).join() \
                    + (box.height >= 120 && box.bottom <= panel.bottom ? '' : JSON.stringify([box, panel])); })()";
        assert_eq!(browser.evaluate(seen).await, "false,false,false", "{width} x {height}");
        let fits = "document.documentElement.scrollHeight <= innerHeight";
        assert_eq!(browser.evaluate(fits).await, true, "{width} x {height}");
    }
}

/// The pages of 32 agents, one after the other: how many agents were shown, and which pages do not fit.
const PAGES: &str = "(async () => {
    const [{ Cards }, { WallPages }] = await Promise.all(['/admin/cards.js', '/admin/wall-pages.js'].map((it) => import(it)));
    const old = document.querySelector('#cards'); old.replaceWith(old.cloneNode(false));
    const indicator = document.querySelector('#agents-page').cloneNode(false);
    document.querySelector('#cards').after(indicator);
    const byAgent = Array.from({ length: 32 }, (_, n) => ({ agent: `a${n}`, name: `Agent ${n}`, numbers: [],
        capacity: null, ownVoice: false, liveUsers: n, liveCalls: n, averageMs: 1, lastHour: { calls: 0 } }));
    const cards = new Cards({ summary: { byAgent }, elapsedMs: 0 });
    const pages = new WallPages(indicator, () => cards.arrange());
    cards.usePages(pages);
    const real = performance.now.bind(performance);
    let ahead = 0;
    performance.now = () => real() + ahead;
    const [seen, out] = [new Set(), []];
    cards.draw();
    for (let page = 0; page < 32; page += 1) {
        for (const name of document.querySelectorAll('#cards h3')) seen.add(name.textContent);
        if (document.scrollingElement.scrollHeight > innerHeight) out.push(indicator.textContent);
        ahead += 10_000;
        pages.tick();
    }
    performance.now = real;
    indicator.remove();
    return [seen.size, ...out].join();
})()";

#[tokio::test(flavor = "multi_thread")]
async fn all_agents_are_shown_in_turn_on_a_screen_of_every_shape() {
    let (_backend, proxy, _twilio) = start_both();
    let browser = open(&proxy).await;
    on_the_wall(&browser).await;
    for (width, height) in [(1920, 1080), (1080, 1920), (768, 1024), (1024, 1024)] {
        browser.resize(width, height).await;
        let is_so = format!("innerWidth === {width} && innerHeight === {height}");
        browser.wait_for("the size", &is_so).await;
        assert_eq!(browser.evaluate(PAGES).await, "32", "{width} x {height}");
    }
}
