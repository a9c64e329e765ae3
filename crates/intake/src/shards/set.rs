//! A set of shards.

/// Some of the shards.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ShardSet(u64);

impl ShardSet {
    /// This one alone.
    pub fn one(shard: usize) -> Self {
        Self(1 << shard)
    }

    /// The first so many.
    pub fn first(shards: usize) -> Self {
        (0..shards).fold(Self::default(), |set, shard| set.with(shard))
    }

    /// The same, and this one.
    #[must_use]
    pub fn with(self, shard: usize) -> Self {
        Self(self.0 | 1 << shard)
    }

    /// Whether there is none in it.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The lowest in it.
    pub fn lowest(self) -> Option<usize> {
        self.iter().next()
    }

    /// Those in it, in ascending order.
    pub fn iter(self) -> impl Iterator<Item = usize> {
        (0..super::SHARDS_MAX).filter(move |shard| self.0 & (1 << shard) != 0)
    }
}
