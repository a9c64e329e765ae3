//! What a server says that does not tell something of all shards.

use serde_json::Value;

/// What to do about an answer that not all shards are in.
pub(super) const ADVICE: &str = "Ask the proxy, which reads all shards, by --url, or one of the shards by \
                                 --shard K";

/// How many shards a backend has, if this answer says that each of them tells what was asked.
pub(crate) fn of_each(problem: &Value) -> Option<usize> {
    let last = problem["expected"].as_str()?.strip_prefix("/shards/0 to /shards/")?;
    let last: usize = last.split(' ').next()?.parse().ok()?;
    Some(last + 1)
}

/// Whether a text that refuses is about shards.
pub(super) fn is_about_them(text: &str) -> bool {
    text.starts_with("shard") || text.contains(": shard")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_shards_are_counted_by_what_is_expected() {
        let told = |expected: &str| of_each(&json!({"error": "no sum", "expected": expected}));
        assert_eq!(told("/shards/0 to /shards/5 before this path"), Some(6));
        assert_eq!(told("/shards/0 to /shards/x before this path"), None);
        assert_eq!(told("a number"), None);
        assert_eq!(of_each(&json!({"error": "no sum"})), None);
    }
}
