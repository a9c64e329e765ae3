//! What waits for a hook, of news that have numbers and are kept up to a number of them.

/// The news that a hook was not told yet.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Waiting<News> {
    /// The first that it takes, with its number.
    pub(super) first: Option<(u64, News)>,
    /// How many it takes.
    pub(super) n: u64,
    /// The number of the last one before that, which it does not take.
    pub(super) passed: u64,
    /// So many are gone, whether it takes them or not.
    pub(super) lost: u64,
}

impl<News> Default for Waiting<News> {
    /// Nothing.
    fn default() -> Self {
        Self { first: None, n: 0, passed: 0, lost: 0 }
    }
}

impl<News: Clone> Waiting<News> {
    /// Those that are kept behind the one with this number, of so many that there ever were.
    pub(super) fn behind<'a>(
        told: u64,
        later: impl Iterator<Item = (u64, &'a News)>,
        count: u64,
        is_taken: impl Fn(&News) -> bool,
    ) -> Self
    where
        News: 'a,
    {
        let mut later = later.peekable();
        let lost = later.peek().map_or(0, |(number, _)| number - told - 1);
        let mut taken = later.filter(|(_, news)| is_taken(news));
        let first = taken.next().map(|(number, news)| (number, news.clone()));
        let n = u64::from(first.is_some()) + taken.count() as u64;
        let passed = first.as_ref().map_or(count, |(number, _)| number - 1);
        Self { first, n, passed, lost }
    }
}
