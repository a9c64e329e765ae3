//! A callback for records that other replicas have appended.

use std::fmt::{self, Debug, Formatter};
use std::sync::OnceLock;

/// Calls one function, from any thread, when more can be read.
#[derive(Default)]
pub(super) struct AppendHook(OnceLock<Box<dyn Fn() + Send + Sync>>);

impl AppendHook {
    /// Sets the function. Only the first one counts.
    pub(super) fn set(&self, hook: impl Fn() + Send + Sync + 'static) {
        let _only_the_first = self.0.set(Box::new(hook));
    }

    pub(super) fn call(&self) {
        if let Some(hook) = self.0.get() {
            hook();
        }
    }
}

impl Debug for AppendHook {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("AppendHook").field("is_set", &self.0.get().is_some()).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    #[test]
    fn only_the_first_function_is_called() {
        let hook = AppendHook::default();
        hook.call();
        let called = Arc::new(AtomicU64::new(0));
        for weight in [1, 100] {
            let called = called.clone();
            hook.set(move || {
                called.fetch_add(weight, Ordering::Relaxed);
            });
        }
        hook.call();
        hook.call();
        assert_eq!(called.load(Ordering::Relaxed), 2);
    }
}
