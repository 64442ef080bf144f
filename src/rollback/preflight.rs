//! What would make an undo fail or do harm, found before it is asked for.
