//! How long something took, again and again.

/// What is told of many times.
pub(super) struct Times {
    pub(super) p50_ms: f64,
    pub(super) p99_ms: f64,
    pub(super) max_ms: f64,
}

impl Times {
    /// # Panics
    /// If there is none.
    pub(super) fn of(mut ms: Vec<f64>) -> Self {
        ms.sort_unstable_by(f64::total_cmp);
        let (p50_ms, p99_ms) = (ms[ms.len() / 2], ms[ms.len() * 99 / 100]);
        Self { p50_ms, p99_ms, max_ms: ms[ms.len() - 1] }
    }

    pub(super) fn figure(&self) -> String {
        format!("p50 {:.2} ms, p99 {:.2} ms", self.p50_ms, self.p99_ms)
    }
}
