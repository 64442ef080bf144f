//! How HTTP fails, and what is said of it.
