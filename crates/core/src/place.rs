//! Where a caller is, as far as the provider can tell.

use alloc::sync::Arc;
use core::fmt::{self, Debug, Display};

/// A country by its two letters (ISO 3166-1 alpha-2).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Country([u8; 2]);

impl Country {
    /// Reads two ASCII letters, in either case.
    pub fn parse(text: &str) -> Option<Self> {
        let letters: [u8; 2] = text.as_bytes().try_into().ok()?;
        let letters = letters.map(|letter| letter.to_ascii_uppercase());
        letters.iter().all(u8::is_ascii_uppercase).then_some(Self(letters))
    }
}

impl Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|&letter| write!(f, "{}", char::from(letter)))
    }
}

impl Debug for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Display::fmt(self, f)
    }
}

/// The place of a caller. In the order of this type the unknown is smallest, within a country a
/// known region is greater than none, and so is a city within a region.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The country, if known.
    pub country: Option<Country>,
    /// The state or province, as the provider writes it, if known.
    pub region: Option<Arc<str>>,
    /// The city, as the provider writes it, if known. It is shown with each call; nobody is
    /// counted by it.
    pub city: Option<Arc<str>>,
}

impl Place {
    /// What is counted of it: the place without its city.
    #[must_use]
    pub fn area(&self) -> Self {
        Self { country: self.country, region: self.region.clone(), city: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    #[test]
    fn a_country_is_two_letters() {
        assert_eq!(Country::parse("us").unwrap().to_string(), "US");
        for bad in ["", "U", "USA", "U1", "\u{e9}"] {
            assert_eq!(Country::parse(bad), None, "{bad:?}");
        }
    }
}
