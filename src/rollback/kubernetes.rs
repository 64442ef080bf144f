//! Undo of Deployments, StatefulSets and DaemonSets: prepares, sends, reads back.
