//! The tenant of systems that keep the data of several: a header, and what is said to whom names none.

use crate::poll::SourceError;
use reqwest::header::{HeaderMap, HeaderValue};

/// What is said, in plain text, to whom names no tenant (dskit's `ErrNoOrgID`).
pub(in crate::systems) const NO_TENANT: &str = "no org id";

/// Names the tenant (`X-Scope-OrgID`) in each request, where there is one.
///
/// # Errors
/// When no header may hold it.
pub(in crate::systems) fn insert(headers: &mut HeaderMap, tenant: Option<&str>) -> Result<(), SourceError> {
    if let Some(tenant) = tenant {
        let tenant = HeaderValue::from_str(tenant)
            .map_err(|_| SourceError::BadQuery("the tenant holds a character that no header may hold".to_owned()))?;
        headers.insert("x-scope-orgid", tenant);
    }
    Ok(())
}
