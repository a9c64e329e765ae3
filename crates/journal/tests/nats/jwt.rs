//! An operator of a NATS service, who gives an account and its users their JWTs (signed by
//! nkeys, as `nsc` makes them).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use nkeys::KeyPair;
use serde_json::{Value, json};

pub(super) struct Operator {
    own: KeyPair,
    account: KeyPair,
}

impl Operator {
    pub(super) fn new() -> Self {
        Self { own: KeyPair::new_operator(), account: KeyPair::new_account() }
    }

    /// Lines of a server that trusts this operator and knows the account.
    pub(super) fn config(&self) -> String {
        let operator = claims(&self.own, &self.own, None, json!({ "type": "operator" }));
        let limits = json!({
            "subs": -1, "data": -1, "payload": -1, "imports": -1, "exports": -1, "wildcards": true,
            "conn": -1, "leaf": -1,
        });
        let mut with_streams = limits.clone();
        for limit in ["mem_storage", "disk_storage", "streams", "consumer"] {
            with_streams[limit] = (-1).into();
        }
        let jwt_of = |of: &KeyPair, limits: Value| {
            let account = json!({ "type": "account", "limits": limits });
            format!("{}: \"{}\"", of.public_key(), claims(&self.own, of, None, account))
        };
        // A server does not start JetStream without an account for itself.
        let system = KeyPair::new_account();
        format!(
            "operator: \"{operator}\"\nsystem_account: {}\nresolver: MEMORY\n\
             resolver_preload: {{ {}, {} }}\n",
            system.public_key(),
            jwt_of(&system, limits),
            jwt_of(&self.account, with_streams),
        )
    }

    /// A file of credentials for a new user, valid until this second since the Unix epoch.
    pub(super) fn credentials(&self, until_s: u64) -> String {
        let user = KeyPair::new_user();
        let rights = json!({ "type": "user", "subs": -1, "data": -1, "payload": -1 });
        let jwt = claims(&self.account, &user, Some(until_s), rights);
        let seed = user.seed().expect("it has one");
        format!(
            "-----BEGIN NATS USER JWT-----\n{jwt}\n------END NATS USER JWT------\n\n\
             -----BEGIN USER NKEY SEED-----\n{seed}\n------END USER NKEY SEED------\n"
        )
    }
}

fn claims(by: &KeyPair, of: &KeyPair, until_s: Option<u64>, mut nats: Value) -> String {
    nats["version"] = 2.into();
    let mut body = json!({ "jti": of.public_key(), "iat": 1, "iss": by.public_key(),
        "sub": of.public_key(), "name": "test", "nats": nats });
    if let Some(until_s) = until_s {
        body["exp"] = until_s.into();
    }
    let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let head = part(json!({ "typ": "JWT", "alg": "ed25519-nkey" }));
    let text = format!("{head}.{}", part(body));
    let signature = by.sign(text.as_bytes()).expect("it can sign");
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature))
}
