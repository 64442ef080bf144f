//! The world of the demo and the tests: services that serve, fail and are rolled back, in a cluster that is simulated down
//! to its controllers, on a [`Clock`](crate::clock::Clock). What the metrics say follows from which pods serve.
//!
//! It knows nothing of the demo, and of the outside systems only their names. What each of them makes of it, over HTTP and
//! in its own words, is in the system's folder (`systems/NAME/peer`); which of them stand where, the demo says.

pub(crate) mod alerts;
pub(crate) mod application;
pub(crate) mod cluster;
pub(crate) mod faults;
pub(crate) mod history;
pub(crate) mod metrics;
pub(crate) mod names;
pub(crate) mod noise;
pub(crate) mod promql;
pub(crate) mod scenario;
pub(crate) mod server;
pub(crate) mod state;
pub(crate) mod world;
