//! Where the same happened without this deploy.

use crate::poll::Ago;

/// Where the same happened without this deploy: it is not its doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Likewise {
    /// In the same signal, at the same time of an earlier day.
    Ago(Ago),
    /// In services that were not deployed.
    Neighbours {
        /// The first of them.
        names: Vec<String>,
        /// How many there are besides.
        more: usize,
        /// Whether the number rises there; else it falls.
        rise: bool,
    },
}
