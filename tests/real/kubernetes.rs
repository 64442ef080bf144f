//! The stream and the undo against a real API server and its controllers: whatever `REDFLAG_TEST_KUBECONFIG`
//! points at. Ignored by default. Each story has a namespace of its own and deletes it, so they run in parallel.
//!
//! A cluster with nodes needs nothing else. On a bare control plane, which has no kubelet, the story sets its
//! pods' status itself. Nothing is assumed to take a certain time: everything is awaited by watching.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod accidents;
mod clusters;
mod colleagues;
mod gate;
mod hands;
mod kills;
mod kubelet;
mod lab;
mod late;
mod lease;
mod listener;
mod pauses;
mod permissions;
mod person;
mod program;
mod refusals;
mod rollouts;
mod screen;
mod together;
mod undo;
mod wire;
