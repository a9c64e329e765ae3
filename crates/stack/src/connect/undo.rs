//! `live-users connect --undo`: gives each number back what it had.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::ExitCode;
use std::{fs, io};

use super::ours::shown;
use super::saved::{Saved, SavedNumber, write_file};
use super::{Context, read_if_any};
use crate::account::{is_same, remedy};
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
            Ok(true) if !is_dry_run => {}
            Ok(_) => rest.push(number),
            Err(why) => {
                tell(format_args!("{}: {why}", number.number));
                failures += 1;
                rest.push(number);
            }
        }
    }
    saved.numbers = rest;
    if is_dry_run {
        tell("Nothing was changed: --dry-run.");
        return Ok(ExitCode::SUCCESS);
    }
    if !saved.numbers.is_empty() {
        saved.write(file)?;
        let left: Vec<_> = saved.numbers.iter().map(|it| it.number.as_str()).collect();
        tell(format_args!("{} still has: {}", file.display(), left.join(", ")));
        return Ok(if failures == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }
    give_back_agents(context, &saved).await?;
    fs::remove_file(file)
        .map_err(|error| Failure::run(format!("{} cannot be removed: {error}", file.display())))?;
    tell("Every number has what it had before.");
    Ok(ExitCode::SUCCESS)
}

/// Gives one number back what it had; `false` if it is left because somebody has changed it since.
async fn give_back(
    context: &Context,
    SavedNumber { sid, number, before, after }: &SavedNumber,
    is_dry_run: bool,
) -> Result<bool, String> {
    let told = |failure| {
        let remedy = remedy(&failure, context.account.settings());
        format!("it cannot be given back: {failure}; {remedy}")
    };
    let now = context.account.number(sid).await.map_err(told)?.settings;
    let (before, after) = (before.settings(), after.settings());
    if is_same(&now, &before) {
        tell(format_args!("{number}: it has {} already", shown(&before.voice)));
        return Ok(true);
    }
    if !is_same(&now, &after) {
        tell(format_args!(
            "{number}: left as it is, since somebody has changed it after `connect`: a call comes in \
             at {}",
            shown(&now.voice)
        ));
        return Ok(false);
    }
    if !is_dry_run {
        context.account.set(sid, &before).await.map_err(told)?;
    }
    tell(format_args!("{number}: {} -> {}", shown(&now.voice), shown(&before.voice)));
    Ok(true)
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
    restore(&file.path, file.before.as_deref())
        .map_err(|error| Failure::run(format!("{path} cannot be given back: {error}")))?;
    match context.server.reload_agents().await {
        Ok(()) => tell(format_args!("{path} is as it was, and the backend has read it.")),
        Err(why) => tell(format_args!(
            "{path} is as it was. The backend at {} has not read it yet: {why}",
            context.server.url()
        )),
    }
    Ok(())
}

/// Gives a file its former text, or removes it if there was none.
pub(super) fn restore(path: &Path, text: Option<&str>) -> io::Result<()> {
    match text {
        Some(text) => write_file(path, text, None),
        None => fs::remove_file(path),
    }
}
