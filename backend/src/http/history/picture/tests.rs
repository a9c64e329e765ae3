//! Pictures are valid SVG, whatever they show.

use live_users_core::{CallId, EndReason, Evidence, Said, Source};
use live_users_state::State;
use live_users_state::history::{Line, Retention, Subject};
use live_users_state::record::{Change, Record};
use roxmltree::Document;

use super::super::query::Query;
use super::*;

const MINUTE: u64 = 60_000;
/// 2026-11-23, 09:30:00 in UTC.
const NOW: u64 = 1_795_426_200_000;

/// The history of callers who came one a minute until now, and stayed for seven minutes each.
fn found(query: &str, callers: u64) -> Found {
    let mut state = State::default();
    let mut hear = |at, call: u64, source, said| {
        let call = CallId::parse(&format!("C{call}")).unwrap();
        let change = Change::Evidence(Evidence::about(call, source, said));
        state.apply(&Record { at: Millis(at), change });
    };
    for n in 0..callers {
        let at = NOW - (callers - n) * MINUTE;
        if let Some(over) = n.checked_sub(7) {
            hear(at, over, Source::StatusCallback, Said::Over(EndReason::Completed));
        }
        hear(at, n, Source::Speech, Said::InProgress);
    }
    let now = Millis(NOW);
    let plan = Query::parse(query).unwrap().plan(now, Retention::default(), 192).unwrap();
    let times = (plan.from, plan.end());
    let excerpt = state.history().slice(Subject::All, Line::Live, plan.grain, times, now);
    let excerpt = excerpt.map(|it| super::super::found::Excerpt(vec![it]));
    let known = excerpt.as_ref().map(|it| it.points(&plan));
    let points = known.unwrap_or_else(|| vec![Point::default(); plan.count()]);
    Found { plan, now, points, lines: Vec::new(), steps: Vec::new(), present: None, excerpt }
}

fn draw(query: &str, callers: u64, agent: Option<&str>) -> String {
    Picture::parse(query).unwrap().draw(&found(query, callers), agent)
}

fn texts(svg: &str) -> Vec<String> {
    let document = Document::parse(svg).unwrap();
    let texts = document.descendants().filter(|node| node.has_tag_name("text"));
    texts.filter_map(|node| node.text().map(str::to_owned)).collect()
}

#[test]
fn a_picture_says_what_it_shows() {
    let svg = draw("from=-1h&step=1m", 30, None);
    let texts = texts(&svg);
    for text in [
        "Live users",
        "23 November 2026, 09:00 – 09:30 UTC",
        "users at once",
        "time in UTC",
        "peak 7",
        "09:10",
        "8",
        "average",
        "fewest to most",
        "now",
    ] {
        assert!(texts.iter().any(|it| it == text), "{text} is not among {texts:?}");
    }
    let document = Document::parse(&svg).unwrap();
    let root = document.root_element();
    assert_eq!(root.attribute("role"), Some("img"));
    for id in root.attribute("aria-labelledby").unwrap().split(' ') {
        assert!(document.descendants().any(|node| node.attribute("id") == Some(id)), "{id}");
    }
    let description = "23 November 2026, 09:00 – 09:30 UTC: 6.3 users live on average, at least \
                       1 and at most 7.";
    assert!(svg.contains(description), "{svg}");
}

#[test]
fn the_line_begins_where_data_begins_and_ends_at_what_is_so_now() {
    let ends_of = |query: &str, callers: u64| {
        let svg = draw(query, callers, None);
        let document = Document::parse(&svg).unwrap();
        // The first is in the legend.
        let lines = document.descendants().filter(|it| it.attribute("class") == Some("mean"));
        let line = lines.filter_map(|it| it.attribute("d")).find(|it| it.contains('L')).unwrap();
        let places: Vec<_> = line[1..].split('L').map(str::to_owned).collect();
        let figure = document.descendants().find(|it| it.attribute("class") == Some("grid"));
        let edges = figure.and_then(|it| it.attribute("d")).unwrap().to_owned();
        (places[0].clone(), places[places.len() - 1].clone(), edges)
    };
    let edges = |edges: &str| {
        let (left, rest) = edges[1..].split_once(' ').unwrap();
        (left.parse::<f64>().unwrap(), rest.split_once('H').unwrap().1.parse::<f64>().unwrap())
    };
    let x = |place: &str| place.split_once(' ').unwrap().0.parse::<f64>().unwrap();
    let (first, last, grid) = ends_of("from=-1h&step=1m", 30);
    let (left, right) = edges(&grid);
    assert!(x(&first) - left < (right - left) / 30.0, "{first} of {left} to {right}");
    assert_eq!(x(&last), right);
    // Seven are on the line, on an axis up to 8; without the last step it would be their average.
    let (top, bottom) = (96.0, 344.0);
    assert_eq!(last.split_once(' ').unwrap().1, format!("{}", bottom - 7.0 / 8.0 * (bottom - top)));
    let (first, _, grid) = ends_of("from=-1h&step=1m", 2);
    let (left, right) = edges(&grid);
    assert!(x(&first) > left + (right - left) / 2.0, "one minute is no whole picture: {first}");
}

#[test]
fn a_picture_of_any_size_time_and_theme_is_whole_and_needs_nothing_else() {
    let sizes = ["", "&width=320&height=200", "&width=4000&height=3000", "&width=330&height=3000"];
    let times =
        ["from=-1h", "from=-24h", "from=-7d", "from=-30d", "from=-9000d", "from=-2h&to=-1h"];
    for time in times {
        for (size, theme) in sizes.into_iter().zip(["auto", "light", "dark", "auto"]) {
            for callers in [0, 1, 100] {
                let svg = draw(&format!("{time}{size}&theme={theme}"), callers, None);
                let document = Document::parse(&svg).unwrap_or_else(|why| panic!("{why}: {svg}"));
                for node in document.descendants().filter(roxmltree::Node::is_element) {
                    let name = node.tag_name().name();
                    assert!(!["script", "image", "use", "a", "foreignObject"].contains(&name));
                    for attribute in node.attributes() {
                        assert!(!attribute.value().contains("NaN"), "{svg}");
                        assert!(!attribute.name().starts_with("on"), "{svg}");
                    }
                }
                assert!(!svg.contains("url(") && !svg.contains("@import"), "{svg}");
                assert_eq!(svg.contains("prefers-color-scheme"), theme == "auto");
                let is_unknown = texts(&svg).iter().any(|it| it.starts_with("Nothing is known"));
                assert_eq!(is_unknown, callers == 0 || (callers == 1 && time.contains("to=")));
            }
        }
    }
}

#[test]
fn the_name_of_an_agent_is_text_and_nothing_else() {
    let name = "</text><script>alert(1)</script>&\"\u{1}\u{FFFF}";
    let svg = draw("from=-1h", 3, Some(name));
    assert!(!svg.contains("<script"), "{svg}");
    let title = "Live users · </text><script>alert(1)</script>&\"";
    assert_eq!(texts(&svg)[0], title);
    let long = draw("from=-1h&width=320", 3, Some(&"Agent ".repeat(20)));
    assert!(texts(&long)[0].chars().count() < 40 && texts(&long)[0].ends_with('…'));
}

#[test]
fn what_no_picture_can_be_is_named() {
    for (query, field) in [
        ("theme=sepia", "theme"),
        ("width=319", "width"),
        ("width=1e3", "width"),
        ("height=3001", "height"),
        ("height=-1", "height"),
    ] {
        assert_eq!(Picture::parse(query).unwrap_err().name, field, "{query}");
    }
}
