//! Who calls: people with numbers that belong to nobody.

use rand::{Rng, RngExt};

/// A person with a phone, or one who withholds the number.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Caller {
    pub(crate) number: String,
    pub(crate) country: &'static str,
    pub(crate) state: &'static str,
    pub(crate) city: &'static str,
}

/// Country, state, city, and a number range set aside for fiction, without its last digits.
/// The American ranges are 555-01xx; the British ones are Ofcom's for drama.
const PLACES: &[(&str, &str, &str, &str)] = &[
    ("US", "CA", "SAN FRANCISCO", "+141555501"),
    ("US", "NY", "NEW YORK", "+121255501"),
    ("US", "TX", "AUSTIN", "+151255501"),
    ("US", "IL", "CHICAGO", "+131255501"),
    ("US", "WA", "SEATTLE", "+120655501"),
    ("CA", "ON", "TORONTO", "+141655501"),
    ("CA", "QC", "MONTREAL", "+151455501"),
    ("GB", "", "LONDON", "+4420794609"),
    ("GB", "", "", "+4477009009"),
    ("AU", "NSW", "SYDNEY", "+6125550101"),
];

impl Caller {
    /// Somebody.
    pub(crate) fn any(rng: &mut impl Rng) -> Self {
        let (country, state, city, prefix) = PLACES[rng.random_range(0..PLACES.len())];
        let number = format!("{prefix}{:02}", rng.random_range(0..100));
        Self { number, country, state, city }
    }

    /// Somebody out of so many that strangers are rarely on the line with the same number: 555-01xx
    /// of every area code, whether it is in use or not.
    pub(crate) fn any_of_many(rng: &mut impl Rng) -> Self {
        let (country, state, city, _) = PLACES[rng.random_range(0..PLACES.len())];
        let (area, line) = (rng.random_range(200..1_000), rng.random_range(0..100));
        Self { number: format!("+1{area}55501{line:02}"), country, state, city }
    }

    /// Somebody who withholds the number. It spells ANONYMOUS, and for its +266 Twilio reports
    /// Lesotho.
    pub(crate) fn withheld() -> Self {
        Self { number: "+266696687".to_owned(), country: "LS", state: "", city: "" }
    }

    pub(crate) fn is_withheld(&self) -> bool {
        *self == Self::withheld()
    }
}
