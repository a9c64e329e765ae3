//! What `connect` tells before it changes anything.

use live_users_twilio::rest::PhoneNumber;

use super::Context;
use super::agents_edit::Entered;
use super::ours::shown;
use super::plan::{Planned, Step};
use crate::{tell, terminal};

/// Tells what each number has and what it will have.
pub(super) fn show(planned: &[Planned], entered: &[Option<Entered>], context: &Context) {
    let n = planned.len();
    let account = &context.account.settings().account_sid;
    tell(format_args!("Account {account}: {n} number{}.", if n == 1 { "" } else { "s" }));
    for (Planned { number, step }, entered) in planned.iter().zip(entered) {
        let now = &number.settings;
        tell(format_args!("\n{}  {}", number.number, terminal::shown(&number.friendly_name)));
        match step {
            Step::Left(why) => {
                tell(format_args!("  now: {}", shown(&now.voice)));
                tell(format_args!("  left as it is: {why}"));
            }
            Step::Connected => tell("  connected already"),
            Step::Connect(settings) => {
                for (what, before, after) in [
                    ("a call comes in        ", &now.voice, &settings.voice),
                    ("primary handler fails  ", &now.fallback, &settings.fallback),
                    ("call status changes    ", &now.status_callback, &settings.status_callback),
                ] {
                    if before == after {
                        tell(format_args!("  {what}{} stays", shown(before)));
                        continue;
                    }
                    let is_ours = [context.ours.voice_url(), context.ours.status_callback_url()]
                        .iter()
                        .any(|url| after.url.as_ref() == Some(url));
                    let after = match (&after.url, is_ours) {
                        (Some(url), true) => url.clone(),
                        _ => shown(after),
                    };
                    tell(format_args!("  {what}{} -> {after}", shown(before)));
                }
                show_agent(entered.as_ref(), number, context);
            }
        }
    }
}

fn show_agent(entered: Option<&Entered>, number: &PhoneNumber, context: &Context) {
    let file = context.agents_file.display();
    let status = &number.settings.status_callback;
    let own = match &number.settings.voice {
        voice if voice.url.is_none() || context.ours.is_voice(voice, status) => String::new(),
        voice => format!("; its calls go on to {}", shown(voice)),
    };
    match entered {
        Some(Entered::Added(id)) => tell(format_args!("  agent {id:?} is added to {file}{own}")),
        Some(Entered::Known(id)) => tell(format_args!("  agent {id:?} of {file}{own}")),
        None => {}
    }
    if status.url.is_some() && !context.ours.is_status_callback(status, &number.settings.voice) {
        tell("  its former status callback goes on to receive each one");
    }
}
