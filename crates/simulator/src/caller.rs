//! Who calls: people with numbers that belong to nobody.

use rand::{Rng, RngExt};

/// A person with a phone, or one who withholds the number.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Caller {
    /// The number in the spelling in which it is sent.
    pub(crate) number: String,
    /// Who it is. `None` if the number says nothing about that: it is withheld, or shared.
    pub(crate) person: Option<String>,
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

/// How networks write a withheld number: words, and words spelt on a keypad, for which Twilio
/// reports the country of the prefix.
const WITHHELD: &[(&str, &str)] = &[
    ("+266696687", "LS"),
    ("266696687", "LS"),
    ("+7378742833", "RU"),
    ("7378742833", ""),
    ("+2562533", "UG"),
    ("2562533", ""),
    ("+8656696", "CN"),
    ("8656696", ""),
    ("+86282452253", "CN"),
    ("86282452253", ""),
    ("anonymous", ""),
    ("Restricted", ""),
    ("sip:anonymous@anonymous.invalid", ""),
];

/// Numbers of switchboards, behind which many people call. The agents file lists them.
pub(crate) const SHARED_NUMBERS: [&str; 2] = ["+12025560100", "+442079461000"];

impl Caller {
    /// Somebody.
    pub(crate) fn any(rng: &mut impl Rng) -> Self {
        let (country, state, city, prefix) = PLACES[rng.random_range(0..PLACES.len())];
        let number = format!("{prefix}{:02}", rng.random_range(0..100));
        Self::known(number, country, state, city)
    }

    /// Somebody out of so many that strangers are rarely on the line with the same number: 555-01xx
    /// of every area code, whether it is in use or not.
    pub(crate) fn any_of_many(rng: &mut impl Rng) -> Self {
        let (country, state, city, _) = PLACES[rng.random_range(0..PLACES.len())];
        let (area, line) = (rng.random_range(200..1_000), rng.random_range(0..100));
        Self::known(format!("+1{area}55501{line:02}"), country, state, city)
    }

    fn known(
        number: String,
        country: &'static str,
        state: &'static str,
        city: &'static str,
    ) -> Self {
        let person = Some(number.clone());
        Self { number, person, country, state, city }
    }

    /// Somebody who withholds the number. It spells ANONYMOUS, and for its +266 Twilio reports
    /// Lesotho.
    pub(crate) fn withheld() -> Self {
        Self::unknown("+266696687", "LS")
    }

    /// Somebody who withholds the number, in any spelling.
    pub(crate) fn withheld_in_any_spelling(rng: &mut impl Rng) -> Self {
        let (number, country) = WITHHELD[rng.random_range(0..WITHHELD.len())];
        Self::unknown(number, country)
    }

    /// Somebody behind a switchboard.
    pub(crate) fn behind_a_switchboard(rng: &mut impl Rng) -> Self {
        let number = SHARED_NUMBERS[rng.random_range(0..SHARED_NUMBERS.len())];
        Self::unknown(number, if number.starts_with("+1") { "US" } else { "GB" })
    }

    fn unknown(number: &str, country: &'static str) -> Self {
        Self { number: number.to_owned(), person: None, country, state: "", city: "" }
    }

    /// The same caller, whose carrier writes the number in one of several ways.
    pub(crate) fn spelt_anew(mut self, rng: &mut impl Rng) -> Self {
        let Some(digits) = self.person.as_deref().and_then(|person| person.strip_prefix('+'))
        else {
            return self;
        };
        self.number = match rng.random_range(0..10) {
            0 => digits.to_owned(),
            1 => format!("00{digits}"),
            2 => format!("sip:+{digits}@198.51.100.7:5060;transport=udp"),
            3 => format!("tel:+{digits}"),
            _ => format!("+{digits}"),
        };
        self
    }
}
