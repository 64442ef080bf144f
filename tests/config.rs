//! Configuration: what is accepted, what it becomes, and the exact words with which everything else is refused.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use redflag::config::{Config, EXAMPLE};

#[test]
fn try_example() {
    match Config::parse(EXAMPLE, "config.example.toml") {
        Ok(c) => println!("{:?}", c.environments().collect::<Vec<_>>()),
        Err(e) => panic!("{e}"),
    }
    println!("{}", redflag::config::schema());
}
