//! What all shards tell together, where there are several: the sum, or which of them is missing. What is
//! no sum is told by each of them below `/shards/K`.

use std::sync::Arc;

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use futures_util::future::join_all;
use live_users_http_kit::asks_for;
use live_users_intake::shards;
use live_users_wire::{
    Count, Health, ShardSet, Summary, Summed, WITH_DOUBT, sum_of_counts, sum_of_summaries,
};
use log::debug;

use super::answer::json;
use super::auth::BearerAuth;
use super::authorized::{Authorized, Permitted};
use super::count;
use super::error::{ApiError, OfOneShard};
use super::health;
use super::metrics;
use super::total_reader::{TotalReader, TotalRules};
use crate::parts::agents::AgentRegistry;
use crate::parts::clock::moment;
use crate::parts::doubt::DoubtRules;
use crate::parts::latest::LatestReader;
use crate::parts::queue::{Queue, View};
use crate::parts::selection::Selection;
use crate::parts::shards::Shards;
use crate::parts::summary::Summarizer;

/// The shards that are here, in their order.
pub(crate) struct AllShards {
    pub(crate) each: Vec<OneShard>,
    /// How many there are, here and at other backends.
    pub(crate) of: usize,
    /// The numbers of those that are here.
    pub(crate) here: shards::ShardSet,
}

/// What is read of one shard.
pub(crate) struct OneShard {
    pub(crate) number: usize,
    pub(crate) queue: Queue,
    pub(crate) latest: LatestReader,
    pub(crate) total_rules: Arc<TotalRules>,
    pub(crate) summarizer: Summarizer,
    pub(crate) figures: Arc<metrics::Sources>,
}

/// `GET /api/live-users`: the sum of all shards.
pub(crate) async fn total(
    reader: TotalReader,
    request: HttpRequest,
    rules: Data<TotalRules>,
    all: Data<AllShards>,
) -> Result<HttpResponse, ApiError> {
    let tells_doubt = rules.doubt.is_public || asks_for(&request, WITH_DOUBT);
    let selection = reader.selection();
    all.check_whole()?;
    let parts = all.each.iter().map(|shard| shard.count(selection.clone(), tells_doubt));
    let sum = sum_of_counts(join_all(parts).await).map_err(|it| missing(it, &all))?;
    let suspect = sum.suspect.and_then(|suspect| rules.doubt.told(suspect, sum.live_users));
    let sum = match tells_doubt {
        true => Count { suspect, ..sum },
        false => sum.plain(),
    };
    Ok(count::answer(&request, count::json(&sum)?))
}

/// `GET /api/live-users/summary`: the sum of all shards.
pub(crate) async fn summary(
    Permitted(access): Permitted,
    all: Data<AllShards>,
) -> Result<HttpResponse, ApiError> {
    all.check_whole()?;
    let parts = all.each.iter().map(|shard| shard.summarizer.summarize(&access.scope));
    let parts = join_all(parts).await.into_iter().enumerate().map(|(shard, part)| {
        part.inspect_err(|why| debug!("no summary of shard {shard}: {why}")).ok()
    });
    let Summed { value, .. }: Summed<Summary> =
        sum_of_summaries(parts).map_err(|it| missing(it, &all))?;
    Ok(json(&value))
}

/// `GET /readyz`: whether all shards that are here are ready, or else which one is not.
pub(crate) async fn ready(
    all: Data<AllShards>,
    agents: Data<AgentRegistry>,
    shards: Data<Shards>,
) -> HttpResponse {
    let (mut reasons, mut warnings) = (Vec::new(), Vec::new());
    for OneShard { number: shard, queue, .. } in &all.each {
        let Health { reason, warnings: of_shard, .. } = health::look(queue);
        reasons.extend(reason.map(|it| format!("shard {shard}: {it}")));
        warnings.extend(of_shard.into_iter().map(|it| format!("shard {shard}: {it}")));
    }
    let is_full = shards.queues().iter().any(|queue| queue.status().forwards_full);
    warnings.extend(waiting_warnings(&shards, is_full));
    warnings.extend(shards.warning().map(str::to_owned));
    warnings.extend(agents.refusal().map(str::to_owned));
    let reason = (!reasons.is_empty()).then(|| reasons.join("; "));
    health::answer(health::of(reason, warnings))
}

/// What is wrong while evidence waits for shards of others.
fn waiting_warnings(shards: &Shards, is_full: bool) -> Vec<String> {
    let trouble = |shard| shards.elsewhere().and_then(|it| it.trouble_of(shard));
    let waiting = shards.waiting().into_iter().map(|(shard, n)| (shard, n, trouble(shard)));
    told_waiting(waiting, is_full)
}

/// Each with how many pieces there are, and why they were not recorded.
fn told_waiting(
    waiting: impl Iterator<Item = (usize, usize, Option<String>)>,
    is_full: bool,
) -> Vec<String> {
    let of_shard = waiting.map(|(shard, n, why)| {
        let pieces = if n == 1 { "1 piece of evidence waits" } else { "pieces of evidence wait" };
        let n = if n == 1 { String::new() } else { format!("{n} ") };
        let why = why.map(|why| format!(" ({why})")).unwrap_or_default();
        format!(
            "{n}{pieces} for shard {shard}, whose number is too small or too big until its backend has \
             recorded it{why}"
        )
    });
    let full = "as much evidence waits for other shards as the journal here keeps: no more is taken \
                until some of it has gone";
    of_shard.chain(is_full.then(|| full.to_owned())).collect()
}

/// `GET /metrics`: the figures of the process, and those of each shard with its number as a label.
pub(crate) async fn figures(
    _: Authorized,
    auth: Data<BearerAuth>,
    rules: Data<TotalRules>,
    all: Data<AllShards>,
) -> Result<HttpResponse, ApiError> {
    let each: Vec<_> = all.each.iter().map(|it| it.figures.clone()).collect();
    Ok(metrics::page(&auth, &rules, &each).await.answer())
}

/// Everything else.
pub(crate) async fn elsewhere(
    request: HttpRequest,
    all: Data<AllShards>,
) -> Result<HttpResponse, ApiError> {
    let path = request.path();
    if path.starts_with("/api/live-users/") {
        return Err(ApiError::OfOneShard(OfOneShard::Each(all.of)));
    }
    let here: Vec<_> = all.each.iter().map(|it| it.number).collect();
    let shard = path.strip_prefix("/shards/").and_then(|rest| rest.split('/').next()?.parse().ok());
    Err(match shard.filter(|shard| *shard < all.of && !here.contains(shard)) {
        Some(shard) => ApiError::OfOneShard(OfOneShard::Elsewhere { shard, here }),
        None => ApiError::NotFound,
    })
}

fn missing(shards: ShardSet, all: &AllShards) -> ApiError {
    ApiError::MissingShards(shards.iter().collect(), all.of)
}

impl AllShards {
    /// Those that are at other backends.
    pub(crate) fn elsewhere(&self) -> shards::ShardSet {
        shards::ShardSet::first(self.of).without(self.here)
    }

    /// No sum is told of some of the shards: it would be too small, and nobody would see it.
    fn check_whole(&self) -> Result<(), ApiError> {
        let elsewhere: Vec<_> = self.elsewhere().iter().collect();
        match elsewhere.is_empty() {
            true => Ok(()),
            false => Err(ApiError::MissingShards(elsewhere, self.of)),
        }
    }
}

impl OneShard {
    /// Its part of a total, with how many are suspect in it; `None` if it is not known.
    async fn count(&self, selection: Selection, tells_doubt: bool) -> Option<Count> {
        let Self { queue, latest, total_rules: rules, .. } = self;
        if queue.has_stopped() {
            return None;
        }
        queue.freshen().await.ok()?;
        let known = Some(latest.borrow()).filter(|latest| count::is_known(latest))?;
        if selection.is_everything() {
            return Some(known.count(Some(rules.suspect.now())));
        }
        drop(known);
        // Whether it is a share worth telling is decided of the sum.
        let any_share = DoubtRules { share_percent: 0, ..rules.doubt };
        let doubt = tells_doubt.then(|| (any_share, rules.suspect.clone()));
        let gives_agents = rules.gives_agents;
        let counted = queue.query(move |View { state, now, .. }| {
            let doubt = doubt.as_ref().map(|(rules, doubt)| (*rules, &**doubt));
            let count = selection.count(state.tracker(), now, (gives_agents, doubt));
            Count { as_of: Some(moment(now)), ..count }
        });
        counted.await.ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_journal_that_keeps_no_more_is_told_beside_what_waits() {
        let told = |waiting: Vec<_>, is_full| told_waiting(waiting.into_iter(), is_full);
        assert_eq!(told(vec![], false), Vec::<String>::new());
        let both = told(vec![(2, 7, Some("status 403".to_owned())), (3, 1, None)], true);
        assert!(both[0].starts_with("7 pieces of evidence wait for shard 2, "), "{both:?}");
        assert!(both[0].ends_with(" (status 403)"), "{both:?}");
        assert!(both[1].starts_with("1 piece of evidence waits for shard 3, "), "{both:?}");
        assert!(both[2].contains("no more is taken"), "{both:?}");
        assert_eq!(both.len(), 3);
    }
}
