//! The colours and letters of a picture.

/// The colours of the ground.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Theme {
    /// As the reader's system prefers.
    Auto,
    Light,
    Dark,
}

/// The colours of the ground, its edge, text, quiet text, grid lines, the line at 0, and the data.
struct Palette {
    ground: &'static str,
    edge: &'static str,
    ink: &'static str,
    quiet: &'static str,
    grid: &'static str,
    base: &'static str,
    line: &'static str,
}

const LIGHT: Palette = Palette {
    ground: "#ffffff",
    edge: "#e6e6e3",
    ink: "#18181b",
    quiet: "#5c5c66",
    grid: "#ededea",
    base: "#c9c9c5",
    line: "#15803d",
};

const DARK: Palette = Palette {
    ground: "#19191c",
    edge: "#2f2f35",
    ink: "#ececef",
    quiet: "#a1a1aa",
    grid: "#29292e",
    base: "#4a4a52",
    line: "#4ade80",
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
             .live-users-history .ring{{stroke-width:2}}{colours}"
        )
    }
}

impl Palette {
    fn rules(&self) -> String {
        let Self { ground, edge, ink, quiet, grid, base, line } = self;
        format!(
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
             paint-order:stroke}}"
        )
    }
}
