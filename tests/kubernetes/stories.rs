//! The tapes' stories, event by event.
