//! What the commands take.

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, Subcommand};

/// A command behind `journal`.
#[derive(Debug, Subcommand)]
pub enum JournalTool {
    /// Brings the state of one journal into another one, which is empty, of any engine. With SHARDS, that
    /// of each shard that is here
    Copy(CopyArgs),
    /// Mends the journal of JOURNAL_URL; shows what it would do unless --write is given. With SHARDS,
    /// those of all shards that are here
    Repair(RepairArgs),
}

/// Which of several shards.
#[derive(Clone, Copy, Debug, Args)]
pub struct OneShard {
    /// Only this one of the shards that are here
    #[arg(long, value_name = "K")]
    pub(super) shard: Option<usize>,
}

/// The arguments of `journal repair`.
#[derive(Clone, Copy, Debug, Args)]
pub struct RepairArgs {
    /// Sets back the times that lie ahead of this machine's clock, which has to be right
    #[arg(long, required = true)]
    pub(super) time: bool,
    /// Writes the mended journal into its place, and keeps the old one beside it
    #[arg(long)]
    pub(super) write: bool,
    #[command(flatten)]
    pub(super) shard: OneShard,
}

/// The arguments of `journal copy`.
#[derive(Debug, Args)]
pub struct CopyArgs {
    /// The journal to read, as JOURNAL_URL names it; JOURNAL_URL if it is left out
    #[arg(long, value_name = "URL", value_parser = NonEmptyStringValueParser::new())]
    pub(super) from: Option<String>,
    /// The journal to fill, as JOURNAL_URL names it; JOURNAL_URL if it is left out
    #[arg(long, value_name = "URL", value_parser = NonEmptyStringValueParser::new())]
    pub(super) to: Option<String>,
    /// Makes a backup: backends may go on with a source on NATS. One on a disk is copied while it is in
    /// use by `backup`
    #[arg(long)]
    pub(super) in_use: bool,
    #[command(flatten)]
    pub(super) shard: OneShard,
}
