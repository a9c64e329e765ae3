//! What the writer does for a webhook, told by the writer to the task that waits for it.
//!
//! The writer only notes times. Whoever waits makes the spans of it: the writer has other work.

use std::cell::Cell;
use std::collections::HashSet;
use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

use opentelemetry::trace::{Link, Span as _, SpanBuilder, SpanContext, TraceContextExt};
use opentelemetry::{Context, KeyValue};

use crate::spans::{fail, past, present, start};

/// The most webhooks that the span of a batch names.
const LINKS_MAX: usize = 128;

/// A piece of evidence on its way to the writer and back. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Mark(Option<Arc<Waiting>>);

#[derive(Debug)]
struct Waiting {
    /// The span that waits.
    span: SpanContext,
    since: SystemTime,
    committed: OnceLock<Committed>,
}

/// What was done, and when.
#[derive(Clone, Debug)]
struct Committed {
    taken: SystemTime,
    appended: Option<SystemTime>,
    published: Option<(SystemTime, SystemTime)>,
    done: SystemTime,
    /// The span of the batch, if it served several webhooks.
    batch: Option<SpanContext>,
}

impl Mark {
    /// Of the present span. It stands for nothing if that is not kept.
    pub fn here() -> Self {
        Self(present().map(|context| {
            let (span, since) = (context.span().span_context().clone(), SystemTime::now());
            Arc::new(Waiting { span, since, committed: OnceLock::new() })
        }))
    }

    /// Makes the spans of what was done, below the present one. `failure` is why it was not done, by a
    /// word of a closed list.
    pub fn end(self, failure: Option<&'static str>) {
        if let Some(why) = failure {
            fail(why);
        }
        let (Some(waiting), Some(parent)) = (self.0, present()) else { return };
        let Some(it) = waiting.committed.get() else {
            return past(
                &parent,
                "wait for writer",
                (waiting.since, SystemTime::now()),
                Vec::new(),
            );
        };
        past(&parent, "wait for writer", (waiting.since, it.taken), Vec::new());
        let Some(appended) = it.appended else { return };
        let links = it.batch.iter().map(|batch| Link::with_context(batch.clone())).collect();
        past(&parent, "append to journal", (it.taken, appended), links);
        let applied = it.published.map_or(it.done, |(from, _)| from);
        past(&parent, "apply", (appended, applied), Vec::new());
        if let Some(published) = it.published {
            past(&parent, "publish", published, Vec::new());
        }
    }
}

/// The times of the batch that the writer works on.
#[derive(Debug, Default)]
pub struct Times {
    taken: Cell<Option<SystemTime>>,
    appended: Cell<Option<SystemTime>>,
    published: Cell<Option<(SystemTime, SystemTime)>>,
}

impl Times {
    /// A batch is taken out of the queue. Nothing is noted if nobody wants to know.
    pub fn begin<'a>(&self, mut marks: impl Iterator<Item = &'a Mark>) {
        let wanted = marks.any(|mark| mark.0.is_some());
        self.taken.set(wanted.then(SystemTime::now));
        self.appended.set(None);
        self.published.set(None);
    }

    /// The journal has answered. The first answer is that to the append.
    pub fn answered(&self) {
        if self.taken.get().is_some() && self.appended.get().is_none() {
            self.appended.set(Some(SystemTime::now()));
        }
    }

    /// Publishes a value.
    pub fn publishing(&self, publish: impl FnOnce()) {
        let from = self.appended.get().map(|_| SystemTime::now());
        publish();
        self.published.set(from.map(|from| (from, SystemTime::now())));
    }

    /// Tells it to who waits, before they are acknowledged.
    pub fn commit<'a>(&self, marks: impl Iterator<Item = &'a Mark>) {
        let Some(taken) = self.taken.take() else { return };
        let waiting: Vec<_> = marks.filter_map(|mark| mark.0.as_ref()).collect();
        let committed = Committed {
            taken,
            appended: self.appended.take(),
            published: self.published.take(),
            done: SystemTime::now(),
            batch: batch(&waiting, taken),
        };
        for it in waiting {
            let _is_told_once = it.committed.set(committed.clone());
        }
    }
}

/// The span of a batch that served several webhooks. It is a trace of its own with links to theirs.
fn batch(waiting: &[&Arc<Waiting>], taken: SystemTime) -> Option<SpanContext> {
    let mut known = HashSet::new();
    let mut webhooks =
        waiting.iter().filter(|it| known.insert(it.span.span_id())).map(|it| &it.span);
    let links: Vec<_> =
        webhooks.by_ref().take(LINKS_MAX).map(|span| Link::with_context(span.clone())).collect();
    let n = links.len() + webhooks.count();
    if n < 2 {
        return None;
    }
    let attributes = [KeyValue::new("live_users.batch.webhooks", i64::try_from(n).unwrap_or(0))];
    let span = SpanBuilder::from_name("commit batch")
        .with_start_time(taken)
        .with_attributes(attributes)
        .with_links(links);
    let mut span = start(span, &Context::new())?;
    span.end();
    Some(span.span_context().clone())
}
