//! Kubernetes, streamed: watches in, digests ([`crate::rollout::Rollout`]) out.
//!
//! The workloads of a kind in a namespace share a watch, and so do their template histories and their pods; each
//! namespace has one for its warning events. What they say goes into a [`fold::Fold`] a workload; whatever arrives
//! together makes one digest, and a digest that equals the last one is not told. Where one list for all is refused or
//! too long, each workload has watches of its own.

mod argo;
mod check;
mod collection;
mod config;
pub mod events;
mod evictions;
mod feed;
pub mod fold;
mod group;
mod history;
mod kept;
pub mod objects;
#[cfg(feature = "demo")]
pub(in crate::systems) mod peer;
mod pods;
mod status;
mod streamer;
mod termination_message;
mod troubles;
pub mod undo;
mod watched;

pub use check::check;
pub(crate) use config::SYSTEM;

use crate::clock::Clock;
use crate::cluster::Cluster;
use crate::cluster::spec::ClusterSpec;
use crate::message::Message;
use crate::signal::SourceId;
use tokio::sync::mpsc;

/// Watches the spec's workloads until the receiver is gone: runs until cancelled.
///
/// A watch can hang without an error, so silence proves nothing. After ten quiet seconds one workload is read
/// (each in turn): that the server answers is told as `Alive`, and that its answer is what the watch said last
/// shows that the watch lives; where it differs twice running, the workload's watches are restarted.
pub async fn stream(source: SourceId, spec: ClusterSpec, cluster: Cluster, clock: Clock, out: mpsc::Sender<Message>) {
    streamer::Streamer::new(source, &spec, cluster, clock, out).run().await;
}
