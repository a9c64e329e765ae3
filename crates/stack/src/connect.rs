//! `live-users connect`: points the numbers of a Twilio account to this server, and back.
//!
//! The order protects callers. What each number had is saved, and the agents file has where each
//! call goes on to, before the first number is changed. What fails half-way is undone.

mod agents_edit;
mod asked;
pub(crate) mod ours;
pub(crate) mod plan;
mod reach;
mod saved;
mod show;
mod undo;
mod webhooks;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::Args as Group;
use live_users_backend::TwilioApiSettings;
use live_users_http_kit::{Env, SettingsReader, shutdown_signal};
use live_users_intake::agents::DEFAULT_FILE;
use live_users_twilio::rest::{Failure as ApiFailure, PhoneNumber, VoiceSettings};
use sha2::{Digest, Sha256};

use self::agents_edit::{AgentsEdit, Entered};
use self::asked::{check_asked, e164, numbers_of};
use self::ours::Ours;
use self::plan::{Planned, Step};
use self::saved::{Saved, SavedFile, write_file};
use crate::account::{Account, is_same, remedy};
use crate::args::Ports;
use crate::credential::Credential;
use crate::own_server::{OwnServer, Reload, auth_token};
use crate::welcome::how_to_run;
use crate::{Failure, tell, tokens};

/// The name of the file that `--undo` works from.
const SAVED_FILE: &str = "connect.json";

/// The arguments of `connect`.
#[derive(Clone, Debug, Group)]
pub(crate) struct Connect {
    /// Show what would change, check that PUBLIC_URL reaches your server, and change nothing.
    #[arg(long)]
    dry_run: bool,
    /// Only this number, in E.164 (+12065550100); may be given several times. Numbers that a
    /// platform has set up, or that nothing answers, are connected only when they are named.
    #[arg(long = "number", value_name = "NUMBER", value_parser = e164)]
    numbers: Vec<String>,
    /// Give the numbers back what they had before, from the saved file.
    #[arg(long, conflicts_with = "unchecked")]
    undo: bool,
    /// Do not check first that PUBLIC_URL reaches your server, and that it has the agents.
    #[arg(long)]
    unchecked: bool,
    /// The API of the backend. Not set: the one at --backend-port of this machine.
    #[arg(long, value_name = "URL")]
    backend: Option<String>,
    /// What each number had before. Not set: connect.json in the directory of the journal.
    #[arg(long, value_name = "FILE")]
    saved: Option<PathBuf>,
}

/// What it works with.
struct Context {
    account: Account,
    ours: Ours,
    server: OwnServer,
    token: String,
    agents_file: PathBuf,
    saved_file: PathBuf,
    /// Whether several backends may answer, on one journal.
    is_shared: bool,
}

pub(crate) async fn run(ports: &Ports, args: &Connect) -> Result<ExitCode, Failure> {
    let context = Context::read(&Env::process(), ports, args)?;
    let _lock = if args.dry_run { None } else { Some(saved::lock(&context.saved_file)?) };
    if args.undo {
        return undo::run(&context, &numbers_of(&args.numbers), args.dry_run).await;
    }
    let saved = Saved::read(&context.saved_file)?;
    let given = saved.iter().flat_map(Saved::voice_urls).collect::<Vec<_>>();
    let context = Context { ours: context.ours.formerly(given), ..context };
    let asked = numbers_of(&args.numbers);
    let numbers = context.numbers().await?;
    check_asked(&asked, &numbers, &context.account.settings().account_sid)?;
    let mut planned = plan::plan(&numbers, &asked, &context.ours);
    let before = read_if_any(&context.agents_file)?;
    let mut edit = AgentsEdit::of(before.as_deref().unwrap_or_default())
        .map_err(|why| Failure::usage(format!("{}: {why}", context.agents_file.display())))?;
    let entered = enter(&mut planned, &mut edit, &context.ours);
    show::show(&planned, &entered, &context);
    reach::warnings(context.ours.base()).iter().for_each(tell);
    let is_nothing = !planned.iter().any(|it| matches!(it.step, Step::Connect(_)));
    let is_left =
        |it: &&Planned| asked.contains(&it.number.number) && matches!(it.step, Step::Left(_));
    if let Some(left) = planned.iter().find(is_left) {
        let why = "was named and cannot be connected, see above. Nothing was changed";
        return Err(Failure::run(format!("{} {why}", left.number.number)));
    }
    if is_nothing && !args.dry_run {
        tell("There is nothing to change.");
        return Ok(ExitCode::SUCCESS);
    }
    if !args.unchecked && !is_nothing {
        context.check_webhooks().await?;
    }
    if args.dry_run {
        if args.unchecked {
            tell("\nThat PUBLIC_URL reaches your server was not checked: --unchecked.");
        }
        tell("Nothing was changed: --dry-run.");
        return Ok(ExitCode::SUCCESS);
    }
    let change = Change { before, after: edit.text(), saved };
    context.prepare(&planned, &change)?;
    if let Err(failure) = context.agents_are_known(&change.after, args.unchecked).await {
        return Err(context.take_back(&[], &change, (failure, true)).await);
    }
    context.change(&planned, &change).await?;
    tell(format_args!("\nWhat the numbers had before is in {}.", context.saved_file.display()));
    tell(format_args!(
        "Call a number and look at the page. {} checks the rest;",
        how_to_run("doctor")
    ));
    tell(format_args!("{} brings everything back.", how_to_run("connect --undo")));
    Ok(ExitCode::SUCCESS)
}

/// What was there before, for the case that it has to be there again.
struct Change {
    /// The text of the agents file, before and after.
    before: Option<String>,
    after: String,
    /// The saved file.
    saved: Option<Saved>,
}

impl Context {
    /// Reads the settings. All that is wrong with them is told at once.
    fn read(env: &Env, ports: &Ports, args: &Connect) -> Result<Self, Failure> {
        let mut reader = SettingsReader::new(env);
        let settings = TwilioApiSettings::read(&mut reader);
        if reader.text("TWILIO_ACCOUNT_SID").is_none() {
            reader.error("TWILIO_ACCOUNT_SID is not set: it says whose numbers to connect");
        }
        reader.words("TWILIO_AUTH_TOKEN");
        reader.required("TWILIO_AUTH_TOKEN", "webhooks are signed with it");
        let public_url = match args.undo {
            true => reader.text("PUBLIC_URL").unwrap_or("https://unused.invalid"),
            false => {
                reader.required("PUBLIC_URL", "it is the address that Twilio will send webhooks to")
            }
        };
        match live_users_backend::check_public_url(public_url) {
            Err(why) if !public_url.is_empty() => {
                reader.error(format!("PUBLIC_URL cannot be used: expected {why}"));
            }
            Ok(()) if !reach::may_be_reached(public_url, settings.as_ref()) => reader.error(
                "PUBLIC_URL is an address that Twilio cannot reach: expected one of the internet, \
                 such as that of a reverse proxy or a tunnel",
            ),
            _ => {}
        }
        let agents_file = PathBuf::from(reader.text("AGENTS_FILE").unwrap_or(DEFAULT_FILE));
        let settings = reader.finish(settings).map_err(Failure::usage)?;
        let settings = settings.ok_or_else(|| Failure::usage("TWILIO_ACCOUNT_SID is not set"))?;
        let folder = tokens::directory(env).unwrap_or_default();
        let url = args.backend.clone();
        let url = url.unwrap_or_else(|| format!("http://127.0.0.1:{}", ports.backend_port));
        Ok(Self {
            account: Account::new(settings)?,
            ours: Ours::new(public_url),
            server: OwnServer::new(&url, Credential::of_api(env)?)?,
            token: auth_token(env),
            is_shared: env.get("JOURNAL_URL").is_some_and(|url| url.starts_with("nats")),
            // Whoever undoes it may be in another directory.
            agents_file: std::path::absolute(agents_file).map_err(Failure::run)?,
            saved_file: args.saved.clone().unwrap_or_else(|| folder.join(SAVED_FILE)),
        })
    }

    /// All numbers of the account.
    async fn numbers(&self) -> Result<Vec<PhoneNumber>, Failure> {
        let numbers = self.account.numbers().await.map_err(|failure| {
            let remedy = remedy(&failure, self.account.settings());
            Failure::run(format!("the phone numbers cannot be read: {failure}; {remedy}"))
        })?;
        Ok(numbers.numbers)
    }

    /// Saves what there was, and writes the agents file.
    fn prepare(&self, planned: &[Planned], change: &Change) -> Result<(), Failure> {
        let account_sid = &self.account.settings().account_sid;
        let mut saved = match &change.saved {
            Some(saved) if saved.account_sid == *account_sid => saved.clone(),
            Some(_) => {
                return Err(Failure::run(format!(
                    "{} is of another account; expected {account_sid}, or another --saved",
                    self.saved_file.display()
                )));
            }
            None => Saved::new(account_sid),
        };
        for Planned { number, step } in planned {
            if let Step::Connect(settings) = step {
                saved.add(number, settings, &self.ours);
            }
        }
        if change.before.as_ref() != Some(&change.after) {
            // What stands there from before the first time is kept.
            let known = saved.agents_file.take().filter(|it| {
                it.path == self.agents_file && Some(&it.after) == change.before.as_ref()
            });
            saved.agents_file = Some(SavedFile {
                path: self.agents_file.clone(),
                before: known.map_or(change.before.clone(), |it| it.before),
                after: change.after.clone(),
            });
        }
        saved.write(&self.saved_file)?;
        if change.before.as_ref() == Some(&change.after) {
            return Ok(());
        }
        write_file(&self.agents_file, &change.after, None).map_err(|error| {
            self.forget(change);
            let file = self.agents_file.display();
            Failure::run(format!("cannot write {file}: {error}. Nothing was changed in Twilio"))
        })
    }

    /// Has the backend read the agents file, and checks that it knows the numbers: a caller would
    /// hear the built-in conversation otherwise.
    async fn agents_are_known(&self, text: &str, unchecked: bool) -> Result<(), Failure> {
        let (file, url) = (self.agents_file.display(), self.server.url());
        let why = match self.server.reload_agents().await {
            Reload::Done(sha256) if unchecked || sha256 == digest(text) => return Ok(()),
            Reload::Done(_) => {
                format!("the backend at {url} has another agents file; give it {file}")
            }
            Reload::Refused(why) => format!("the backend at {url} cannot take {file}: {why}"),
            Reload::Unknown(_) if unchecked => return Ok(()),
            Reload::Unknown(why) => format!(
                "the backend at {url} cannot be told to read {file}: {why}. --backend names another \
                 one"
            ),
        };
        Err(Failure::run(why))
    }

    /// Changes number by number. If one fails, all are given back what they had.
    async fn change(&self, planned: &[Planned], change: &Change) -> Result<(), Failure> {
        let mut touched = Vec::new();
        let stopped = Arc::new(AtomicBool::new(false));
        let stop = Arc::clone(&stopped);
        tokio::spawn(async move {
            shutdown_signal().await;
            stop.store(true, Ordering::Relaxed);
        });
        for Planned { number, step } in planned {
            let Step::Connect(settings) = step else { continue };
            if stopped.load(Ordering::Relaxed) {
                let failure = Failure::run("it was stopped");
                return Err(self.take_back(&touched, change, (failure, true)).await);
            }
            touched.push(number);
            if let Err(failure) = self.account.set(&number.sid, settings).await {
                let remedy = remedy(&failure, self.account.settings());
                // Without an answer the change may still be made, after ours is undone.
                let is_certain = !matches!(failure, ApiFailure::Timeout | ApiFailure::Unreachable);
                let failure = Failure::run(format!(
                    "{} cannot be changed: {failure}; {remedy}",
                    number.number
                ));
                return Err(self.take_back(&touched, change, (failure, is_certain)).await);
            }
            tell(format_args!("{}: connected", number.number));
        }
        Ok(())
    }

    /// The saved file is as it was: nothing of this run is left to undo.
    fn forget(&self, change: &Change) {
        let restored = match &change.saved {
            Some(saved) => saved.write(&self.saved_file),
            None => std::fs::remove_file(&self.saved_file).map_err(Failure::run),
        };
        if let Err(Failure { message, .. }) = restored {
            log::warn!("{} has more than is to undo: {message}", self.saved_file.display());
        }
    }

    /// Undoes what was done so far, and adds to the failure what could not be undone. The last
    /// number is among them: its change may have been made although nobody said so.
    async fn take_back(
        &self,
        touched: &[&PhoneNumber],
        change: &Change,
        (failure, is_certain): (Failure, bool),
    ) -> Failure {
        let mut left = Vec::new();
        for (n, number) in touched.iter().enumerate() {
            let now = self.account.number(&number.sid).await;
            if is_certain && now.is_ok_and(|now| is_same(&now.settings, &number.settings)) {
                continue;
            }
            if let Err(why) = self.account.set(&number.sid, &number.settings).await {
                left.push(format!("{} may have the new URLs: {why}", number.number));
            } else if !is_certain && n + 1 == touched.len() {
                left.push(format!("{} may still get the new URLs", number.number));
            }
        }
        // As long as a number has the new URLs, its callers need the agents file.
        if left.is_empty() && change.before.as_ref() != Some(&change.after) {
            let file = self.agents_file.display();
            let before = change.before.as_deref();
            if let Err(error) = undo::restore(self, &self.agents_file, before).await {
                left.push(format!("{file} has the new agents: {error}"));
            }
        }
        let end = match left.is_empty() {
            true => {
                self.forget(change);
                "Everything is as it was".to_owned()
            }
            false => format!(
                "Not everything could be taken back: {}. {} tries again",
                left.join("; "),
                how_to_run("connect --undo")
            ),
        };
        Failure { message: format!("{}. {end}", failure.message), code: failure.code }
    }
}

/// What a number had after it was connected, if it was.
pub(crate) fn saved_settings(file: &Path, sid: &str) -> Option<VoiceSettings> {
    let saved = Saved::read(file).ok()??;
    saved.numbers.iter().find(|it| it.sid == sid).map(|it| it.after.settings())
}

/// Enters the numbers into the agents file. One that it cannot take is left as it is.
fn enter(planned: &mut [Planned], edit: &mut AgentsEdit, ours: &Ours) -> Vec<Option<Entered>> {
    let enter = |it: &mut Planned| {
        if !matches!(it.step, Step::Connect(_)) {
            return None;
        }
        match edit.enter(&it.number, ours) {
            Ok(entered) => Some(entered),
            Err(why) => {
                it.step = Step::Left(format!("the agents file cannot have it: {why}"));
                None
            }
        }
    };
    planned.iter_mut().map(enter).collect()
}

fn digest(text: &str) -> Option<String> {
    Some(Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect())
}

fn read_if_any(path: &Path) -> Result<Option<String>, Failure> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Failure::run(format!("cannot read {}: {error}", path.display()))),
    }
}
