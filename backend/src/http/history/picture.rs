//! The history as a picture: SVG that needs nothing else, so that it fits into any document.
//!
//! It has no script, no font, no external address and no custom properties, which some renderers
//! do not know. All its names have a prefix of their own, since the SVG may be pasted into a page.

mod shapes;
mod stack;
mod style;

use std::fmt::Write as _;
use std::ops::RangeInclusive;

use live_users_core::Millis;
use live_users_http_kit::{ParameterError, Query};
use live_users_state::history::{Line, Point};

use self::shapes::{TEXT, escaped, line, round, shortened, text, text_width};
use self::stack::Stack;
use self::style::Theme;
use super::found::{Found, Span};
use super::scale::{moments, range, values};

const WIDTH_DEFAULT: u32 = 960;
const HEIGHT_DEFAULT: u32 = 400;
const WIDTHS: RangeInclusive<u32> = 320..=4_000;
const HEIGHTS: RangeInclusive<u32> = 200..=3_000;

/// Below this width, the figures leave no room for the title.
const WIDTH_OF_FIGURES: f64 = 560.0;

/// Below this width, the legend leaves little room beside it.
const WIDTH_OF_WORDS: u32 = 420;

/// How wide the legend is, beside which the clock is named.
const WIDTH_OF_LEGEND: f64 = 225.0;

/// The least pixels of a point if the query has no step: more points would be noise.
const PIXELS_OF_POINT: u32 = 4;

/// The height of what stands above the curve, and below it without a legend of areas.
const ABOVE: f64 = 96.0;
const BELOW: f64 = 56.0;

/// How a picture is to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Picture {
    theme: Theme,
    width: u32,
    height: u32,
}

/// Where the curve is drawn.
struct Plot {
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
    from: f64,
    to: f64,
    most: f64,
}

/// One point as it is drawn: when it is, the live users, and how high each area of a stack reaches.
#[derive(Clone, Copy)]
struct Drawn<'a> {
    span: Span,
    point: &'a Point,
    tops: [f64; 4],
}

impl Plot {
    fn x(&self, at_ms: f64) -> f64 {
        let x = self.left + (at_ms - self.from) / (self.to - self.from) * (self.right - self.left);
        x.clamp(self.left, self.right)
    }

    fn y(&self, users: f64) -> f64 {
        self.bottom - users / self.most * (self.bottom - self.top)
    }
}

impl Picture {
    pub(super) fn parse(query: &str) -> Result<Self, ParameterError> {
        let query = Query::new(query);
        let theme = query.parsed("theme", "auto, light or dark", |text| match text {
            "auto" => Some(Theme::Auto),
            "light" => Some(Theme::Light),
            "dark" => Some(Theme::Dark),
            _ => None,
        })?;
        Ok(Self {
            theme: theme.unwrap_or(Theme::Auto),
            width: query.number("width", WIDTH_DEFAULT, WIDTHS)?,
            height: query.number("height", HEIGHT_DEFAULT, HEIGHTS)?,
        })
    }

    /// How many points there is room for.
    pub(super) fn points(&self) -> u64 {
        // The first and the last may be seen in part.
        u64::from(self.width / PIXELS_OF_POINT) + 2
    }

    /// The picture, with the name of the agent if it is of one.
    pub(super) fn draw(&self, found: &Found, agent: Option<&str>) -> String {
        let (from, to, zone) = (found.begin(), found.plan.to, &found.plan.zone);
        let title = agent.map_or("Live users".to_owned(), |name| format!("Live users · {name}"));
        let (width, height) = (f64::from(self.width), f64::from(self.height));
        let stack = Stack::of(found, (width - 44.0, height - ABOVE - BELOW));
        let known = found.points.iter().copied().filter(|point| point.known_ms > 0);
        let whole = known.reduce(Point::with);
        let times = range((from, to), zone);
        let mut svg = String::with_capacity(16 * 1024);
        let _ = write!(
            svg,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"live-users-history\" \
             width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" role=\"img\" \
             aria-labelledby=\"live-users-history-title live-users-history-desc\">\n\
             <title id=\"live-users-history-title\">{}</title>\n\
             <desc id=\"live-users-history-desc\">{}</desc>\n<style>{}</style>\n\
             <rect class=\"ground\" x=\"0.5\" y=\"0.5\" width=\"{}\" height=\"{}\" rx=\"12\"/>\n",
            escaped(&title),
            escaped(&description(&times, whole, stack.as_ref())),
            self.theme.style(),
            width - 1.0,
            height - 1.0,
        );
        let figures = figures(found, whole);
        let with_figures = width >= WIDTH_OF_FIGURES;
        let room =
            if with_figures { width - 78.0 * figures.len() as f64 - 56.0 } else { width - 40.0 };
        text(&mut svg, "title", (20.0, 33.0), "start", &shortened(&title, room, 17.0));
        text(&mut svg, "quiet", (20.0, 54.0), "start", &shortened(&times, room, 12.5));
        if with_figures {
            for (place, (label, figure)) in figures.iter().rev().enumerate() {
                let x = width - 24.0 - 78.0 * place as f64;
                text(&mut svg, "figure", (x, 35.0), "end", figure);
                text(&mut svg, "quiet", (x, 54.0), "end", label);
            }
        }
        if stack.is_some() {
            svg.push_str(&stack::patterns());
        }
        let max = whole.map_or(0, |whole| whole.max);
        self.draw_plot(&mut svg, (found, max), stack.as_ref());
        svg.push_str("</svg>\n");
        svg
    }

    /// Draws the curve, which reaches this high, and what stands around it.
    fn draw_plot(&self, svg: &mut String, (found, max): (&Found, u32), stack: Option<&Stack>) {
        let (width, height) = (f64::from(self.width), f64::from(self.height));
        let (from, to, zone) = (found.begin(), found.plan.to, &found.plan.zone);
        let most = stack.map_or(max, |stack| stack.most);
        let below = BELOW + stack.map_or(0.0, Stack::legend_height);
        let room = height - ABOVE - below;
        let values = values(most, lines_in(room));
        let most = values.last().copied().unwrap_or(1);
        let labels = text_width(&grouped(most), TEXT);
        let plot = Plot {
            left: 20.0 + labels + 10.0,
            right: width - 24.0,
            top: ABOVE,
            bottom: height - below,
            from: from.0 as f64,
            to: to.0 as f64,
            most: most as f64,
        };
        text(svg, "quiet", (20.0, plot.top - 15.0), "start", "users at once");
        for value in values {
            let y = round(plot.y(value as f64));
            let class = if value == 0 { "base" } else { "grid" };
            let (left, right) = (round(plot.left), round(plot.right));
            let _ = writeln!(svg, "<path class=\"{class}\" d=\"M{left} {y}H{right}\"/>");
            text(svg, "value", (plot.left - 10.0, y + 4.0), "end", &grouped(value));
        }
        let ticks = self.width.saturating_sub(90) / 76;
        for (at, label) in moments((from, to), zone, u64::from(ticks)) {
            let x = round(plot.x(at.0 as f64));
            let _ = writeln!(svg, "<path class=\"base\" d=\"M{x} {}v5\"/>", round(plot.bottom));
            let half = text_width(&label, TEXT) / 2.0;
            let fits = x - half >= 14.0 && x + half <= width - 14.0;
            if fits {
                text(svg, "value", (x, plot.bottom + 20.0), "middle", &label);
            }
        }
        if let Some(stack) = stack {
            stack.draw_legend(svg, (20.0, plot.bottom + 38.0));
        }
        legend(svg, plot.left, height - 18.0, stack.is_some());
        let clock = match zone.label() {
            _ if self.width < WIDTH_OF_WORDS => zone.short_label(from),
            name => format!("time in {name}"),
        };
        let room = plot.right - plot.left - WIDTH_OF_LEGEND;
        text(svg, "value", (plot.right, height - 14.0), "end", &shortened(&clock, room, TEXT));
        let tops = |n: usize| stack.map(|stack| stack.tops(n)).unwrap_or_default();
        let timed = found.timed_points().enumerate();
        let timed: Vec<_> =
            timed.map(|(n, (span, point))| Drawn { span, point, tops: tops(n) }).collect();
        for stretch in timed.split(|it| it.point.known_ms == 0).filter(|it| !it.is_empty()) {
            draw_stretch(svg, &plot, stretch, (found, stack));
        }
        let peak = timed.iter().filter(|it| it.point.max == max && it.point.known_ms > 0);
        match peak.max_by_key(|it| it.span.from) {
            Some(peak) if max > 0 => {
                draw_peak(svg, &plot, middle(peak.span, to), (max, peak.tops[3]))
            }
            Some(_) => {}
            None => {
                let place = ((plot.left + plot.right) / 2.0, (plot.top + plot.bottom) / 2.0);
                text(svg, "nothing", place, "middle", "Nothing is known of this time");
            }
        }
    }
}

/// How many lines of the grid there are in so many pixels.
fn lines_in(height: f64) -> u64 {
    match height {
        ..120.0 => 2,
        ..420.0 => 4,
        _ => 8,
    }
}

/// One stretch of points without a gap.
fn draw_stretch(
    svg: &mut String,
    plot: &Plot,
    stretch: &[Drawn<'_>],
    (found, stack): (&Found, Option<&Stack>),
) {
    let to = found.plan.to;
    let place = |span: Span, users: f64| (round(plot.x(middle(span, to))), round(plot.y(users)));
    let along = |users: fn(&Point) -> f64| -> Vec<(f64, f64)> {
        stretch.iter().map(|it| place(it.span, users(it.point))).collect()
    };
    let mut mean = along(|point| point.mean().unwrap_or_default());
    // The line ends at what is so now, and not at an average of the last minutes.
    let reaches_now = stretch.last().is_some_and(|it| it.span.until >= to);
    let now = |users: f64| (round(plot.x(to.0 as f64)), round(plot.y(users)));
    if let Some(present) = found.present_at_end().filter(|_| reaches_now) {
        mean.push(now(f64::from(present.of_line(Line::Live))));
    }
    if let [(x, y)] = mean[..] {
        let _ = writeln!(svg, "<circle class=\"dot\" cx=\"{x}\" cy=\"{y}\" r=\"3\"/>");
        return;
    }
    if let Some(stack) = stack {
        let present = stack.tops_now().filter(|_| reaches_now);
        let corners = [0, 1, 2, 3].map(|party| {
            let along = stretch.iter().map(|it| place(it.span, it.tops[party]));
            along.chain(present.map(|tops| now(tops[party]))).collect()
        });
        stack::draw(svg, corners, round(plot.bottom));
        let _ = writeln!(svg, "<path class=\"mean\" d=\"M{}\"/>", line(mean.into_iter()));
        return;
    }
    let upper = along(|point| f64::from(point.max));
    let lower = along(|point| f64::from(point.min));
    let (first, last) = (mean[0].0, mean[mean.len() - 1].0);
    let (base, mean) = (round(plot.bottom), line(mean.into_iter()));
    let band = upper.into_iter().chain(lower.into_iter().rev());
    let _ = writeln!(svg, "<path class=\"area\" d=\"M{first} {base}L{mean}L{last} {base}Z\"/>");
    let _ = writeln!(svg, "<path class=\"band\" d=\"M{}Z\"/>", line(band));
    let _ = writeln!(svg, "<path class=\"mean\" d=\"M{mean}\"/>");
}

/// The most live users; its words stand above all areas, which reach so high there.
fn draw_peak(svg: &mut String, plot: &Plot, at_ms: f64, (max, top): (u32, f64)) {
    let (x, y) = (round(plot.x(at_ms)), round(plot.y(f64::from(max))));
    let label = format!("peak {}", grouped(u64::from(max)));
    let half = text_width(&label, TEXT) / 2.0;
    let text_x = x.clamp(plot.left + half, plot.right - half);
    let _ = writeln!(svg, "<circle class=\"ring\" cx=\"{x}\" cy=\"{y}\" r=\"5\"/>");
    let text_y = y.min(plot.y(top)) - 12.0;
    text(svg, "peak halo", (text_x, text_y), "middle", &label);
}

/// What the line and the band are. Beside a stack there is no band.
fn legend(svg: &mut String, left: f64, y: f64, is_stacked: bool) {
    // In line with the legend of the areas.
    let left = if is_stacked { 20.0 } else { left };
    let (left, band) = (round(left), round(left + 88.0));
    let _ = writeln!(svg, "<path class=\"mean\" d=\"M{left} {y}h16\"/>");
    let words = if is_stacked { "live users, average" } else { "average" };
    text(svg, "value", (left + 23.0, y + 4.0), "start", words);
    if is_stacked {
        return;
    }
    let top = y - 5.0;
    let _ = writeln!(
        svg,
        "<rect class=\"band\" x=\"{band}\" y=\"{top}\" width=\"16\" height=\"10\" rx=\"2\"/>"
    );
    text(svg, "value", (band + 23.0, y + 4.0), "start", "fewest to most");
}

/// The figures of the whole time, and what each is.
fn figures(found: &Found, whole: Option<Point>) -> Vec<(&'static str, String)> {
    let Some(whole) = whole else { return Vec::new() };
    let now = found.present_at_end().map(|step| step.of_line(Line::Live));
    let now = now.map(|users| ("now", grouped(u64::from(users))));
    let rest = [
        ("average", format!("{:.1}", whole.mean().unwrap_or_default())),
        ("fewest", grouped(u64::from(whole.min))),
        ("most", grouped(u64::from(whole.max))),
    ];
    now.into_iter().chain(rest).collect()
}

/// The picture in words.
fn description(times: &str, whole: Option<Point>, stack: Option<&Stack>) -> String {
    let Some(whole) = whole else { return format!("{times}: nothing is known.") };
    let (min, max) = (grouped(u64::from(whole.min)), grouped(u64::from(whole.max)));
    let mean = format!("{:.1}", whole.mean().unwrap_or_default());
    let others = stack.map(|it| format!(" Up to {} were on the line.", grouped(it.most.into())));
    let others = others.unwrap_or_default();
    format!("{times}: {mean} users live on average, at least {min} and at most {max}.{others}")
}

/// The middle of the part of a point that the query asks for.
fn middle(span: Span, to: Millis) -> f64 {
    (span.from.0 as f64).midpoint(span.until.min(to).0 as f64)
}

/// A number with a thin space between each three of its digits.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() * 2);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push('\u{2009}');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests;
