//! The colours and letters of a picture.

use std::fmt::Write as _;

use super::stack::PARTIES;

/// The colours of the ground.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Theme {
    /// As the reader's system prefers.
    Auto,
    Light,
    Dark,
}

/// The colours of the ground, its edge, text, quiet text, grid lines, the line at 0, and the data: the
/// live users or those with an agent, and the other parties, as in `live-users-chart-style.js` of the page.
struct Palette {
    ground: &'static str,
    edge: &'static str,
    ink: &'static str,
    quiet: &'static str,
    grid: &'static str,
    base: &'static str,
    line: &'static str,
    person: &'static str,
    waiting: &'static str,
    machine: &'static str,
}

const LIGHT: Palette = Palette {
    ground: "#ffffff",
    edge: "#e6e6e3",
    ink: "#18181b",
    quiet: "#5c5c66",
    grid: "#ededea",
    base: "#c9c9c5",
    line: "#15803d",
    person: "#4338ca",
    waiting: "#b45309",
    machine: "#52525b",
};

const DARK: Palette = Palette {
    ground: "#19191c",
    edge: "#2f2f35",
    ink: "#ececef",
    quiet: "#a1a1aa",
    grid: "#29292e",
    base: "#4a4a52",
    line: "#4ade80",
    person: "#a5b4fc",
    waiting: "#fbbf24",
    machine: "#a1a1aa",
};

impl Theme {
    /// The style sheet, which applies to this picture alone.
    pub(super) fn style(self) -> String {
        let colours = match self {
            Self::Light => LIGHT.rules(),
            Self::Dark => DARK.rules(),
            Self::Auto => {
                let dark = DARK.rules();
                format!("{}@media (prefers-color-scheme:dark){{{dark}}}", LIGHT.rules())
            }
        };
        format!(
            ".live-users-history text{{font-family:system-ui,-apple-system,\"Segoe UI\",Roboto,\
             \"Helvetica Neue\",\"Noto Sans\",\"Liberation Sans\",Arial,sans-serif;font-size:12px;\
             font-variant-numeric:tabular-nums}}\
             .live-users-history .title{{font-size:17px;font-weight:600;letter-spacing:-.01em}}\
             .live-users-history .quiet{{font-size:12.5px}}\
             .live-users-history .figure{{font-size:20px;font-weight:600;letter-spacing:-.01em}}\
             .live-users-history .nothing{{font-size:14px}}\
             .live-users-history .peak{{font-weight:600}}\
             .live-users-history .area{{fill-opacity:.07}}\
             .live-users-history .band{{fill-opacity:.2}}\
             .live-users-history .mean{{fill:none;stroke-width:2;stroke-linejoin:round;\
             stroke-linecap:round}}\
             .live-users-history .ring{{stroke-width:2}}\
             .live-users-history .mark{{fill:none;stroke-width:1.1}}\
             .live-users-history .edge,.live-users-history .casing{{fill:none;stroke-width:2;\
             stroke-linejoin:round}}\
             .live-users-history .casing{{stroke-width:6}}{colours}"
        )
    }
}

impl Palette {
    fn rules(&self) -> String {
        let Self { ground, edge, ink, quiet, grid, base, line, person, waiting, machine } = self;
        let mut rules = format!(
            ".live-users-history .ground{{fill:{ground};stroke:{edge}}}\
             .live-users-history text{{fill:{quiet}}}\
             .live-users-history .title,.live-users-history .figure,.live-users-history .peak\
             {{fill:{ink}}}\
             .live-users-history .grid{{stroke:{grid}}}.live-users-history .base{{stroke:{base}}}\
             .live-users-history .area,.live-users-history .band,.live-users-history .dot\
             {{fill:{line}}}\
             .live-users-history .mean{{stroke:{line}}}\
             .live-users-history .ring{{fill:{line};stroke:{ground}}}\
             .live-users-history .halo{{stroke:{ground};stroke-width:4;stroke-linejoin:round;\
             paint-order:stroke}}\
             .live-users-history .casing{{stroke:{ground}}}"
        );
        for (party, own) in PARTIES.iter().zip([line, person, waiting, machine]) {
            let (class, tint) = (party.class, mixed(own, ground));
            let _ = write!(
                rules,
                ".live-users-history .tint.{class}{{fill:{tint}}}\
                 .live-users-history .mark.{class},.live-users-history .edge.{class}\
                 {{stroke:{own}}}.live-users-history .spot.{class}{{fill:{own}}}"
            );
        }
        rules
    }
}

/// So much of a colour, in percent, is in the tint of an area; the rest is the ground. It lets no line
/// of the grid through.
const TINT_PERCENT: u32 = 14;

/// The tint of an area in a colour.
fn mixed(own: &str, ground: &str) -> String {
    let part = |colour: &str, at: usize| u32::from_str_radix(&colour[at..at + 2], 16).unwrap_or(0);
    let mixed = [1, 3, 5].map(|at| {
        let sum = part(own, at) * TINT_PERCENT + part(ground, at) * (100 - TINT_PERCENT);
        format!("{:02x}", (sum + 50) / 100)
    });
    format!("#{}", mixed.concat())
}
