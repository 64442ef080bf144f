//! `git revert` and a push, and the migrations between two commits: with the real `git`, on repositories made for each
//! test, over file addresses.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod checkout;
mod company;
mod migrations;
mod prepare;
mod push;
mod versions;
