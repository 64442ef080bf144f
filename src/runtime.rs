//! The only select!.
