//! Undo of Deployments, StatefulSets and DaemonSets: prepares, sends, reads back.
use crate::cluster::Cluster;
use crate::deploy::{WorkloadId, WorkloadRef};
use crate::rollback::target::Wanted;
use crate::rollback::{Answer, Readiness, Undo};
/// x
pub async fn prepare(_: &Cluster, _: WorkloadId, _: &WorkloadRef, _: &Wanted) -> Readiness {
    Readiness::Preparing
}
/// x
pub async fn send(_: &Cluster, _: &Undo) -> Answer {
    Answer::Unknown(String::new())
}
/// x
pub async fn read_back(_: &Cluster, _: &Undo) -> Answer {
    Answer::Unknown(String::new())
}
