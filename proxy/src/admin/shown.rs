//! What a request can show, and what that opens.

use std::sync::Arc;

use live_users_wire::Role;

use super::auth_error::AuthError;
use super::session::Claims;
use crate::scope::Scope;

/// What an admin has shown.
pub(super) enum ShownBy {
    /// `ADMIN_TOKEN`, which does not end while this process runs.
    Token,
    /// The token of an account.
    AccountToken(Arc<Scope>),
    /// The cookie of a session.
    Session(Claims),
}

/// A request below the path of this link: in it counts the session of the link, and no admin's.
#[derive(Clone, Debug)]
pub(crate) struct ViewOf(pub(crate) String);

/// Whose token is shown.
pub(super) enum Judged {
    /// This one of the admins' tokens.
    Admin(usize),
    /// The token of an account, or of a link.
    Account(Arc<Scope>),
}

/// How lately the backend has to have said whose token it is.
#[derive(Clone, Copy)]
pub(super) enum Freshness {
    /// For this very request.
    Now,
    /// Some seconds ago.
    Lately,
}

impl ShownBy {
    /// What of everything it opens; `None` for all of it.
    pub(super) fn scope(&self) -> Option<&Arc<Scope>> {
        match self {
            Self::Token => None,
            Self::AccountToken(scope) => Some(scope),
            Self::Session(claims) => claims.scope.as_ref(),
        }
    }

    /// Whether it opens what takes calls out of the count.
    ///
    /// # Errors
    /// If not.
    pub(super) fn check_operates(&self) -> Result<(), AuthError> {
        match self.scope().map(|scope| scope.role) {
            None | Some(Role::Operate) => Ok(()),
            Some(Role::Read) => Err(AuthError::Role("a token with the role operate")),
        }
    }

    /// Whether it opens everything.
    ///
    /// # Errors
    /// If not.
    pub(super) fn check_unscoped(&self) -> Result<(), AuthError> {
        match self.scope() {
            None => Ok(()),
            Some(_) => Err(AuthError::Role("ADMIN_TOKEN, or a session that it has begun")),
        }
    }
}
