//! What the command does with journals beside serving from them: `backup`, `journal copy` and
//! `journal repair`. Of several shards each works on the journals of all that the settings have here.

mod args;
mod backup;
mod copying;
mod lines;
mod places;
mod repair;

use std::io;
use std::path::PathBuf;

use clap::Subcommand;
use live_users_http_kit::{ConfigErrors, Env, SettingsReader};

use self::args::{JournalTool, OneShard, RepairArgs};
use self::copying::Journals;
use self::places::Places;
use crate::config::JOURNAL_URL_DEFAULT;

/// A command that works on journals.
#[derive(Debug, Subcommand)]
pub enum Tool {
    /// Copies the journal of JOURNAL_URL into a new file; a backend may be using it. With SHARDS, those
    /// of all shards that are here into a new directory
    Backup {
        /// The copy, which must not exist yet; with SHARDS, a directory that JOURNAL_URL can name
        file: PathBuf,
        /// Which of several shards, if not all
        #[command(flatten)]
        shard: OneShard,
    },
    /// Works on journals of any engine
    #[command(subcommand)]
    Journal(JournalTool),
}

impl Tool {
    /// Does it.
    ///
    /// # Errors
    /// If arguments or settings cannot be used. Inside, if there is no such journal, if it is in
    /// use where it may not be, if the target exists or has something in it, or if reading or
    /// writing fails.
    pub fn run(self, env: &Env) -> Result<io::Result<()>, ConfigErrors> {
        let mut reader = SettingsReader::new(env);
        let url = env.get("JOURNAL_URL").unwrap_or(JOURNAL_URL_DEFAULT);
        match self {
            Self::Backup { file, shard } => {
                let places = Places::read(&mut reader, shard);
                let places = reader.finish(places)?;
                Ok(backup::run(url, &places, &file).map_err(|error| named(env, error)))
            }
            Self::Journal(JournalTool::Copy(args)) => {
                let places = Places::read(&mut reader, args.shard);
                let (places, journals) = (reader.finish(places)?, Journals::read(env, args)?);
                Ok(copying::run(&journals, &places))
            }
            Self::Journal(JournalTool::Repair(RepairArgs { write, shard, time: _ })) => {
                let rules = repair::read_rules(&mut reader);
                let places = Places::read(&mut reader, shard);
                let (places, rules) = reader.finish((places, rules))?;
                Ok(repair::run((url, &places), rules, write).map_err(|error| named(env, error)))
            }
        }
    }
}

/// The error that there is no journal with the setting that names it, and any other one as it is.
fn named(env: &Env, error: io::Error) -> io::Error {
    let text = error.to_string();
    let setting = match env.get("JOURNAL_URL") {
        _ if !text.contains("there is no log") => return error,
        Some(_) => "JOURNAL_URL".to_owned(),
        None => format!("JOURNAL_URL is not set, and {JOURNAL_URL_DEFAULT} is its default"),
    };
    io::Error::new(error.kind(), format!("{setting}: {text}"))
}
