//! Who is on the line, as areas on top of each other: in the order, the colours and the patterns of the
//! chart of the page. None is told by its colour alone.

use std::fmt::Write as _;

use live_users_state::history::{Line, Point};

use super::super::found::Found;
use super::shapes::{TEXT, line, round, text, text_width};

/// A party as it is drawn.
pub(super) struct Party {
    line: Line,
    /// Its class, and the end of the id of its pattern.
    pub(super) class: &'static str,
    /// Its name in the legend.
    pub(super) words: &'static str,
    /// Its pattern, eight pixels wide and high; the first one, which is the number, has none.
    pattern: &'static str,
}

/// From the bottom up, so that the live users end at a border.
pub(super) const PARTIES: [Party; 4] = [
    Party { line: Line::WithAgent, class: "with-agent", words: "With an agent", pattern: "" },
    Party {
        line: Line::WithPerson,
        class: "with-person",
        words: "With a person",
        pattern: "<path class=\"mark with-person\" d=\"M-2 2L2 -2M0 8L8 0M6 10L10 6\"/>",
    },
    Party {
        line: Line::Waiting,
        class: "waiting",
        words: "Waiting",
        pattern: "<circle class=\"spot waiting\" cx=\"2\" cy=\"2\" r=\"1.1\"/>\
                  <circle class=\"spot waiting\" cx=\"6\" cy=\"6\" r=\"1.1\"/>",
    },
    Party {
        line: Line::Machine,
        class: "machine",
        words: "Machine",
        pattern: "<path class=\"mark machine\" d=\"M0 2H8M0 6H8\"/>",
    },
];

/// How high a row of the legend is.
const ROW: f64 = 18.0;

/// The least height that is left for the areas: a picture that is lower shows the live users alone.
const HEIGHT_MIN: f64 = 40.0;

/// The users of the parties at the points of a history.
pub(super) struct Stack {
    /// Of each point, how high each area reaches.
    tops: Vec<[f64; 4]>,
    /// The same now.
    present: Option<[f64; 4]>,
    /// The most on the line at once.
    pub(super) most: u32,
    /// Those who were on the line at all, in rows of the legend.
    rows: Vec<Vec<&'static Party>>,
}

impl Stack {
    /// `None` if nobody but the agents had callers, or if there is no room for it.
    pub(super) fn of(found: &Found, (width, height): (f64, f64)) -> Option<Self> {
        let users: Vec<_> = (0..found.points.len()).map(|n| users_at(found, n)).collect();
        let present = found.present_at_end();
        let present =
            present.map(|step| PARTIES.each_ref().map(|it| f64::from(step.of_line(it.line))));
        let all = || users.iter().chain(&present);
        let is_shown = |place: usize| place == 0 || all().any(|users| users[place] > 0.0);
        let shown: Vec<_> = (0..4).filter(|place| is_shown(*place)).collect();
        let rows = rows(shown.iter().map(|place| &PARTIES[*place]), width);
        let is_low = height - ROW * (rows.len() as f64) < HEIGHT_MIN;
        if shown.len() == 1 || is_low {
            return None;
        }
        let on_the_line = found.points_of(Line::OnTheLine).into_iter().flatten();
        let known = found.points.iter().chain(on_the_line).filter(|point| point.known_ms > 0);
        Some(Self {
            most: known.map(|point| point.max).max().unwrap_or_default(),
            tops: users.into_iter().map(sums).collect(),
            present: present.map(sums),
            rows,
        })
    }

    /// How high the legend is.
    pub(super) fn legend_height(&self) -> f64 {
        ROW * self.rows.len() as f64
    }

    /// How high each area reaches at one of the points.
    pub(super) fn tops(&self, point: usize) -> [f64; 4] {
        self.tops.get(point).copied().unwrap_or_default()
    }

    /// How high each area reaches now.
    pub(super) fn tops_now(&self) -> Option<[f64; 4]> {
        self.present
    }

    /// Names each area, in rows that begin here.
    pub(super) fn draw_legend(&self, svg: &mut String, (left, top): (f64, f64)) {
        for (n, row) in self.rows.iter().enumerate() {
            let (mut x, y) = (round(left), round(top + ROW * n as f64));
            for party in row {
                let (class, above) = (party.class, y - 5.0);
                let area = format!("x=\"{x}\" y=\"{above}\" width=\"16\" height=\"10\"");
                let _ = writeln!(svg, "<rect class=\"tint {class}\" {area}/>");
                fill(svg, party, |fill| format!("<rect {area} {fill}/>"));
                let _ = writeln!(svg, "<path class=\"edge {class}\" d=\"M{x} {above}h16\"/>");
                text(svg, "value", (x + 23.0, y + 4.0), "start", party.words);
                x = round(x + width_of(party));
            }
        }
    }
}

/// The patterns, which the areas refer to.
pub(super) fn patterns() -> String {
    let mut svg = "<defs>".to_owned();
    for Party { class, pattern, .. } in PARTIES.iter().filter(|it| !it.pattern.is_empty()) {
        let _ = write!(
            svg,
            "<pattern id=\"live-users-history-{class}\" patternUnits=\"userSpaceOnUse\" \
             width=\"8\" height=\"8\">{pattern}</pattern>"
        );
    }
    svg.push_str("</defs>\n");
    svg
}

/// Draws the areas through these corners of each, and their borders. A border stands off from what is
/// beside it, so that each is told from the ground and not from another colour.
pub(super) fn draw(svg: &mut String, corners: [Vec<(f64, f64)>; 4], base: f64) {
    let mut below: Option<Vec<(f64, f64)>> = None;
    for (party, upper) in PARTIES.iter().zip(corners) {
        if below.as_ref() == Some(&upper) {
            continue;
        }
        let (first, last) = (upper[0].0, upper[upper.len() - 1].0);
        let lower = below.unwrap_or_else(|| vec![(first, base), (last, base)]);
        let edge = line(upper.iter().copied());
        let around = line(upper.iter().copied().chain(lower.into_iter().rev()));
        let class = party.class;
        let _ = writeln!(svg, "<path class=\"tint {class}\" d=\"M{around}Z\"/>");
        fill(svg, party, |fill| format!("<path {fill} d=\"M{around}Z\"/>"));
        let _ = writeln!(svg, "<path class=\"casing\" d=\"M{edge}\"/>");
        let _ = writeln!(svg, "<path class=\"edge {class}\" d=\"M{edge}\"/>");
        below = Some(upper);
    }
}

/// Fills a shape with the pattern of a party, if that has one.
fn fill(svg: &mut String, party: &Party, shape: impl FnOnce(&str) -> String) {
    if !party.pattern.is_empty() {
        svg.push_str(&shape(&format!("fill=\"url(#live-users-history-{})\"", party.class)));
        svg.push('\n');
    }
}

/// The average users of each party at a point. Where only the live users are known, they are an
/// agent's.
fn users_at(found: &Found, n: usize) -> [f64; 4] {
    let live = found.points[n].mean().unwrap_or_default();
    PARTIES.each_ref().map(|party| {
        let points = found.points_of(party.line);
        let mean = points.and_then(|points| points.get(n)).and_then(Point::mean);
        mean.unwrap_or(if party.line == Line::WithAgent { live } else { 0.0 })
    })
}

fn sums(users: [f64; 4]) -> [f64; 4] {
    let mut sum = 0.0;
    users.map(|users| {
        sum += users;
        sum
    })
}

fn width_of(party: &Party) -> f64 {
    23.0 + text_width(party.words, TEXT) + 16.0
}

/// The items of the legend in as many rows as they need.
fn rows(shown: impl Iterator<Item = &'static Party>, room: f64) -> Vec<Vec<&'static Party>> {
    let (mut rows, mut taken) = (vec![Vec::new()], 0.0);
    for party in shown {
        taken += width_of(party);
        if taken > room && rows.last().is_some_and(|row| !row.is_empty()) {
            rows.push(Vec::new());
            taken = width_of(party);
        }
        rows.last_mut().expect("there is one from the beginning").push(party);
    }
    rows
}
