//! `live-users simulate`: fills a backend with callers.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use live_users_http_kit::{Env, SettingsReader, shutdown_signal};
use live_users_intake::agents::AgentsFile;
use live_users_simulator::{PlayError, Player, Report, Webhooks, World, WorldSize, is_answering};
use tokio::sync::{oneshot, watch};

use crate::args::{Ports, Simulation};
use crate::local::{self, Stack, Told};
use crate::network::advice;
use crate::remote::check_url;
use crate::welcome::tell_of_own_calls;
use crate::{Failure, tell};

/// The number that callers dial when no agent has one.
const NUMBER_OF_NO_AGENT: &str = "+15005550006";

/// Plays against the backend that runs already, or against one that is started here and goes on
/// afterwards until it is stopped.
pub(crate) async fn run(ports: &Ports, simulation: &Simulation) -> Result<ExitCode, Failure> {
    let told = local::read_env()?;
    let env = &told.env;
    if simulation.url.is_none() && env.get("TWILIO_ACCOUNT_SID").is_some() {
        return Err(Failure::usage(
            "TWILIO_ACCOUNT_SID is set, and simulated calls would be counted with those of this \
             account; unset it for a demonstration, or name the server by --url",
        ));
    }
    let url = match &simulation.url {
        Some(url) => {
            check_url("--url", url)?;
            Some(url.clone())
        }
        None => {
            let url = format!("http://127.0.0.1:{}", ports.backend_port);
            is_answering(&url).await.then_some(url)
        }
    };
    let token = env.get("TWILIO_AUTH_TOKEN").unwrap_or_default();
    let token = token.split(',').next().unwrap_or_default().trim();
    let public_url = env.get("PUBLIC_URL");
    let numbers = agent_numbers(env)?;
    let player = |url: &str| {
        let player = Player::new(url, public_url.unwrap_or(url), token).map_err(Failure::run)?;
        Ok(player.at_pace(simulation.pace))
    };
    let stop = on_signal();
    if let Some(url) = url {
        let played = play(&player(&url)?, simulation, numbers, stop()).await;
        tell_how_to_go_on(&told, &played);
        return played;
    }

    let stack = Stack::bind(&told, ports)?;
    stack.welcome(&told);
    let player = player(&stack.backend_url())?;
    let (end, ended) = oneshot::channel();
    let playing = async {
        let played = play(&player, simulation, numbers, stop()).await;
        tell_how_to_go_on(&told, &played);
        if played.is_ok() {
            tell(format_args!("The page stays as it is; Ctrl-C ends it."));
            stop().await;
        }
        let _has_ended_already = end.send(());
        played
    };
    let serving = stack.serve(async {
        let _the_player_is_gone = ended.await;
    });
    let (served, played) = tokio::join!(serving, playing);
    served.map_err(Failure::run)?;
    played
}

/// Says what to do when the callers of a demonstration have hung up.
fn tell_how_to_go_on(told: &Told, played: &Result<ExitCode, Failure>) {
    if told.is_demo && played.is_ok() {
        tell("For more callers, run this again.");
        tell_of_own_calls();
    }
}

/// Something to wait for as often as one likes: that the process was asked to stop.
fn on_signal() -> impl Fn() -> BoxFuture {
    let (signalled, signal) = watch::channel(false);
    tokio::spawn(async move {
        shutdown_signal().await;
        signalled.send_replace(true);
    });
    move || {
        let mut signal = signal.clone();
        Box::pin(async move {
            let _no_signal_any_more = signal.wait_for(|is_signalled| *is_signalled).await;
        })
    }
}

type BoxFuture = Pin<Box<dyn Future<Output = ()>>>;

/// The numbers that callers dial.
fn agent_numbers(env: &Env) -> Result<Vec<String>, Failure> {
    let mut reader = SettingsReader::new(env);
    let (agents, mistakes) = AgentsFile::at(reader.text("AGENTS_FILE")).read();
    mistakes.into_iter().for_each(|mistake| reader.error(mistake));
    let agents = reader.finish(agents).map_err(Failure::usage)?;
    let numbers: Vec<_> = agents.iter().flat_map(|agent| agent.numbers.iter().cloned()).collect();
    if numbers.is_empty() { Ok(vec![NUMBER_OF_NO_AGENT.to_owned()]) } else { Ok(numbers) }
}

/// Another one each time.
pub(crate) fn any_seed() -> u64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::from(since_epoch.subsec_nanos()) ^ since_epoch.as_secs()
}

async fn play(
    player: &Player,
    simulation: &Simulation,
    numbers: Vec<String>,
    stop: impl Future<Output = ()>,
) -> Result<ExitCode, Failure> {
    let size = WorldSize {
        calls: simulation.calls as usize,
        starts_within_ms: u64::from(simulation.within) * 1000,
        agent_numbers: numbers,
    };
    let seed = simulation.seed.unwrap_or_else(any_seed);
    let world = World::of_seed(seed, &size);
    tell(format_args!(
        "{} simulated calls of seed {seed} begin within {} s; the last ends after {} s.",
        world.calls.len(),
        simulation.within,
        world.length_ms().div_ceil(1000)
    ));
    let told = |ms: u64, truly: usize, says: Option<u64>| {
        let says = says.map_or("nothing".to_owned(), |says| says.to_string());
        tell(format_args!("{:>4} s: {truly:>3} on the line, the backend says {says}", ms / 1000));
    };
    let report = player.play(&world, stop, told).await.map_err(unplayed)?;
    if report.webhooks.is_stranger() {
        return Err(Failure::run(strange(&report.webhooks)));
    }
    tell(summary(&report));
    match trouble(&report) {
        Some(trouble) => Err(Failure::run(trouble)),
        None => Ok(ExitCode::SUCCESS),
    }
}

/// Says of a server that it takes none of these webhooks.
fn strange(Webhooks { refused, .. }: &Webhooks) -> String {
    format!(
        "the server refuses these webhooks ({}), so no more are sent: it is no demonstration, or its \
         TWILIO_AUTH_TOKEN or PUBLIC_URL is another one than here. Start a demonstration on other \
         ports, by --backend-port and --proxy-port, or name a backend by --url",
        statuses(refused)
    )
}

/// How many webhooks were refused with each status: `2 with 403, 1 with 500`.
fn statuses(refused: &BTreeMap<u16, usize>) -> String {
    let each: Vec<_> = refused.iter().map(|(status, n)| format!("{n} with {status}")).collect();
    each.join(", ")
}

fn unplayed(error: PlayError) -> Failure {
    match &error {
        PlayError::Silent { url, why } => {
            Failure::run(format!("{error}. {}", advice(url, why, "--url")))
        }
        PlayError::Client(_) => Failure::run(error),
    }
}

/// The closing line.
fn summary(Report { webhooks, live_users }: &Report) -> String {
    let Webhooks { sent, refused, unanswered, .. } = webhooks;
    let refused: usize = refused.values().sum();
    let unanswered = match unanswered {
        0 => String::new(),
        n => format!(", {n} not answered"),
    };
    let says = match live_users {
        Ok(live_users) => format!("the backend says {live_users} live"),
        Err(_) => "the backend says nothing".to_owned(),
    };
    format!("All have hung up: {sent} webhooks sent, {refused} refused{unanswered}, {says}.")
}

/// What went wrong, if anything did.
fn trouble(Report { webhooks, live_users }: &Report) -> Option<String> {
    let Webhooks { sent, refused, unanswered, why_unanswered } = webhooks;
    let mut troubles = Vec::new();
    if *unanswered > 0 {
        let why = why_unanswered.as_deref().unwrap_or("no reason");
        troubles
            .push(format!("{unanswered} of {sent} webhooks were not answered, the last: {why}"));
    }
    if !refused.is_empty() {
        let n: usize = refused.values().sum();
        troubles.push(format!(
            "{n} of {sent} webhooks were refused, {}; the backend's log says why (a 403 means \
             another TWILIO_AUTH_TOKEN or PUBLIC_URL than here)",
            statuses(refused)
        ));
    }
    if let Err(why) = live_users {
        let way = match why.contains("missing") {
            true => ". One that has some of the shards tells no sum: the proxy does",
            false => "",
        };
        troubles.push(format!("the backend does not tell how many are live: {why}{way}"));
    }
    (!troubles.is_empty()).then(|| troubles.join(". "))
}
