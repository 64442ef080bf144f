//! The `Lease` (`coordination.k8s.io/v1`) that prevents two people, or a person and the automation, from acting
//! at the same time. It is beside each request's own `test`s, not instead of them.

use crate::clock::Clock;
use crate::cluster::Cluster;
use crate::deploy::Time;
use crate::rollback::destination::patch::{add, test};
use crate::rollback::lease::{Holder, Holding, LASTS, LeaseCall};
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use json_patch::PatchOperation;
use kube::core::Request;
use kube::core::params::{GetParams, Patch, PatchParams, PostParams};
use serde_json::{Value, json};
use std::sync::{Mutex, PoisonError};

/// Clocks of two machines may differ by this much before a lease that was never renewed under our eyes counts
/// as expired.
const SKEW: TimeDelta = TimeDelta::seconds(60);
/// How often somebody may be quicker before it is not asked for again.
const TRIES: usize = 3;
/// What it was taken for, for whoever is told to wait.
const WHAT: &str = "redflag.dev/what";

/// The lease of one environment, as one process sees it.
pub struct Lease {
    cluster: Cluster,
    clock: Clock,
    namespace: String,
    name: String,
    /// Unique to this watch: two terminals of the same person are two holders.
    identity: String,
    /// The last `renewTime` of somebody else that was seen, and when it was seen first: a lease that does not
    /// move while we look has expired, whatever its clock says.
    observed: Mutex<Option<(String, Time)>>,
}

/// Why there is no answer to go by.
enum Trouble {
    /// Another one was quicker; look again.
    Overtaken,
    /// It cannot be had.
    Unavailable(String),
}

impl Lease {
    /// The lease of an environment in a namespace, held by `actor`.
    pub fn new(cluster: Cluster, clock: Clock, namespace: &str, environment: &str, actor: &str) -> Self {
        let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
        let name: String = environment.chars().map(plain).collect();
        Self {
            cluster,
            clock,
            namespace: namespace.to_owned(),
            name: format!("redflag-{}", name.trim_matches('-')),
            identity: format!("{actor}#{:08x}", fastrand::u32(..)),
            observed: Mutex::new(None),
        }
    }

    /// The same, held under this name: the process that goes on with a watch has what the one before it had.
    #[must_use]
    pub fn named(mut self, id: u32) -> Self {
        let actor = self.identity.rsplit_once('#').map_or(self.identity.as_str(), |(actor, _)| actor);
        self.identity = format!("{actor}#{id:08x}");
        self
    }

    /// Does what is asked; says whose it is then. One to three requests, each with the cluster's timeout; more only while it
    /// changes hands.
    pub async fn call(&self, call: &LeaseCall) -> Holding {
        for _ in 0..TRIES {
            let done = match call {
                LeaseCall::Take(what) => self.take(what).await,
                LeaseCall::Renew => self.renew().await,
                LeaseCall::Release => return self.release().await,
            };
            match done {
                Ok(holding) => return holding,
                Err(Trouble::Unavailable(why)) => return Holding::Unavailable(why),
                Err(Trouble::Overtaken) => {}
            }
            // It was somebody else's a moment ago; a reading tells whose. Who was quicker may have given it back by now:
            // then whoever wants it tries again.
            match self.read().await {
                Ok(lease) => match lease.map_or(Holding::Nobody, |lease| self.holding(&lease)) {
                    Holding::Nobody if *call != LeaseCall::Renew => {}
                    holding => return holding,
                },
                Err(Trouble::Unavailable(why)) => return Holding::Unavailable(why),
                Err(Trouble::Overtaken) => {}
            }
        }
        Holding::Unavailable("its holder keeps changing".to_owned())
    }

    async fn take(&self, what: &str) -> Result<Holding, Trouble> {
        let Some(lease) = self.read().await? else {
            return self.create(what).await;
        };
        if let Holding::Theirs(holder) = self.holding(&lease)
            && !self.has_expired(&lease)
        {
            return Ok(Holding::Theirs(holder));
        }
        let transitions = lease["spec"]["leaseTransitions"].as_i64().unwrap_or(0) + 1;
        let now = self.now();
        let annotate = if lease["metadata"]["annotations"].is_object() {
            add(["metadata", "annotations", WHAT], what)
        } else {
            add(["metadata", "annotations"], json!({WHAT: what}))
        };
        self.patch(vec![
            // Whoever else takes the expired lease moves its version, and only one of the two succeeds.
            test(["metadata", "resourceVersion"], lease["metadata"]["resourceVersion"].clone()),
            add(["spec", "holderIdentity"], self.identity.as_str()),
            add(["spec", "leaseDurationSeconds"], LASTS.num_seconds()),
            add(["spec", "acquireTime"], now.as_str()),
            add(["spec", "renewTime"], now.as_str()),
            add(["spec", "leaseTransitions"], transitions),
            annotate,
        ])
        .await
    }

    async fn create(&self, what: &str) -> Result<Holding, Trouble> {
        let now = self.now();
        let lease = json!({
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": self.name, "namespace": self.namespace, "annotations": {WHAT: what}},
            "spec": {
                "holderIdentity": self.identity, "leaseDurationSeconds": LASTS.num_seconds(),
                "acquireTime": now, "renewTime": now, "leaseTransitions": 0,
            },
        });
        let request = self.resource().create(&PostParams::default(), lease.to_string().into_bytes());
        self.ask(request.map_err(|_| Trouble::Unavailable("cannot build the request".to_owned()))?, "create")
            .await
            .map(|_| Holding::Ours)
    }

    async fn renew(&self) -> Result<Holding, Trouble> {
        self.patch(vec![
            test(["spec", "holderIdentity"], self.identity.as_str()),
            add(["spec", "renewTime"], self.now()),
        ])
        .await
    }

    /// Gives it back, if it is ours. That it may not arrive does no harm: it expires.
    async fn release(&self) -> Holding {
        let _ = self
            .patch(vec![
                test(["spec", "holderIdentity"], self.identity.as_str()),
                add(["spec", "holderIdentity"], ""),
                add(["spec", "renewTime"], self.now()),
            ])
            .await;
        Holding::Nobody
    }

    async fn read(&self) -> Result<Option<Value>, Trouble> {
        let request = self.resource().get(&self.name, &GetParams::default());
        let request = request.map_err(|_| Trouble::Unavailable("cannot build the request".to_owned()))?;
        self.ask(request, "get").await
    }

    async fn patch(&self, operations: Vec<PatchOperation>) -> Result<Holding, Trouble> {
        let unbuilt = || Trouble::Unavailable("cannot build the request".to_owned());
        let document = json_patch::Patch(operations);
        let params = PatchParams { field_manager: Some("redflag".to_owned()), ..PatchParams::default() };
        let request = self.resource().patch(&self.name, &params, &Patch::<()>::Json(document));
        match self.ask(request.map_err(|_| unbuilt())?, "patch").await? {
            Some(_) => Ok(Holding::Ours),
            None => Err(Trouble::Overtaken),
        }
    }

    /// Makes one request; `None` where the lease does not exist.
    async fn ask(&self, request: http::Request<Vec<u8>>, verb: &str) -> Result<Option<Value>, Trouble> {
        let call = self.cluster.client.request::<Value>(request);
        match tokio::time::timeout(self.cluster.timeout, call).await {
            Err(_) => Err(Trouble::Unavailable("the API server does not respond".to_owned())),
            Ok(Ok(lease)) => Ok(Some(lease)),
            Ok(Err(kube::Error::Api(status))) => match status.code {
                404 if verb == "get" => Ok(None),
                409 | 422 => Err(Trouble::Overtaken),
                403 => Err(Trouble::Unavailable(format!("you may not {verb} leases in {}", self.namespace))),
                code => Err(Trouble::Unavailable(format!("the API server answered {code}"))),
            },
            Ok(Err(error)) => Err(Trouble::Unavailable(crate::cluster::source_error(&error).to_string())),
        }
    }

    fn resource(&self) -> Request {
        Request::new(format!("/apis/coordination.k8s.io/v1/namespaces/{}/leases", self.namespace))
    }

    /// `MicroTime`, as the API writes it.
    fn now(&self) -> String {
        self.clock.now().to_rfc3339_opts(SecondsFormat::Micros, true)
    }

    /// Whose it is by its own account.
    fn holding(&self, lease: &Value) -> Holding {
        let identity = lease["spec"]["holderIdentity"].as_str().unwrap_or_default();
        if identity.is_empty() {
            return Holding::Nobody;
        }
        if identity == self.identity {
            return Holding::Ours;
        }
        let who = identity.rsplit_once('#').map_or(identity, |(who, _)| who).to_owned();
        let what = lease["metadata"]["annotations"][WHAT].as_str().unwrap_or("a rollback").to_owned();
        Holding::Theirs(Holder { who, what, since: time(&lease["spec"]["acquireTime"]).unwrap_or(self.clock.now()) })
    }

    fn has_expired(&self, lease: &Value) -> bool {
        let now = self.clock.now();
        let seconds = lease["spec"]["leaseDurationSeconds"].as_i64().unwrap_or(0).clamp(0, 3600);
        let duration = TimeDelta::seconds(seconds);
        let renewed = lease["spec"]["renewTime"].as_str().unwrap_or_default();
        if time(&lease["spec"]["renewTime"]).is_none_or(|renewed| now - renewed > duration + SKEW) {
            return true;
        }
        let mut observed = self.observed.lock().unwrap_or_else(PoisonError::into_inner);
        match &*observed {
            Some((seen, since)) if seen == renewed => now - *since > duration,
            _ => {
                *observed = Some((renewed.to_owned(), now));
                false
            }
        }
    }
}

fn time(value: &Value) -> Option<Time> {
    DateTime::parse_from_rfc3339(value.as_str()?).ok().map(|time| time.with_timezone(&Utc))
}
