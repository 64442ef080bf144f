//! redflag watches a deploy for half an hour after rollout, says in one sentence what is wrong if
//! anything is, and rolls it back with one key.
//!
//! # An overview of the code
//!
//! Data flows one way: a source's answer, a key or a tick becomes a [`message::Message`];
//! [`watch::Watch::update`] folds it into state and says which [`message::Effect`]s are due; [`runtime`]
//! performs them and feeds the results back. Each floor uses only what is below it. Between packages the compiler holds
//! that, within them `tests/all/floors.rs`.
//!
//! | floor | modules | what they are |
//! | --- | --- | --- |
//! | 0 | the package `redflag-text`: [`text`], [`secret`] | untrusted text, cleaned and without secrets |
//! | 1–3 | the package `redflag-core`: [`deploy`], [`rollout`], [`signal`], [`poll`], [`session`], [`setup`], [`store`], [`verdict`], [`rollback`] (the plan), [`feature_flags`] (the words), [`timeline`], [`message`], [`watch`], `record`, [`headline`] | words, judgement, the watch and its headline: no clock, no network, no files |
//! | 4 | [`net`], `settings`, [`systems`], [`cluster`], [`rollback`] (what planning and performing share), [`config`], [`clock`], [`memory`], [`records`], [`repository`], `program`, `simulated`, [`lines`], [`output`], [`panics`] | one adapter to one outside system each; `systems` alone has a folder for each that is read, rolls back or keeps flags, with its peer, and a registry of them; the peers tell of one simulated world, which is below them |
//! | 4 | [`hindsight`], [`replay`], [`report`] | a record as a whole: what happened when, the player, the postmortem; no outside at all |
//! | 5 | [`runtime`], [`outcome`], [`tui`], [`demo`], [`backtest`] | the ends; earlier deploys, played to the judge |
//! | 6 | [`commands`], [`cli`] | arguments in, exit code out |
//!
//! With the feature `fuzzing` there is one module more, on floor 4: the door of the fuzz targets.

pub mod backtest;
pub mod cli;
pub mod clock;
pub mod cluster;
pub mod commands;
pub mod config;
#[cfg(feature = "demo")]
pub mod demo;
pub mod feature_flags;
mod files;
#[cfg(all(feature = "fuzzing", unix))]
pub mod fuzzing;
pub mod hindsight;
pub mod lines;
pub mod memory;
pub mod net;
pub mod outcome;
pub mod output;
pub mod panics;
mod program;
pub mod records;
pub mod replay;
pub mod report;
pub mod repository;
pub mod rollback;
pub mod runtime;
mod settings;
#[cfg(feature = "demo")]
mod simulated;
pub mod systems;
pub mod tui;

pub use redflag_core::{
    deploy, headline, message, poll, rollout, session, setup, signal, store, template, timeline, verdict, watch,
};
pub use redflag_text::{self as text, secret};
