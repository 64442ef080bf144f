//! A small company on loopback.
