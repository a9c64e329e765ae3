//! What is left of the name of a call that is long over: 128 bits.

use sha2::{Digest, Sha256};

use crate::CallId;
use crate::call_id::Repr;

/// The name of a call in 128 bits that look random, and whether it was text.
///
/// A CallSid has 128 bits itself, and a bijection mixes them: two CallSids never have one
/// fingerprint. Any other text has the first half of its SHA-256, so of 50 million such names a new
/// one is taken for one of them with a probability of 2^-102. A hash without a key is enough, since
/// nobody can find a text with a given half.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Fingerprint {
    pub(crate) bits: u128,
    pub(crate) is_text: bool,
}

impl CallId {
    /// Snapshots hold fingerprints, so none of this may ever change.
    pub(crate) fn fingerprint(&self) -> Fingerprint {
        match self.repr() {
            Repr::Sid(bytes) => {
                Fingerprint { bits: mixed(u128::from_be_bytes(*bytes)), is_text: false }
            }
            Repr::Text(text) => {
                let digest = Sha256::digest(text.as_bytes());
                let mut half = [0; 16];
                half.iter_mut().zip(&digest[..]).for_each(|(to, from)| *to = *from);
                Fingerprint { bits: u128::from_be_bytes(half), is_text: true }
            }
        }
    }
}

/// A bijection: each step of it can be undone. The multipliers are odd, and have no pattern in
/// their bits.
fn mixed(mut bits: u128) -> u128 {
    bits ^= bits >> 67;
    bits = bits.wrapping_mul(0xda94_2042_e4dd_58b5_9e37_79b9_7f4a_7c15);
    bits ^= bits >> 59;
    bits = bits.wrapping_mul(0xbf58_476d_1ce4_e5b9_94d0_49bb_1331_11eb);
    bits ^ (bits >> 65)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The other way round.
    fn unmixed(mut bits: u128) -> u128 {
        // Newton's method doubles the bits of an inverse that are right.
        let inverse = |odd: u128| {
            (0..7).fold(odd, |it, _| it.wrapping_mul(2u128.wrapping_sub(odd.wrapping_mul(it))))
        };
        bits ^= bits >> 65;
        bits = bits.wrapping_mul(inverse(0xbf58_476d_1ce4_e5b9_94d0_49bb_1331_11eb));
        bits ^= (bits >> 59) ^ (bits >> 118);
        bits = bits.wrapping_mul(inverse(0xda94_2042_e4dd_58b5_9e37_79b9_7f4a_7c15));
        bits ^ (bits >> 67)
    }

    proptest! {
        #[test]
        fn no_two_call_sids_have_one_fingerprint(bits: u128) {
            prop_assert_eq!(unmixed(mixed(bits)), bits);
        }
    }

    #[test]
    fn fingerprints_are_those_that_are_in_snapshots() {
        let of = |text| CallId::parse(text).unwrap().fingerprint();
        let sid = of("CAfa4e0000000000000000000000000001");
        assert_eq!((sid.bits, sid.is_text), (mixed(0xfa4e_u128 << 112 | 1), false));
        // printf %s v3:9X2vxPDFY2RH | sha256sum
        let text = of("v3:9X2vxPDFY2RH");
        assert_eq!((text.bits, text.is_text), (TEXT, true));
        assert_eq!(sid.bits, SID);
    }

    const TEXT: u128 = 0x9c86_08f1_fa5c_3171_9fa4_0c29_636a_6fb1;
    const SID: u128 = 0x028b_6e69_a206_8a1e_de35_b4b7_7dc9_7467;
}
