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

    /// Those that are in either.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Those that are in both.
    #[must_use]
    pub fn common(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Those that are in this one alone.
    #[must_use]
    pub fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether this one is in it.
    pub fn has(self, shard: usize) -> bool {
        shard < super::SHARDS_MAX && self.0 & (1 << shard) != 0
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

/// Of numbers below [`SHARDS_MAX`](super::SHARDS_MAX).
impl FromIterator<usize> for ShardSet {
    fn from_iter<I: IntoIterator<Item = usize>>(shards: I) -> Self {
        shards.into_iter().fold(Self::default(), Self::with)
    }
}
