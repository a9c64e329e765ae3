//! Which of several shards a journal is of. A journal of one shard that is opened as another one, or as
//! the only one, would show the calls of a part as those of all.

use std::fmt::{self, Display};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Which of several shards a journal is of: the first such record stands. A journal of all calls has
/// none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShardMark {
    /// Which one, from 0.
    pub shard: u8,
    /// How many there are.
    pub of: u8,
    /// By what they are told apart: `account`, `agent` or `caller`. A later version may have others.
    pub by: Arc<str>,
}

/// `shard 3 of SHARDS=4 with SHARD_BY=agent`.
impl Display for ShardMark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { shard, of, by } = self;
        write!(f, "shard {shard} of SHARDS={of} with SHARD_BY={by}")
    }
}

#[cfg(test)]
mod tests {
    use live_users_core::Millis;

    use super::*;
    use crate::record::{Change, Record};
    use crate::{State, snapshot};

    fn marked(shard: u8, by: &str) -> Record {
        let mark = ShardMark { shard, of: 4, by: by.into() };
        Record { at: Millis(7), change: Change::Shard(mark) }
    }

    #[test]
    fn the_first_mark_stands_through_records_and_snapshots() {
        let mut state = State::default();
        assert_eq!(state.shard_mark(), None);
        for record in [marked(3, "agent"), marked(2, "caller")] {
            state.apply(&Record::decode(&record.encode()).unwrap());
        }
        let told = "shard 3 of SHARDS=4 with SHARD_BY=agent";
        assert_eq!(state.shard_mark().unwrap().to_string(), told);
        let again = snapshot::decode(snapshot::encode(&state)).unwrap();
        assert_eq!(again.shard_mark(), state.shard_mark());
    }

    #[test]
    fn its_form_is_read_for_ever_and_older_programs_read_nothing_in_it() {
        let bytes = marked(3, "agent").encode();
        let text = String::from_utf8(bytes.clone()).unwrap();
        let expected = r#"{"v":2,"at":7,"forget":0,"shard":{"shard":3,"of":4,"by":"agent"}}"#;
        assert_eq!(text, expected);
        assert_eq!(Record::decode(&bytes).unwrap(), marked(3, "agent"));
        let whole = snapshot::encode(&State::default());
        let has_mark = |part: &live_users_journal::Part| {
            String::from_utf8_lossy(&part.bytes).contains("\"shard\"")
        };
        assert!(!whole.iter().any(has_mark), "a journal of all calls is as it was");
    }
}
