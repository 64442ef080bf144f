//! What is asked of flag systems and ordered, in the words of feature flags.

use crate::clock::Clock;
use crate::feature_flags::{Answer, Permission};
use crate::net::Endpoint;
use crate::net::address::{self, NoAddress};
use crate::net::client::{Client as System, NotTaken, Purpose};
use crate::net::http::{Lost, Reply, RetryHint};
use crate::net::recent::Recent;
use crate::rollback::Blocked;
use chrono::TimeDelta;
use reqwest::header::HeaderMap;
use reqwest::{RequestBuilder, Url};
use std::convert::Infallible;
use std::ops::Deref;

/// What a flag system is spoken to for.
const PURPOSE: Purpose = Purpose { table: "flags", deed: "turn it off" };

/// How long an answer about our permission holds: rights change when somebody changes them.
const HOLDS: TimeDelta = TimeDelta::minutes(5);

/// Talks to one flag system.
pub(in crate::systems) struct Client {
    system: System,
    permission: Recent<Permission>,
}

impl Deref for Client {
    type Target = System;

    fn deref(&self) -> &System {
        &self.system
    }
}

impl Client {
    /// Connects to nothing yet. `headers` are what it is known by.
    pub(in crate::systems) fn new(
        name: &'static str,
        endpoint: &Endpoint,
        headers: HeaderMap,
        hint: RetryHint,
        clock: Clock,
    ) -> Result<Self, String> {
        let system = System::new(name, PURPOSE, endpoint, headers, hint, clock).map_err(|blocked| blocked.reason)?;
        Ok(Self { system, permission: Recent::new(HOLDS) })
    }

    /// What it said of our permission a moment ago, else what `ask` hears now.
    pub(in crate::systems) async fn permission_lately(&self, ask: impl Future<Output = Permission>) -> Permission {
        let ask = async { Ok::<_, Infallible>(ask.await) };
        let Ok(permission) = self.permission.get("", self.now(), ask).await;
        permission
    }

    /// Sends what only tries, and says whether the real one would be taken. `own` as with [`Self::turn_off`].
    pub(in crate::systems) async fn try_to_turn_off(
        &self,
        request: RequestBuilder,
        own: impl FnOnce(&Reply) -> Option<Blocked>,
    ) -> Permission {
        let reply = match self.ask(request).await {
            Ok(reply) => reply,
            Err(Lost::NotSent(error) | Lost::Unknown(error)) => return Permission::Untold(error.to_string()),
        };
        if reply.is_success() {
            return Permission::Given;
        }
        match self.refusal(&reply, |reply| own(reply).or_else(|| self.refused(reply))) {
            NotTaken::Refused(blocked) if matches!(reply.status, 401 | 403 | 405) => Permission::Denied(blocked),
            NotTaken::Refused(Blocked { reason, .. }) | NotTaken::Unknown(reason) => Permission::Untold(reason),
        }
    }

    /// Sends what turns a flag off, once. `own` knows the refusals that only this system has.
    pub(in crate::systems) async fn turn_off(
        &self,
        request: RequestBuilder,
        own: impl FnOnce(&Reply) -> Option<Blocked>,
    ) -> Answer {
        let sent = self.order(request, |reply| own(reply).or_else(|| self.refused(reply))).await;
        sent.map_or_else(Answer::from, |_| Answer::Accepted)
    }

    /// What all flag systems mean by a refusal.
    fn refused(&self, reply: &Reply) -> Option<Blocked> {
        let name = self.name();
        let way_out = match reply.status {
            // These mean the same of every system.
            300..=399 | 401 => return None,
            403 => format!("give the token the right to change flags, or turn it off in {name} manually"),
            404 => "compare its key, project and environment with this environment's flags".to_owned(),
            _ => format!("turn it off in {name} manually"),
        };
        Some(self.misread(reply)?.blocked(&way_out))
    }
}

/// An address with `$feature` and `$environment` filled in; neither can change more than its own place in it.
pub(in crate::systems) fn address(template: &str, key: &str, environment: &str) -> Result<Url, String> {
    let value = |name: &str| match name {
        "feature" => Some(key),
        "environment" => Some(environment),
        _ => None,
    };
    address::filled(template, value).map_err(|error| match error {
        NoAddress::Unknown(other) => format!("${other} is not a variable of a flag's address"),
        NoAddress::NotHttp => "it is no http or https address once $feature and $environment are filled in".to_owned(),
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_flag_s_key_cannot_lead_an_address_elsewhere() {
        let off = |key| address("https://flags.example.com/$environment/${feature}/off?by=$feature", key, "live");
        assert_eq!(off("new-cart").unwrap().as_str(), "https://flags.example.com/live/new-cart/off?by=new-cart");
        assert_eq!(
            off("../x@evil?").unwrap().as_str(),
            "https://flags.example.com/live/..%2Fx%40evil%3F/off?by=..%2Fx%40evil%3F"
        );
        assert!(address("https://flags.example.com/$who", "a", "b").is_err());
    }
}
