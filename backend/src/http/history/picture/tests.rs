//! Pictures are valid SVG, whatever they show.

use live_users_core::{CallId, EndReason, Evidence, Said, Source};
use live_users_state::State;
use live_users_state::history::{Line, Retention, Subject};
use live_users_state::record::{Change, Record};
use roxmltree::Document;

use super::super::found::Excerpt;
use super::super::query::Query;
use super::*;

const MINUTE: u64 = 60_000;
/// 2026-11-23, 09:30:00 in UTC.
const NOW: u64 = 1_795_426_200_000;

/// Notes what was said of a call.
fn hear(state: &mut State, at: u64, call: u64, (source, said): (Source, Said)) {
    let call = CallId::parse(&format!("C{call}")).unwrap();
    let change = Change::Evidence(Evidence::about(call, source, said));
    state.apply(&Record { at: Millis(at), change });
}

/// The history of callers who came one a minute until now, and stayed for seven minutes each.
fn found(query: &str, callers: u64) -> Found {
    let mut state = State::default();
    let mut hear = |at, call: u64, source, said| hear(&mut state, at, call, (source, said));
    for n in 0..callers {
        let at = NOW - (callers - n) * MINUTE;
        if let Some(over) = n.checked_sub(7) {
            hear(at, over, Source::StatusCallback, Said::Over(EndReason::Completed));
        }
        hear(at, n, Source::Speech, Said::InProgress);
    }
    of_state(query, &state)
}

fn of_state(query: &str, state: &State) -> Found {
    let now = Millis(NOW);
    let plan = Query::parse(query).unwrap().plan(now, Retention::default(), 192).unwrap();
    let times = (plan.from, plan.end());
    let excerpt = |line| {
        let slice = state.history().slice(Subject::All, line, plan.grain, times, now);
        slice.map(|it| Excerpt(vec![it]))
    };
    let lines = Line::REST.into_iter().filter_map(excerpt).map(|it| it.points(&plan)).collect();
    let excerpt = excerpt(Line::Live);
    let known = excerpt.as_ref().map(|it| it.points(&plan));
    let points = known.unwrap_or_else(|| vec![Point::default(); plan.count()]);
    let present = state.history().steps(Subject::All, Millis(u64::MAX));
    let present = present.and_then(|steps| steps.last().copied());
    Found { plan, now, points, lines, steps: Vec::new(), present, excerpt }
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

/// Callers of agents, two who wait at the end, and one of them for half of the time.
fn with_others(query: &str) -> Found {
    let mut state = State::default();
    for n in 0..4 {
        hear(&mut state, NOW - 30 * MINUTE, n, (Source::Speech, Said::InProgress));
    }
    for (n, ago) in [(8, 15), (9, 3)] {
        hear(&mut state, NOW - ago * MINUTE, n, (Source::StatusCallback, Said::Dialing));
    }
    of_state(query, &state)
}

#[test]
fn who_else_is_on_the_line_is_stacked_as_in_the_chart_of_the_page() {
    let of_page = include_str!("../../../../../proxy/web/live-users-chart-style.js");
    for (theme, place) in [("light", 0), ("dark", 1)] {
        let query = format!("from=-1h&step=1m&theme={theme}");
        let found = with_others(&query);
        let svg = Picture::parse(&query).unwrap().draw(&found, None);
        let document = Document::parse(&svg).unwrap();
        let of_class = |class: &str| -> Vec<String> {
            let nodes = document.descendants().filter(|it| it.attribute("class") == Some(class));
            nodes.filter_map(|it| it.attribute("d").map(str::to_owned)).collect()
        };
        // One edge of each is in the legend.
        for (class, count) in
            [("with-agent", 2), ("waiting", 2), ("with-person", 0), ("machine", 0)]
        {
            assert_eq!(of_class(&format!("edge {class}")).len(), count, "{class}: {svg}");
        }
        let words = texts(&svg);
        for (text, is_there) in [
            ("With an agent", true),
            ("Waiting", true),
            ("Machine", false),
            ("fewest to most", false),
        ] {
            assert_eq!(words.iter().any(|it| it == text), is_there, "{text}: {words:?}");
        }
        // Four talk and two wait now, on an axis up to 6; the live users end at the border of their area.
        let plot = (96.0, 400.0 - 56.0 - 18.0);
        let at = |users: f64| format!(" {}", round(plot.1 - users / 6.0 * (plot.1 - plot.0)));
        let ends = |class: &str, n: usize, users: f64| {
            let line = of_class(class)[n].clone();
            assert!(line.ends_with(&at(users)), "{class}: {line} at {}", at(users));
        };
        ends("mean", 1, 4.0);
        ends("edge with-agent", 1, 4.0);
        ends("edge waiting", 1, 6.0);
        assert!(svg.contains("Up to 6 were on the line."), "{svg}");
        // The colours are those of the page, whose first is the light one.
        for (class, variable) in [
            ("with-agent", "line"),
            ("with-person", "person"),
            ("waiting", "waiting"),
            ("machine", "machine"),
        ] {
            let begin = format!("--{variable}: var(--live-users-chart-{variable}, light-dark(");
            let both = of_page.split(&begin).last().unwrap().split(')').next().unwrap();
            let own = both.split(", ").nth(place).unwrap();
            let rule = format!(".live-users-history .edge.{class}{{stroke:{own}}}");
            assert!(svg.contains(&rule), "{rule}: {svg}");
        }
    }
}

#[test]
fn a_legend_needs_no_more_room_than_there_is_and_a_low_picture_has_no_stack() {
    for (size, is_stacked) in [
        ("width=320&height=400", true),
        ("width=320&height=200", false),
        ("width=4000&height=3000", true),
    ] {
        let query = format!("from=-1h&step=1m&{size}");
        let svg = Picture::parse(&query).unwrap().draw(&with_others(&query), None);
        assert_eq!(texts(&svg).iter().any(|it| it == "Waiting"), is_stacked, "{size}");
        assert_eq!(svg.contains("fill=\"url(#live-users-history-waiting)\""), is_stacked, "{size}");
    }
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
                let is_within = |it: &str| it.starts_with("#live-users-history-");
                assert!(svg.split("url(").skip(1).all(is_within), "{svg}");
                assert!(!svg.contains("@import"), "{svg}");
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
