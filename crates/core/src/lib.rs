//! What redflag knows and decides, without a clock, a network, a file or a screen: it is told what happened and when,
//! and answers what is due. The manifest has nothing in it that waits or connects, and `clippy.toml` beside it says
//! which calls of the standard library are no better.
//!
//! | floor | modules | what they are |
//! | --- | --- | --- |
//! | 1 | [`deploy`], [`rollout`], [`signal`], [`poll`], [`session`], [`setup`], [`template`] | words |
//! | 2 | [`store`], [`verdict`], [`rollback`], [`feature_flags`], [`timeline`] | judgement |
//! | 3 | [`message`], [`watch`] | what a watch does with all that |
//! | 4 | [`headline`] | what it says in one sentence |

pub mod deploy;
pub mod feature_flags;
pub mod headline;
pub mod message;
pub mod poll;
pub mod record;
pub mod rollback;
pub mod rollout;
pub mod session;
pub mod setup;
pub mod signal;
pub mod store;
pub mod template;
pub mod timeline;
pub mod verdict;
pub mod watch;
