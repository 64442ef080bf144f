//! How a cluster is reached, as the file states it.

use super::at::At;
use super::secrets::SecretRef;
use std::path::PathBuf;

/// How a cluster is reached.
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
