//! The keys that say what a signal reads: the checker refuses all others, and the schema offers no others. Those of a signal
//! that is read from a source are the system's, see [`crate::systems::declaration::System::keys`].

/// Those of a probe, which asks by itself.
pub(in crate::config) const OF_A_PROBE: [&str; 5] = ["path", "url", "status", "interval", "timeout"];
