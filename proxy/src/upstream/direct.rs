//! The stream of the only backend, which is published as it comes.

use std::sync::Arc;

use jiff::Timestamp;

use super::asked::Asked;
use super::backend_client::Failure;
use super::published::Published;
use super::receiver::{Receiver, Subscription};
use crate::channels::Channels;
use crate::error::UpstreamError;

/// Publishes everything of the only backend as it comes.
pub(super) struct Direct {
    channels: Arc<Channels>,
    published: Published,
}

impl Direct {
    pub(super) fn new(asked: &Asked, channels: Arc<Channels>) -> Self {
        let agent = asked.agent.as_ref().map(|agent| agent.id.clone());
        Self { channels, published: Published::of_agent(agent) }
    }

    /// Clears what is published, since nobody reads any more.
    pub(super) fn forget(&mut self) {
        self.published.forget(&self.channels);
    }
}

impl Receiver for Direct {
    fn hear(&mut self, now: Timestamp) {
        self.published.received(now);
    }

    fn take(
        &mut self,
        subscription: Subscription,
        json: String,
        now: Timestamp,
    ) -> Result<(), Failure> {
        self.published.publish(&self.channels, subscription, json, now)
    }

    fn have_no_summary(&mut self, why: &str) {
        self.published.report_no_summary(&self.channels, why);
    }

    fn lose(&mut self, why: UpstreamError) {
        self.published.report_loss(&self.channels, why);
    }

    fn end(&mut self, why: UpstreamError) {
        self.channels.end();
        // Readers look whether they still may when there is something new.
        self.published.report_loss(&self.channels, why);
    }

    fn has_ended(&self) -> bool {
        self.channels.has_ended()
    }

    /// The stream is all that it is asked while somebody reads.
    async fn is_back(&self) {
        std::future::pending().await
    }

    async fn lacks_whole(&self) {
        match self.published.gives_whole() {
            true => self.channels.lack_summary().await,
            false => std::future::pending().await,
        }
    }

    fn give_whole(&mut self) -> Result<(), Failure> {
        self.published.publish_whole(&self.channels)
    }
}
