//! HTTP as every polled source needs it: timeouts, limits, redaction, errors.
