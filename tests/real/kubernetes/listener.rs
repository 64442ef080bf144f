//! What the source says of a workload, awaited with a deadline.

use crate::kubernetes::program::Program;
use redflag::clock::Clock;
use redflag::cluster::Cluster;
use redflag::cluster::spec::ClusterAccess;
use redflag::deploy::{Version, WorkloadId, WorkloadRef};
use redflag::message::{Message, StreamNews};
use redflag::rollout::{PodPhase, Progress, Rollout, TroubleKind};
use redflag::signal::SourceId;
use redflag::systems::kubernetes::stream;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

/// What does not happen within this time does not happen.
const PATIENCE: Duration = Duration::from_secs(90);

/// The source, listening to one workload. It ends with this.
pub(crate) struct Listener {
    news: mpsc::Receiver<Message>,
    last: Option<Rollout>,
    events: Vec<String>,
}

impl Listener {
    /// Begins to listen.
    pub(crate) fn of(cluster: &Cluster, of: &WorkloadRef) -> Self {
        // The way there is the cluster's; what the spec says of it is not asked again.
        let access = ClusterAccess::Kubeconfig { path: None, context: None };
        let spec = crate::kubernetes::lab::spec(access, vec![of.clone()]);
        let (out, news) = mpsc::channel(64);
        tokio::spawn(stream(SourceId(0), spec, cluster.clone(), Clock::real(), out));
        Self { news, last: None, events: Vec::new() }
    }

    /// The first digest, the last one included, for which this holds.
    pub(crate) async fn until(&mut self, what: &str, holds: impl Fn(&Rollout) -> bool) -> Rollout {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(rollout) = self.last.as_ref().filter(|rollout| holds(rollout)) {
                return rollout.clone();
            }
            self.hear(what, deadline).await;
        }
    }

    /// The first warning event that contains this.
    pub(crate) async fn event(&mut self, part: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(event) = self.events.iter().find(|event| event.contains(part)) {
                return event.clone();
            }
            self.hear(part, deadline).await;
        }
    }

    async fn hear(&mut self, what: &str, deadline: Instant) {
        let Ok(message) = timeout_at(deadline, self.news.recv()).await else {
            panic!("waited in vain for: {what}; last heard: {:#?}, {:#?}", self.last, self.events);
        };
        let Some(Message::Streamed { news, .. }) = message else { panic!("the source ended") };
        match news {
            StreamNews::Rollout(WorkloadId(0), rollout) => self.last = Some(*rollout),
            StreamNews::Event { text, .. } => self.events.push(text),
            StreamNews::Alive => {}
            other => panic!("while waiting for: {what}: {other:?}"),
        }
    }

    /// All pods run this program, none other is left, and the rollout has ended.
    pub(crate) async fn settled(&mut self, program: Program) -> Rollout {
        let what = format!("every pod runs {}", program.version());
        self.until(&what, |rollout| is_settled(rollout, program.version())).await
    }

    /// The rollout has this trouble.
    pub(crate) async fn trouble(&mut self, kind: TroubleKind) -> Rollout {
        self.until(&format!("{kind:?}"), |rollout| sentence(rollout, kind).is_some()).await
    }
}

fn is_settled(rollout: &Rollout, version: &str) -> bool {
    rollout.progress == Progress::Complete
        && rollout.deploy.as_ref().is_some_and(|deploy| deploy.to.label() == version && deploy.finished.is_some())
        && !rollout.pods.is_empty()
        && rollout.pods.iter().all(|pod| pod.is_new && pod.phase == PodPhase::Ready)
        && rollout.pods.len() == usize::try_from(rollout.replicas.desired).unwrap()
}

/// What the rollout says of a trouble, if it has it.
pub(crate) fn sentence(rollout: &Rollout, kind: TroubleKind) -> Option<&str> {
    rollout.troubles.iter().find(|trouble| trouble.kind == kind).map(|trouble| trouble.sentence.as_str())
}

/// The versions that the deploy goes from and to.
pub(crate) fn from_to(rollout: &Rollout) -> (Option<&str>, &str) {
    let deploy = rollout.deploy.as_ref().unwrap();
    (deploy.from.as_ref().map(Version::label), deploy.to.label())
}
