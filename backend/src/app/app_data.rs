//! What the request handlers take: made once, and given to each worker of the server.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use actix_web::web::{Data, ServiceConfig};
use live_users_http_kit::{AllowedOrigins, Connections, ReadLimit};

use super::lasting::Lasting;
use crate::config::Config;
use crate::http::auth::BearerAuth;
use crate::http::metrics;
use crate::http::routes::WrongMethods;
use crate::http::setup;
use crate::http::signature::SignatureVerifier;
use crate::http::sources::SourceWebhooks;
use crate::http::total_reader::TotalRules;
use crate::http::webhooks::{Passing, Repeats, Webhooks};
use crate::parts::agents::AgentRegistry;
use crate::parts::alert_values::AlertValues;
use crate::parts::chat::Chat;
use crate::parts::clock::Clock;
use crate::parts::conversation::Conversation;
use crate::parts::counters::Counters;
use crate::parts::counting_rules::CountingRules;
use crate::parts::doubt::Doubt;
use crate::parts::journal_reader::JournalReader;
use crate::parts::latest::LatestReader;
use crate::parts::notices::Notices;
use crate::parts::old_callbacks::OldCallbacks;
use crate::parts::queue::Queue;
use crate::parts::replica_status::StatusReader;
use crate::parts::shards::Shards;
use crate::parts::shared_links::LinkReader;
use crate::parts::streams::Streams;
use crate::parts::summary::Summarizer;

/// What the request handlers take.
#[derive(Clone)]
pub(super) struct Parts {
    pub(super) auth: Arc<BearerAuth>,
    pub(super) total_rules: Arc<TotalRules>,
    pub(super) webhooks: Arc<Webhooks>,
    pub(super) source_webhooks: Arc<SourceWebhooks>,
    pub(super) figures: Arc<metrics::Sources>,
    pub(super) setup: Arc<setup::Sources>,
    pub(super) queue: Queue,
    pub(super) shards: Shards,
    pub(super) latest: LatestReader,
    pub(super) doubt: Arc<Doubt>,
    pub(super) streams: Arc<Streams>,
    pub(super) summarizer: Summarizer,
    pub(super) agents: Arc<AgentRegistry>,
    pub(super) alert_values: Arc<AlertValues>,
    pub(super) rules: CountingRules,
    pub(super) status: StatusReader,
    pub(super) journal_reader: JournalReader,
    pub(super) wrong_methods: Arc<WrongMethods>,
}

/// What readers take: the count with its doubt, the time, and the journal.
pub(super) type Reading = ((LatestReader, Arc<Doubt>), Clock, JournalReader);

fn counting_rules(config: &Config) -> CountingRules {
    CountingRules {
        counting: config.keep.settings.counting,
        max_call_ms: config.max_call_ms,
        doubt: config.doubt,
        sums_are_upper_bounds: config.sums_are_upper_bounds(),
    }
}

fn total_rules(config: &Config, suspect: &Arc<Doubt>) -> TotalRules {
    TotalRules {
        is_public: config.public_total,
        gives_agents: config.public_by_agent,
        suspect: suspect.clone(),
        doubt: config.doubt,
        limit: ReadLimit::new(config.reads_per_second),
        trusted_proxies: config.trusted_proxies.clone(),
    }
}

impl Parts {
    /// Makes them from the settings, the writer's end of things, and what readers take.
    pub(super) fn of(
        config: Config,
        Lasting { arrivals, telemetry }: Lasting,
        (queue, status): (Queue, StatusReader),
        (((latest, doubt), clock, journal_reader), shards): (Reading, Shards),
    ) -> io::Result<(Self, AllowedOrigins)> {
        let chat = Arc::new(Chat::new(Duration::from_millis(config.chat_ms))?);
        let (rules, total_rules) = (counting_rules(&config), total_rules(&config, &doubt));
        let agents = config.agents;
        let (gives_agents, deliveries) = (config.public_by_agent, Arc::default());
        let summarizer = Summarizer { queue, agents, status, gives_agents, rules, deliveries };
        let known = (config.url_rule.public_url().map(str::to_owned), config.twilio_api.is_some());
        let setup = setup::Sources::new(known, &arrivals, &summarizer, clock.clone());
        let conversation = Conversation::new(&config.url_rule, config.farewell);
        let (verification, url_rule) = (config.verification, config.url_rule);
        let webhooks = Webhooks {
            conversation,
            signature: SignatureVerifier::new(verification, url_rule, config.accounts),
            agents: summarizer.agents.clone(),
            caller_key: config.caller_key,
            accounts: config.webhook_accounts,
            chat,
            shards: shards.clone(),
            counters: Arc::new(Counters::new()),
            arrivals,
            old_callbacks: OldCallbacks::default(),
            repeats: Repeats::default(),
            passing: Passing::new(config.signer, summarizer.deliveries.clone())?,
            notices: Notices::default(),
        };
        let limits = config.limits.fit_files();
        let streams_max = config.streams_max.at_most(limits.streams());
        let streams = Arc::new(Streams::new(streams_max, config.origins.clone()));
        let connections = Connections::new(limits, config.trusted_proxies.clone());
        let Summarizer { queue, agents, status, rules, .. } = summarizer.clone();
        let figures = metrics::Sources {
            agents: agents.clone(),
            chat: webhooks.chat.clone(),
            clock,
            connections,
            counters: webhooks.counters.clone(),
            deliveries: summarizer.deliveries.clone(),
            latest: latest.clone(),
            passing_on: webhooks.passing.on.clone(),
            queue: queue.clone(),
            rules,
            shard: config.shard,
            shards: shards.clone(),
            status: status.clone(),
            streams: streams.clone(),
            telemetry,
        };
        let links = LinkReader::new(latest.clone(), queue.clone());
        let auth = BearerAuth::new(agents.tokens().clone(), links, config.trusted_proxies.clone());
        let webhooks = Arc::new(webhooks);
        let parts = Self {
            auth: Arc::new(auth),
            total_rules: Arc::new(total_rules),
            source_webhooks: Arc::new(SourceWebhooks::new(webhooks.clone())?),
            webhooks,
            figures: Arc::new(figures),
            setup: Arc::new(setup),
            queue,
            shards,
            latest,
            doubt,
            streams,
            summarizer,
            agents,
            alert_values: Arc::default(),
            rules,
            status,
            journal_reader,
            wrong_methods: Arc::default(),
        };
        Ok((parts, config.origins))
    }

    /// The same with what all shards share: whoever shows a token is known by the first one, which has
    /// the links, and all streams have one limit.
    pub(super) fn sharing(self, first: &Self) -> Self {
        let streams = self.streams.limited_as(&first.streams);
        Self { auth: first.auth.clone(), streams: Arc::new(streams), ..self }
    }

    /// Gives them to an application, for its handlers.
    pub(super) fn add_to(&self, app: &mut ServiceConfig) {
        app.app_data(Data::from(self.auth.clone()))
            .app_data(Data::from(self.total_rules.clone()))
            .app_data(Data::from(self.webhooks.clone()))
            .app_data(Data::from(self.source_webhooks.clone()))
            .app_data(Data::from(self.figures.clone()))
            .app_data(Data::from(self.setup.clone()))
            .app_data(Data::new(self.queue.clone()))
            .app_data(Data::new(self.shards.clone()))
            .app_data(Data::new(self.latest.clone()))
            .app_data(Data::from(self.streams.clone()))
            .app_data(Data::new(self.summarizer.clone()))
            .app_data(Data::from(self.agents.clone()))
            .app_data(Data::from(self.alert_values.clone()))
            .app_data(Data::new(self.rules))
            .app_data(Data::new(self.status.clone()))
            .app_data(Data::new(self.journal_reader.clone()))
            .app_data(Data::from(self.wrong_methods.clone()));
    }
}
