//! `live-users links`: who reads by a link, made and revoked.

use std::process::ExitCode;

use clap::{Args, Subcommand, ValueEnum};
use live_users_wire::{
    LinkInfo, LinkList, LinkMade, LinkRevoked, LinkScope, LinkView, NewLink, True,
};
use reqwest::Method;

use super::Target;
use super::server::Server;
use super::table::table;
use crate::credential::Kind;
use crate::terminal::shown;
use crate::{Failure, tell};

/// The shared links, and what becomes of them.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Links {
    #[command(subcommand)]
    action: Option<Action>,
    #[command(flatten)]
    target: Target,
}

/// What the help shows below the arguments of `create`.
const EXAMPLES: &str = "Examples:
  live-users links create \"Lobby\" --scope total --view wallboard --expires 30d
  live-users links create \"Booking team\" --scope agent:booking --expires 12h
  live-users links create \"Acme\" --scope account:acme --expires 90d";

#[derive(Debug, Subcommand)]
enum Action {
    /// Share a link: of the page, unless --view says wallboard. Its token is shown this once.
    #[command(after_help = EXAMPLES)]
    Create {
        /// What people call it.
        name: String,
        /// What its readers see: all, total, agent:ID or account:ID.
        #[arg(long, value_parser = scope)]
        scope: LinkScope,
        /// What it shows. Not set: the page.
        #[arg(long, value_enum, default_value_t = View::Page)]
        view: View,
        /// When it ends: a span such as 12h or 30d, or a moment (RFC 3339); at most 366d.
        #[arg(long)]
        expires: String,
        #[command(flatten)]
        target: Target,
    },
    /// Revoke a link: it opens nothing any more.
    Revoke {
        /// The id of the link, as the list has it.
        #[arg(value_parser = id)]
        id: String,
        #[command(flatten)]
        target: Target,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum View {
    /// The page, with the calls.
    Page,
    /// The wallboard: numbers, and no call.
    Wallboard,
}

impl Links {
    /// Does it at the server that is meant.
    pub(super) async fn run(
        self,
        server: impl Fn(&Target) -> Result<Server, Failure>,
    ) -> Result<ExitCode, Failure> {
        match self.action {
            None => list(&server(&self.target)?, self.target.json).await,
            Some(Action::Create { name, scope, view, expires, target }) => {
                let view = match view {
                    View::Page => LinkView::Page,
                    View::Wallboard => LinkView::Wallboard,
                };
                let new = NewLink { name, scope, view, expires };
                create(&server(&target)?, &new, target.json).await
            }
            Some(Action::Revoke { id, target }) => {
                revoke(&server(&target)?, &id, target.json).await
            }
        }
    }
}

async fn list(server: &Server, is_json: bool) -> Result<ExitCode, Failure> {
    let answer = server.ask(Method::GET, "/links").await.map_err(|it| server.failure(&it))?;
    if is_json {
        tell(answer);
        return Ok(ExitCode::SUCCESS);
    }
    let LinkList { links, .. } = server.read(&answer)?;
    let rows: Vec<_> = links.iter().map(row).collect();
    table(&["ID", "SHOWS", "OF", "ENDS", "LAST USED", "NAME"], &rows).iter().for_each(tell);
    Ok(ExitCode::SUCCESS)
}

async fn create(server: &Server, new: &NewLink, is_json: bool) -> Result<ExitCode, Failure> {
    let (answer, kind) = server.order("/links", new).await.map_err(|it| server.failure(&it))?;
    if is_json {
        tell(answer);
        return Ok(ExitCode::SUCCESS);
    }
    let LinkMade { link, token } = server.read(&answer)?;
    let [id, view, scope, expires, ..] = row(&link).map(|it| shown(&it));
    tell(format!("{id} is shared until {expires}: the {view} of {scope}."));
    let path = format!("/view#token={}", shown(&token));
    match (kind, &server.proxy_beside) {
        (Kind::Proxy, _) => {
            tell(format!("Open it at {}{path}", server.base));
            if server.is_on_loopback() {
                let base = &server.base;
                tell(format!("From another machine, put the proxy's address in place of {base}."));
            }
        }
        (_, Some(beside)) => {
            tell(format!("Open it at {beside}{path}"));
            tell(
                "That is the proxy of `live-users` on this machine (--proxy-port). Where your proxy",
            );
            tell(format!("has another address, put it in place of {beside}."));
        }
        (_, None) => {
            tell("Open it at your proxy, whose address the backend does not know. Put it before");
            tell(path);
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn revoke(server: &Server, id: &str, is_json: bool) -> Result<ExitCode, Failure> {
    let path = format!("/links/{id}/revoke");
    let answer = server.ask(Method::POST, &path).await.map_err(|it| server.failure(&it))?;
    if is_json {
        tell(answer);
        return Ok(ExitCode::SUCCESS);
    }
    let LinkRevoked { link } = server.read(&answer)?;
    tell(format!("{} is revoked: {}", shown(&link.id), shown(&link.name)));
    Ok(ExitCode::SUCCESS)
}

fn row(link: &LinkInfo) -> [String; 6] {
    let view = match link.view {
        LinkView::Page => "page",
        LinkView::Wallboard => "wallboard",
    };
    let scope = match &link.scope {
        LinkScope::All(True) => "all".to_owned(),
        LinkScope::Total(True) => "total".to_owned(),
        LinkScope::Agent(id) => format!("agent:{id}"),
        LinkScope::Account(id) => format!("account:{id}"),
    };
    let used = link.last_used.clone().unwrap_or_else(|| "never".to_owned());
    [link.id.clone(), view.to_owned(), scope, link.expires.clone(), used, link.name.clone()]
}

fn scope(text: &str) -> Result<LinkScope, String> {
    match text.split_once(':') {
        None if text == "all" => Ok(LinkScope::All(True)),
        None if text == "total" => Ok(LinkScope::Total(True)),
        Some(("agent", id)) => Ok(LinkScope::Agent(id.to_owned())),
        Some(("account", id)) => Ok(LinkScope::Account(id.to_owned())),
        _ => Err("expected all, total, agent:ID or account:ID".to_owned()),
    }
}

/// It becomes a part of a path, and must not lead elsewhere.
fn id(text: &str) -> Result<String, String> {
    let is_id = text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_id.then(|| text.to_owned()).ok_or_else(|| "expected 16 hexadecimal digits".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_is_read_as_the_list_writes_it() {
        for text in ["all", "total", "agent:booking", "account:acme"] {
            let link = LinkInfo {
                id: "0a".to_owned(),
                name: "n".to_owned(),
                scope: scope(text).expect("a scope"),
                view: LinkView::Page,
                created: "c".to_owned(),
                expires: "e".to_owned(),
                last_used: None,
            };
            assert_eq!(row(&link)[2], text);
        }
        for wrong in ["", "agents:a", "booking", "all:a"] {
            assert!(scope(wrong).is_err(), "{wrong}");
        }
    }
}
