//! What is said where there are several shards.

use live_users_wire::Problem;

/// That these of so many are missing.
pub(super) fn missing(missing: &[usize], of: usize) -> String {
    let each: Vec<_> = missing.iter().map(ToString::to_string).collect();
    let (s, are) = if missing.len() == 1 { ("", "is") } else { ("s", "are") };
    let each = each.join(", ");
    format!("the number is not known at present: shard{s} {each} of {of} {are} missing")
}

/// Why something of one shard is not told here.
#[derive(Clone, Debug)]
pub(crate) enum OfOneShard {
    /// Each of so many tells it below its own path, and no sum is made of it.
    Each(usize),
    /// Another backend has this one.
    Elsewhere {
        /// Its number.
        shard: usize,
        /// The shards that are here.
        here: Vec<usize>,
    },
}

impl OfOneShard {
    pub(super) fn problem(&self) -> Problem {
        let (error, expected) = match self {
            Self::Each(shards) => (
                "this is told by each shard, and no sum is made of it".to_owned(),
                format!("/shards/0 to /shards/{} before this path", shards - 1),
            ),
            Self::Elsewhere { shard, here } => {
                let here: Vec<_> = here.iter().map(usize::to_string).collect();
                let expected = format!("a shard that is here: {}", here.join(", "));
                (format!("shard {shard} is at another backend"), expected)
            }
        };
        Problem { error, field: None, expected: Some(expected) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_missing_or_several_are() {
        let one = "the number is not known at present: shard 3 of 4 is missing";
        assert_eq!(missing(&[3], 4), one);
        let two = "the number is not known at present: shards 0, 3 of 4 are missing";
        assert_eq!(missing(&[0, 3], 4), two);
    }
}
