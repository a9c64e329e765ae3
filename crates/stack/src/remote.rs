//! The commands that ask a server which runs already: a backend or a proxy.

mod alerts;
mod calls;
mod find;
mod links;
mod refusal;
mod server;
mod shards;
mod status;
mod table;
mod watch;

use std::fmt;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use live_users_http_kit::Env;

pub(crate) use self::refusal::of_each;
use self::server::Server;
pub(crate) use self::server::check_url;
use crate::Failure;
use crate::args::Ports;

/// A command for a server that runs already.
#[derive(Debug, Subcommand)]
pub(crate) enum Remote {
    /// Show the number, how sure it is, everybody on the line, and each agent.
    Status(Target),
    /// List the calls that are up, also those that nobody has answered yet, the longest first.
    Calls {
        #[command(flatten)]
        which: calls::Which,
        #[command(flatten)]
        target: Target,
    },
    /// Show which alerts fire, and what has happened to them lately; with `test ID`, have the hooks of
    /// an alert told that it is tested.
    #[command(args_conflicts_with_subcommands = true)]
    Alerts {
        #[command(subcommand)]
        order: Option<alerts::Order>,
        #[command(flatten)]
        target: Target,
    },
    /// Explain why a call is counted, or is not. The id may be that of its source alone.
    Explain(OneCall),
    /// Take a call out of the number for good. The phone call itself goes on.
    Evict(OneCall),
    /// List the shared links, or make and revoke them.
    Links(links::Links),
    /// Follow the number: a line for each change, until Ctrl-C. Where nothing runs and Twilio can be
    /// asked, it starts the service, too.
    Watch(Target),
}

/// One call at a server.
#[derive(Debug, Args)]
pub(crate) struct OneCall {
    /// The id of the call.
    #[arg(value_name = "CALLSID")]
    call_sid: String,
    #[command(flatten)]
    target: Target,
}

/// Which server is asked, and how.
#[derive(Args, Clone)]
pub(crate) struct Target {
    /// The server: a backend or a proxy. Not set: http://127.0.0.1 at --backend-port.
    #[arg(long)]
    url: Option<String>,
    /// The API_TOKEN of a backend, or the ADMIN_TOKEN of a proxy. Other users of this machine can see
    /// an argument, so set LIVE_USERS_TOKEN instead. Not set: LIVE_USERS_TOKEN, API_TOKEN,
    /// ADMIN_TOKEN, or for a server on this machine the token that is kept beside the journal.
    #[arg(long)]
    token: Option<String>,
    /// Only this one of several shards, from 0: of a proxy, or of a backend that has it.
    #[arg(long, value_name = "K")]
    shard: Option<usize>,
    /// Tell what the server says, as JSON.
    #[arg(long)]
    json: bool,
}

/// Neither the token nor the address, which may have a password in it.
impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Target").field("json", &self.json).finish_non_exhaustive()
    }
}

impl Remote {
    /// Does it.
    pub(crate) async fn run(self, ports: &Ports) -> Result<ExitCode, Failure> {
        let env = Env::process();
        let server = |target: &Target| Server::new(target, ports, &env);
        match self {
            Self::Status(target) => status::run(&server(&target)?, target.json).await,
            Self::Calls { which, target } => {
                calls::list(&server(&target)?, &which, target.json).await
            }
            Self::Alerts { order, target } => alerts::run(order, target, server).await,
            Self::Explain(OneCall { call_sid, target }) => {
                calls::explain(&server(&target)?, &call_sid, target.json).await
            }
            Self::Evict(OneCall { call_sid, target }) => {
                calls::evict(&server(&target)?, &call_sid, target.json).await
            }
            Self::Links(links) => links.run(server).await,
            Self::Watch(target) => watch::run(&target, ports, &env).await,
        }
    }
}
