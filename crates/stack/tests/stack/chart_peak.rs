//! How `<live-users-chart>` marks the peak.

use crate::chart::{CHART, FOUR_POINTS, open};

/// Behind the peak of 5 live users, at 10:02, seven more wait.
fn with_a_queue() -> String {
    let unknown = r#""min":null,"max":null,"mean":null"#;
    let range = |name: &str, n: u32| format!(r#""{name}":{{"min":{n},"max":{n},"mean":{n}}}"#);
    let parties = [("withAgent", 2), ("waiting", 7), ("onTheLine", 9)].map(|(it, n)| range(it, n));
    let queue = format!(r#""min":2,"max":2,"mean":2,{}"#, parties.join(","));
    FOUR_POINTS.replace(unknown, &queue)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_words_of_the_peak_cross_no_line_and_its_mark_stands_on_one() {
    let browser = open(200, &with_a_queue()).await;
    // From the lowest edge of the words to the highest corner of a line below or beside them, in pixels.
    let clear = format!(
        "(() => {{ const root = {CHART}.shadowRoot; const words = root.querySelector('.peak-label').getBBox(); \
         let least = Infinity; \
         for (const it of root.querySelectorAll('.edge, .mean')) {{ const length = it.getTotalLength(); \
           for (let at = 0; at <= length; at += 1) {{ const {{ x, y }} = it.getPointAtLength(at); \
             if (x < words.x || x > words.x + words.width) continue; \
             least = Math.min(least, y - words.y - words.height); }} }} \
         return least > 0 ? 'clear' : `${{least}} pixels`; }})()"
    );
    assert_eq!(browser.evaluate(&clear).await, "clear");
    let stem = format!(
        "(() => {{ const root = {CHART}.shadowRoot; const of = (it, key) => Number(it.getAttribute(key)); \
         const [stem, mark] = ['.stem', '.peak'].map((it) => root.querySelector(it)); \
         const line = [...root.querySelectorAll('.mean')].flatMap((it) => it.getAttribute('d').slice(1).split('L')); \
         const isBelow = of(stem, 'y1') > of(mark, 'cy') && of(stem, 'x1') === of(mark, 'cx'); \
         return isBelow && line.includes(`${{of(stem, 'x2')}},${{of(stem, 'y2')}}`); }})()"
    );
    assert_eq!(browser.evaluate(&stem).await, true);
}
