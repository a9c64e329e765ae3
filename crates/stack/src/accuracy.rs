//! `live-users simulate --world` and `--sources`: scores a system in a world that loses webhooks, in
//! simulated time.

mod brief;

use std::process::ExitCode;

use indicatif::{ProgressBar, ProgressStyle};
use live_users_intake::ReconcilerRules;
use live_users_simulator::lossy::{
    self, CountsLegs, Kind, LiveUsers, Replicas, Report, SOURCE_WORLDS, Scenario, SeedDesign,
    SourceWorld, System,
};

use self::brief::{Brief, verdict};
use crate::args::{Accuracy, Simulation, SourceWorldName, SystemName, WorldName};
use crate::{Failure, tell};

const HOUR_MS: f64 = 3_600_000.0;

/// Plays each of the worlds and tells the reports.
pub(crate) fn run(
    world: WorldName,
    simulation: &Simulation,
    json: bool,
) -> Result<ExitCode, Failure> {
    // Each of a million webhooks would be a line in the log, and replicas are cut off on purpose.
    log::set_max_level(log::LevelFilter::Off);
    let simulation = &seeded(simulation);
    let (mut reports, mut briefs) = (Vec::new(), Vec::new());
    let kinds = kinds(world, &simulation.accuracy)?;
    let is_brief = kinds.len() > 1 && !simulation.accuracy.details;
    for kind in kinds {
        let scenario = scenario(kind, simulation);
        let report = play(&scenario, simulation.accuracy.system)?;
        let brief = Brief::of(&report);
        match (json, is_brief) {
            (true, _) => {}
            (false, true) => tell(&brief),
            (false, false) => tell(&report),
        }
        reports.push(report);
        briefs.push(brief);
    }
    if json {
        let reports = serde_json::to_string_pretty(&reports).map_err(Failure::run)?;
        tell(reports);
    } else {
        close(&briefs, is_brief);
    }
    Ok(ExitCode::SUCCESS)
}

/// Without a seed, all worlds are played with the same one.
fn seeded(simulation: &Simulation) -> Simulation {
    let seed = simulation.seed.unwrap_or_else(crate::simulate::any_seed);
    Simulation { seed: Some(seed), ..simulation.clone() }
}

/// What is told behind the worlds, if there are several.
fn close(briefs: &[Brief], is_brief: bool) {
    if is_brief {
        verdict(briefs).iter().for_each(tell);
    } else if briefs.len() > 1 {
        let events: u64 = briefs.iter().map(Brief::events).sum();
        tell(format_args!("{events} events in all, and no broken invariant"));
    }
}

/// Plays each of the worlds of sources and tells the reports.
pub(crate) fn run_sources(simulation: &Simulation, json: bool) -> Result<ExitCode, Failure> {
    log::set_max_level(log::LevelFilter::Off);
    let Accuracy { world, ref sources, longest_call_minutes, .. } = simulation.accuracy;
    let wrong = match world {
        None => vec![Kind::Clean, Kind::Lossy],
        Some(WorldName::Clean) => vec![Kind::Clean],
        Some(WorldName::Lossy) => vec![Kind::Lossy],
        Some(WorldName::Outage) => vec![Kind::Outage],
        Some(WorldName::Killed) => vec![Kind::Killed],
        Some(WorldName::All) => vec![Kind::Clean, Kind::Lossy, Kind::Outage, Kind::Killed],
        Some(_) => {
            let why = "--world: with --sources, one of clean, lossy, outage, killed and all";
            return Err(Failure::usage(why));
        }
    };
    let is_meant = |world: &&SourceWorld| {
        let names = [SourceWorldName::All, SourceWorldName::One(world.name)];
        sources.iter().any(|source| names.contains(source))
    };
    let simulation = seeded(simulation);
    let worlds: Vec<_> = SOURCE_WORLDS.iter().filter(is_meant).collect();
    let is_brief = worlds.len() * wrong.len() > 1 && !simulation.accuracy.details;
    let (mut reports, mut briefs) = (Vec::new(), Vec::new());
    for world in worlds {
        for kind in &wrong {
            let scenario = scenario(*kind, &simulation);
            let report = with_bar(&scenario, world.name, |progress| {
                lossy::run_source(world, &scenario, longest_call_minutes, progress)
            })?;
            let brief = Brief::of_source(&report);
            match (json, is_brief, &brief) {
                (true, ..) => {}
                (false, true, Some(brief)) => tell(brief),
                (false, ..) => tell(&report),
            }
            reports.push(report);
            briefs.extend(brief);
        }
    }
    if json {
        tell(serde_json::to_string_pretty(&reports).map_err(Failure::run)?);
    } else if is_brief {
        verdict(&briefs).iter().for_each(tell);
    }
    Ok(ExitCode::SUCCESS)
}

fn kinds(world: WorldName, accuracy: &Accuracy) -> Result<Vec<Kind>, Failure> {
    let Accuracy { replicas, system, .. } = *accuracy;
    if replicas > 1 && system != SystemName::LiveUsers {
        let why =
            "--replicas: of the systems to compare with there is one, whose numbers are in memory";
        return Err(Failure::usage(why));
    }
    if replicas > 1 && world == WorldName::Clock {
        let why = "--world clock: the time of --replicas is their journal's, whatever a clock says";
        return Err(Failure::usage(why));
    }
    if replicas == 1 && world == WorldName::Partitioned {
        let why = "--world partitioned: at least --replicas 2 are needed to cut one of them off";
        return Err(Failure::usage(why));
    }
    Ok(match world {
        WorldName::Clean => vec![Kind::Clean],
        WorldName::Lossy => vec![Kind::Lossy],
        WorldName::Retried => vec![Kind::Retried],
        WorldName::Outage => vec![Kind::Outage],
        WorldName::Killed => vec![Kind::Killed],
        WorldName::Partitioned => vec![Kind::Partitioned],
        WorldName::Handovers => vec![Kind::Handovers],
        WorldName::Campaign => vec![Kind::Campaign],
        WorldName::Agents => vec![Kind::Agents],
        WorldName::Clock => vec![Kind::Clock],
        WorldName::All => {
            let is_meant = |kind: &Kind| match replicas {
                1 => !kind.is_of_replicas(),
                _ => !kind.is_of_one(),
            };
            Kind::ALL.into_iter().filter(is_meant).collect()
        }
    })
}

fn scenario(kind: Kind, simulation: &Simulation) -> Scenario {
    let Accuracy {
        hours,
        live,
        talk_seconds,
        failure_noticed_ms,
        no_referee,
        replicas,
        system,
        lost,
        ..
    } = simulation.accuracy;
    let seed = simulation.seed.unwrap_or_else(crate::simulate::any_seed);
    let mut scenario = Scenario::standard(kind, seed, rounded(hours * HOUR_MS), live);
    scenario.talk_ms = talk_seconds.map_or(scenario.talk_ms, |s| rounded(s * 1_000.0));
    if let Some(ms) = failure_noticed_ms {
        scenario.network.notices_ms = ms..=ms;
    }
    if let Some(percent) = lost {
        scenario.network.lost = per_mille(percent);
    }
    scenario.replicas = replicas;
    scenario.referee = !no_referee && system != SystemName::SeedDesign;
    scenario
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bounded arguments")]
fn per_mille(percent: f64) -> u32 {
    (percent * 10.0).round() as u32
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bounded arguments")]
fn rounded(ms: f64) -> u64 {
    ms.round() as u64
}

fn play(scenario: &Scenario, system: SystemName) -> Result<Report, Failure> {
    let (mut live_users, mut replicas, mut counts_legs);
    let mut seed_design = SeedDesign::default();
    let system: &mut dyn System = match system {
        SystemName::LiveUsers if scenario.replicas > 1 => {
            let rules = scenario.referee.then(ReconcilerRules::default);
            replicas = Replicas::new(scenario.seed, scenario.replicas, rules);
            &mut replicas
        }
        SystemName::LiveUsers => {
            live_users = LiveUsers::of(scenario);
            &mut live_users
        }
        SystemName::SeedDesign => &mut seed_design,
        SystemName::CountsLegs => {
            counts_legs = CountsLegs::of(scenario);
            &mut counts_legs
        }
    };
    with_bar(scenario, scenario.kind.name(), |progress| lossy::run(scenario, system, progress))
}

/// Plays a world while a bar shows how far it is.
fn with_bar<T>(
    scenario: &Scenario,
    name: &'static str,
    play: impl FnOnce(&mut dyn FnMut(u64, u64)) -> Result<T, lossy::Failure>,
) -> Result<T, Failure> {
    // It draws itself on a terminal only.
    let bar = ProgressBar::new(scenario.length_ms).with_message(name);
    if let Ok(style) = ProgressStyle::with_template("{msg:11} {wide_bar} {percent:>3} % {eta}") {
        bar.set_style(style);
    }
    let played = play(&mut |now_ms, end_ms| {
        bar.set_length(end_ms);
        bar.set_position(now_ms);
    });
    bar.finish_and_clear();
    played.map_err(Failure::run)
}
