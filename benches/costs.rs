//! What it costs: one frame, one update, one parse. `cargo bench`.
#![allow(clippy::unwrap_used, missing_docs)]

fn main() {
    divan::main();
}
