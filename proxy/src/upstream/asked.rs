//! Which total the backend is asked for.

use std::sync::Arc;

use live_users_wire::ACCESS_HEADER;
use reqwest::{RequestBuilder, Url};

use crate::scope::Scope;

/// The total of one agent, instead of that of all.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct AgentTotal {
    /// The id of the agent.
    pub(crate) id: String,
    /// Whether it is read as everybody may: then the agent has to be public, whatever the proxy's own
    /// token opens.
    pub(crate) for_everybody: bool,
}

/// Which total the backend is asked for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Asked {
    /// Of one agent; `None` for all.
    pub(crate) agent: Option<AgentTotal>,
    /// Whose calls; `None` for all.
    pub(crate) scope: Option<Arc<Scope>>,
}

impl Asked {
    /// What no two that differ have in common.
    pub(super) fn key(&self) -> String {
        let access = self.scope.as_ref().map(|scope| scope.access()).unwrap_or_default();
        match &self.agent {
            // No access has a line break: it is a header.
            Some(agent) => format!("{access}\n{}\n{}", agent.for_everybody, agent.id),
            None => access.to_owned(),
        }
    }

    /// Whether everybody may read it where the total is public, so that a token is not needed.
    pub(super) fn is_for_everybody(&self) -> bool {
        self.scope.is_none() && self.agent.as_ref().is_none_or(|agent| agent.for_everybody)
    }

    /// Puts it into the query, for a backend that is shown a token, or not.
    pub(super) fn add_to_query(&self, url: &mut Url, shows_token: bool) {
        let Some(agent) = &self.agent else { return };
        url.query_pairs_mut().append_pair("agent", &agent.id);
        if agent.for_everybody && shows_token {
            url.query_pairs_mut().append_pair("public", "true");
        }
    }

    /// Puts into the headers whose calls it is of.
    pub(super) fn add_to_headers(&self, request: RequestBuilder) -> RequestBuilder {
        match &self.scope {
            Some(scope) => request.header(ACCESS_HEADER, scope.access()),
            None => request,
        }
    }

    /// Whether an answer is what was asked for. A backend of before there were such answers tells the
    /// total of all, whatever is asked.
    pub(super) fn is_answered_by(&self, agent: Option<&str>) -> bool {
        self.agent.as_ref().map(|agent| agent.id.as_str()) == agent
    }
}
