//! Which revision an undo goes to, and the patch that takes it there. Pure.
