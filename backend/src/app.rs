//! Puts the parts together and runs them until it is time to stop.

mod app_data;
mod configs;
mod counting;
mod exporting;
mod lasting;
mod opening;
mod routing;
mod shard;
mod standby;

use std::io;
use std::net::TcpListener;
use std::sync::Arc;

use actix_web::web::ServiceConfig;
use futures_util::future::join_all;
use live_users_http_kit::{AllowedOrigins, Application, serve};
use live_users_intake::shards::ShardBy;
use live_users_journal::FaultKind;
use log::{error, info, warn};
use tokio::task::AbortHandle;
use tokio::time::Instant;

pub use self::configs::Configs;
use self::counting::Counting;
use self::exporting::Exporting;
use self::lasting::Lasting;
use self::opening::{NotOpened, Opened, Places};
use self::routing::Routing;
use self::shard::Shard;
use crate::config::{Config, Verification};
use crate::http::ready_total::ready_total;
use crate::http::routes::LIMIT_ANSWERS;
use crate::parts::arrivals::Arrivals;
use crate::parts::configured;
use crate::parts::elsewhere::Elsewhere;
use crate::parts::passing_on::DRAIN;
use crate::parts::shards::Shards;
use crate::tasks::forwarding::Forwarding;
use crate::tasks::{reload, turning};

/// A backend that has opened its journals, or waits until they can be opened, and does not listen yet.
pub struct Backend(Start);

enum Start {
    Ready(Box<Ready>),
    Waiting(Box<Waiting>),
}

/// It has replayed its journals: usually one, or that of each shard.
struct Ready {
    shards: Vec<Shard>,
    all: Shards,
    origins: AllowedOrigins,
}

/// An operator has to put something right before a journal can be opened.
struct Waiting {
    configs: Configs,
    lasting: Lasting,
    places: Places,
    reason: (FaultKind, String),
}

impl Backend {
    /// Opens the journals and replays them. A listener should not be bound before. It takes the
    /// settings more than once: where a journal cannot be opened, and an operator can put that right,
    /// [`Backend::run`] answers callers meanwhile, counts nothing, and tries again.
    ///
    /// Trap: hooks that send mail start this program again. Its `main` begins with
    /// [`keep_mail_command`](crate::keep_mail_command).
    ///
    /// # Errors
    /// If trying again would not help, or the system starts no thread.
    pub fn open(mut configs: Configs) -> io::Result<Self> {
        log_settings(configs.first());
        let places = Places::of(&configs.shards);
        let strangers = places.strangers(&configs.meanwhile);
        strangers.iter().for_each(|line| warn!("{line}"));
        let opening = places.open();
        let arrivals = Arrivals::begin(std::time::Instant::now())?;
        let telemetry = Arc::new(configs.first_mut().telemetry.start()?);
        let lasting = Lasting { arrivals, telemetry };
        let start = match opening {
            Ok(opened) => {
                let ready = Ready::of(configs.shards, &lasting, opened, strangers)?;
                Start::Ready(Box::new(ready))
            }
            Err(NotOpened::Waiting { kind, why }) => {
                let reason = (kind, why);
                Start::Waiting(Box::new(Waiting { configs, lasting, places, reason }))
            }
            Err(NotOpened::Refused(error)) => return Err(error),
        };
        Ok(Self(start))
    }

    /// Serves on the listener until `shutdown` resolves. Then it finishes open requests and the
    /// work in the writers' queues.
    ///
    /// # Errors
    /// The system's own, that a writer has panicked, or that a journal turns out to be one that
    /// cannot be used.
    pub async fn run(
        self,
        listener: TcpListener,
        shutdown: impl Future<Output = ()>,
    ) -> io::Result<()> {
        tokio::pin!(shutdown);
        let ready = match self.0 {
            Start::Ready(ready) => *ready,
            Start::Waiting(waiting) => {
                let Waiting { configs: Configs { meanwhile, shards }, lasting, places, reason } =
                    *waiting;
                let listener = listener.try_clone()?;
                let meanwhile = (meanwhile, lasting.clone());
                let opened =
                    standby::stand_by(meanwhile, places, listener, reason, &mut shutdown).await?;
                let Some(opened) = opened else { return Ok(()) };
                // They may have changed since the start, and are the same of all shards.
                if let Some(Err(mistakes)) = shards.first().map(|it| it.agents.reload()) {
                    error!("the agents are those of the start: {}", mistakes.join("; "));
                }
                Ready::of(shards, &lasting, opened, None)?
            }
        };
        ready.run(listener, shutdown).await
    }
}

impl Ready {
    /// `warning`: what `/readyz` warns of until the next start.
    fn of(
        configs: Vec<Config>,
        lasting: &Lasting,
        opened: Vec<Opened>,
        warning: Option<String>,
    ) -> io::Result<Self> {
        let router = counting::router(&configs, &opened);
        let is_shared = opened.iter().any(|it| it.journal.is_shared());
        let layout = configs.first().map(|it| it.layout).unwrap_or_default();
        let spread = configs.first().and_then(|it| it.spread.clone());
        let elsewhere = spread.map(|it| Elsewhere::new(it, layout)).transpose()?.map(Arc::new);
        let mut counting = Vec::with_capacity(configs.len());
        for (config, opened) in configs.into_iter().zip(opened) {
            let lasting = lasting.of_shard(config.shard);
            lasting.arrivals.begin_after(opened.replayed.state.corrections());
            counting.push((Counting::start(config, opened, router.as_ref())?, lasting));
        }
        let queues = counting.iter().map(|(it, _)| (it.config.shard, it.queue.clone()));
        let mut queues = queues.map(|(shard, queue)| (shard.unwrap_or_default(), queue));
        let mut all = match router {
            Some(router) => Shards::of(queues.collect(), router, is_shared, elsewhere),
            None => Shards::one(queues.next().expect("there is one").1),
        };
        all.warn_of(warning);
        let (mut shards, mut all_origins): (Vec<Shard>, _) = (Vec::new(), None);
        for (counting, lasting) in counting {
            let first = shards.first().map(|it| &it.parts);
            let (shard, origins) = Shard::of(counting, lasting, (&all, first))?;
            shards.push(shard);
            all_origins = all_origins.or(Some(origins));
        }
        Ok(Self { shards, all, origins: all_origins.unwrap_or_default() })
    }

    async fn run(
        self,
        listener: TcpListener,
        shutdown: impl Future<Output = ()>,
    ) -> io::Result<()> {
        let Self { shards, all, origins } = self;
        let parts: Vec<_> = shards.iter().map(|it| it.parts.clone()).collect();
        let first = &parts[0];
        let forwarding = Forwarding::new(all.clone(), first.rules.max_call_ms);
        forwarding.look().await;
        let exporting = Exporting::of(&parts);
        let reloading = reload::run(reload::hang_ups()?, first.agents.clone(), all.clone());
        let mut tasks = vec![
            tokio::spawn(reloading).abort_handle(),
            tokio::spawn(turning::run(all.clone())).abort_handle(),
            tokio::spawn(forwarding.run()).abort_handle(),
        ];
        tasks.extend(exporting.start());
        let mut running = Vec::with_capacity(shards.len());
        for shard in shards {
            running.push(shard.start()?);
        }
        // Without a writer its count would stand still and look alive. It is better to end, so that
        // the supervisor starts the process again.
        let writer_ended = all.one_has_ended();
        let mut stopping = Instant::now();
        let streams: Vec<_> = parts.iter().map(|it| it.streams.clone()).collect();
        let stop = async {
            tokio::select! {
                () = shutdown => {}
                () = writer_ended => error!("a writer has stopped: ending"),
            }
            stopping = Instant::now();
            // A stream never ends by itself, and the server waits for open requests.
            streams.iter().for_each(|it| it.close());
        };
        let (connections, passing_on) =
            (first.figures.connections.clone(), first.figures.passing_on.clone());
        let ready = (!all.are_several()).then(|| {
            ready_total(first.total_rules.clone(), first.queue.clone(), first.latest.clone())
        });
        let routing = Routing::of(parts, (all.layout(), all.numbers()), origins);
        let configure = move |app: &mut ServiceConfig| routing.add_to(app);
        let application = Application { configure, limits: LIMIT_ANSWERS, ready };
        let served = serve(listener, connections, stop, application);
        let served = served.await;

        tasks.iter().for_each(AbortHandle::abort);
        let until = stopping + DRAIN;
        let drained = join_all(running.into_iter().map(|shard| shard.drain(until)));
        let streams_end = streams[0].connections.ended();
        let (drained, ..) = tokio::join!(drained, passing_on.drain(until), streams_end);
        let last = exporting.page().await;
        let mut finished = Ok(());
        for shard in drained {
            finished = finished.and(shard.finish().await);
        }
        exporting.telemetry().stop(&last).await;
        finished.and(served)
    }
}

fn log_settings(config: &Config) {
    config.trusted_proxies.warn();
    match &config.verification {
        Verification::Signed(tokens) => {
            info!(
                "webhooks are verified by X-Twilio-Signature with {tokens:?}, {}",
                config.url_rule
            );
        }
        Verification::Off => warn!("webhooks are NOT verified: ALLOW_UNSIGNED_WEBHOOKS is set"),
    }
    let agents = config.agents.now();
    info!("{} agents are configured", agents.iter().count());
    configured::lines(&agents).iter().for_each(|line| info!("{line}"));
    if config.is_sharded() {
        info!("calls are counted in several shards: {}", config.layout);
        let here: Vec<_> = config.here().iter().map(|it| it.to_string()).collect();
        if config.spread.is_some() {
            info!(
                "of these, shards {} are here, and the others at other backends",
                here.join(", ")
            );
        }
    }
    if config.layout.by() == ShardBy::Account && config.sums_are_upper_bounds() {
        warn!(
            "SHARD_BY is account, and AGENTS_FILE names no account: calls go by their agents, so somebody \
             who talks to two agents may count twice in a sum"
        );
    }
    let of_file = config.agents.warnings();
    config.accounts.warnings.iter().chain(&of_file).for_each(|line| warn!("{line}"));
}
