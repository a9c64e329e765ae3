//! `live-users connect --undo`: gives each number back what it had.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::ExitCode;
use std::{fs, io};

use live_users_twilio::rest::Failure as ApiFailure;

use super::ours::shown;
use super::saved::{Saved, SavedNumber, write_file};
use super::{Context, read_if_any};
use crate::account::{is_same, remedy};
use crate::own_server::Reload;
use crate::{Failure, tell};

/// Undoes it for these numbers, or for all.
pub(super) async fn run(
    context: &Context,
    asked: &BTreeSet<String>,
    is_dry_run: bool,
) -> Result<ExitCode, Failure> {
    let file = &context.saved_file;
    let Some(mut saved) = Saved::read(file)? else {
        return Err(Failure::run(format!(
            "there is nothing to undo: {} does not exist; --saved names another file",
            file.display()
        )));
    };
    let account_sid = &context.account.settings().account_sid;
    if saved.account_sid != *account_sid {
        return Err(Failure::run(format!(
            "{} is of account {}; expected {account_sid}",
            file.display(),
            saved.account_sid
        )));
    }
    if let Some(other) = asked.iter().find(|it| !saved.numbers.iter().any(|n| n.number == **it)) {
        return Err(Failure::run(format!("--number: {} does not have {other}", file.display())));
    }
    let (mut rest, mut failures) = (Vec::new(), 0_u32);
    for number in std::mem::take(&mut saved.numbers) {
        if !asked.is_empty() && !asked.contains(&number.number) {
            rest.push(number);
            continue;
        }
        match give_back(context, &number, is_dry_run).await {
            Ok(()) if !is_dry_run => {}
            Ok(()) => rest.push(number),
            Err(why) => {
                tell(format_args!("{}: {why}", number.number));
                failures += 1;
                rest.push(number);
            }
        }
    }
    saved.numbers = rest;
    let code = if failures == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    if is_dry_run {
        tell("Nothing was changed: --dry-run.");
        return Ok(code);
    }
    if !saved.numbers.is_empty() {
        saved.write(file)?;
        let left: Vec<_> = saved.numbers.iter().map(|it| it.number.as_str()).collect();
        tell(format_args!("{} still has: {}", file.display(), left.join(", ")));
        return Ok(code);
    }
    give_back_agents(context, &saved).await?;
    fs::remove_file(file)
        .map_err(|error| Failure::run(format!("{} cannot be removed: {error}", file.display())))?;
    tell("Every number has what it had before.");
    Ok(ExitCode::SUCCESS)
}

/// Gives one number back what it had. What somebody has changed since stays.
async fn give_back(
    context: &Context,
    SavedNumber { sid, number, before, after }: &SavedNumber,
    is_dry_run: bool,
) -> Result<(), String> {
    let now = match context.account.number(sid).await {
        Ok(now) => now.settings,
        Err(ApiFailure::NotFound) => {
            tell(format_args!("{number}: the account does not have it any more"));
            return Ok(());
        }
        Err(failure) => return Err(told(&failure, context)),
    };
    let (before, after) = (before.settings(), after.settings());
    let mut wanted = now.clone();
    for (what, wanted, before, after) in [
        ("a call comes in", &mut wanted.voice, &before.voice, &after.voice),
        ("primary handler fails", &mut wanted.fallback, &before.fallback, &after.fallback),
        (
            "call status changes",
            &mut wanted.status_callback,
            &before.status_callback,
            &after.status_callback,
        ),
    ] {
        if *wanted == *after {
            wanted.clone_from(before);
        } else if wanted.url != before.url {
            tell(format_args!(
                "{number}: {what}: left as it is, since somebody has changed it after `connect`: {}",
                shown(wanted)
            ));
        }
    }
    if !is_dry_run && !is_same(&now, &wanted) {
        context.account.set(sid, &wanted).await.map_err(|failure| told(&failure, context))?;
    }
    tell(format_args!("{number}: {} -> {}", shown(&now.voice), shown(&wanted.voice)));
    Ok(())
}

fn told(failure: &ApiFailure, context: &Context) -> String {
    let remedy = remedy(failure, context.account.settings());
    format!("it cannot be given back: {failure}; {remedy}")
}

/// Gives the agents file back its text, if nobody has changed it since. Calls that are up are known
/// by their agents a little longer, so the backend is asked to read it last.
async fn give_back_agents(context: &Context, saved: &Saved) -> Result<(), Failure> {
    let Some(file) = &saved.agents_file else { return Ok(()) };
    let path = file.path.display();
    if read_if_any(&file.path)?.as_ref() != Some(&file.after) {
        tell(format_args!("{path} is left as it is: it was changed after `connect`."));
        return Ok(());
    }
    let restored = restore(context, &file.path, file.before.as_deref()).await;
    match restored.map_err(|error| Failure::run(format!("{path} cannot be given back: {error}")))? {
        Reload::Done(_) => tell(format_args!("{path} is as it was, and the backend has read it.")),
        Reload::Refused(why) | Reload::Unknown(why) => tell(format_args!(
            "{path} is as it was. The backend at {} has not read it yet: {why}",
            context.server.url()
        )),
    }
    Ok(())
}

/// Gives the agents file its former text, or removes it if there was none, and has the backend read
/// it.
pub(super) async fn restore(
    context: &Context,
    path: &Path,
    text: Option<&str>,
) -> io::Result<Reload> {
    // A file that is gone may come back, so the backend would keep the agents. It reads one without
    // agents first.
    write_file(path, text.unwrap_or_default(), None)?;
    let reload = context.server.reload_agents().await;
    if text.is_none() {
        fs::remove_file(path)?;
    }
    Ok(reload)
}
