//! How to get to a cluster, as a file says it.

use super::at::At;
use super::secrets::SecretRef;
use std::path::PathBuf;

/// How to get to a cluster.
#[derive(Debug)]
pub(crate) enum Access {
    /// By a kubeconfig.
    Kubeconfig {
        /// The file, where one is named.
        path: Option<PathBuf>,
        /// The context, where one is named.
        context: Option<String>,
    },
    /// By its address.
    Direct {
        /// The API server.
        url: String,
        /// Where the token is kept.
        token: Option<At<SecretRef>>,
    },
}
