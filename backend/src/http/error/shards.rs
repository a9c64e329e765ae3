//! What is said where there are several shards.

use live_users_wire::Problem;

/// That these of so many are missing.
pub(super) fn missing(missing: &[usize], of: usize) -> String {
    let each: Vec<_> = missing.iter().map(ToString::to_string).collect();
    let (s, are) = if missing.len() == 1 { ("", "is") } else { ("s", "are") };
    let each = each.join(", ");
    format!("the number is not known at present: shard{s} {each} of {of} {are} missing")
}

/// That each of so many tells it.
pub(super) fn of_one(shards: usize) -> Problem {
    Problem {
        error: "this is told by each shard, and no sum is made of it".to_owned(),
        field: None,
        expected: Some(format!("/shards/0 to /shards/{} before this path", shards - 1)),
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
