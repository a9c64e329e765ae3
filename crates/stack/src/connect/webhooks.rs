//! Whether signed webhooks to `PUBLIC_URL` reach the backend. Nothing is counted or changed.

use super::Context;
use crate::own_server::{Check, NotReady, WEBHOOKS, nonce};
use crate::welcome::how_to_run;
use crate::{Failure, tell};

impl Context {
    /// Twilio must not be sent to an address where nobody answers for us.
    pub(super) async fn check_webhooks(&self) -> Result<(), Failure> {
        if let Err(NotReady::Answered(why)) = self.server.ready().await {
            let url = self.server.url();
            return Err(Failure::run(format!(
                "the backend at {url} is not ready: {why}. Nothing was changed"
            )));
        }
        let (nonce, base) = (nonce()?, self.ours.base());
        // Without the token, the next step fails and says so.
        let instance = self.server.setup().await.ok().map(|it| it.instance);
        for path in WEBHOOKS {
            let why = match self.server.check(&self.token, base, path, &nonce).await {
                Check::Answered(it)
                    if self.is_shared || instance.as_ref().is_none_or(|own| *own == it) =>
                {
                    continue;
                }
                Check::Answered(_) => {
                    format!(
                        "another process answers there than the backend at {}",
                        self.server.url()
                    )
                }
                Check::Wrong(why) | Check::Silent(why) => why,
            };
            return Err(Failure::run(format!(
                "a signed webhook to {base}{path} is not accepted: {why}. Nothing was changed. \
                 Start the server with this PUBLIC_URL and TWILIO_AUTH_TOKEN, and see {}; \
                 --unchecked goes on without this check",
                how_to_run("doctor")
            )));
        }
        tell(format_args!("\nSigned webhooks to {base} are accepted."));
        Ok(())
    }
}
