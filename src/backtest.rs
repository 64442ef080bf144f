//! The back-test: earlier deploys, played to the very judge of a watch, by what the sources have kept of them.
//!
//! [`case`] is a deploy that was made; [`cluster`], [`recorded`], [`tags`] and [`listed`] find them. [`play`] is the watch
//! of one, pure: it asks for readings and is given them. [`reading`] reads them, one request at a time. [`figures`] counts
//! what came of all. What is not known is counted apart, and is never healthy.

pub mod case;
pub mod cluster;
pub mod figures;
pub mod kept;
pub mod listed;
pub mod play;
pub mod reading;
pub mod recorded;
pub mod tags;
