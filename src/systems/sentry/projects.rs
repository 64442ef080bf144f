//! The projects' ids: servers before 2026-06 take no slugs.

use super::Sentry;
use crate::deploy::Time;
use crate::poll::SourceError;
use serde::Deserialize;
use std::collections::HashMap;

/// Pages of projects that are read at most, a hundred projects each.
const PAGES: usize = 10;

#[derive(Deserialize)]
struct Project {
    id: String,
    slug: String,
}

impl Sentry {
    /// The same parameters with each project's id in place of its slug; `None` where there is nothing to replace, or
    /// nothing to replace it with.
    pub(super) async fn with_ids(
        &self,
        fields: &[(&'static str, String)],
        now: Time,
    ) -> Option<Result<Vec<(&'static str, String)>, SourceError>> {
        let is_slug = |(name, value): &(&'static str, String)| *name == "project" && value.parse::<i64>().is_err();
        if !fields.iter().any(is_slug) {
            return None;
        }
        let ids = if let Some(ids) = self.ids.get() {
            ids
        } else {
            let ids = self.read_ids(now).await.ok()?;
            self.ids.get_or_init(|| ids)
        };
        let replaced = fields.iter().map(|field| match field {
            (name, slug) if is_slug(field) => match ids.get(slug) {
                Some(id) => Ok((*name, id.clone())),
                None => Err(SourceError::NotFound(format!("the project {slug}, among those that the token sees"))),
            },
            (name, value) => Ok((*name, value.clone())),
        });
        Some(replaced.collect())
    }

    async fn read_ids(&self, now: Time) -> Result<HashMap<String, String>, SourceError> {
        let mut ids = HashMap::new();
        let mut cursor: Option<String> = None;
        for _ in 0..PAGES {
            let path = ["api", "0", "organizations", &self.organization, "projects", ""];
            let mut fields = vec![("per_page", "100".to_owned())];
            fields.extend(cursor.take().map(|cursor| ("cursor", cursor)));
            let answer = self.http.ask(self.http.get(&path).query(&fields), now).await?;
            let projects: Vec<Project> = answer.json()?;
            ids.extend(projects.into_iter().map(|project| (project.slug, project.id)));
            cursor = next_page(answer.headers.get("link").and_then(|link| link.to_str().ok()).unwrap_or_default());
            if cursor.is_none() {
                break;
            }
        }
        Ok(ids)
    }
}

/// The cursor of the next page. Both links are always there; `results` says whether anything is behind them.
pub(super) fn next_page(link: &str) -> Option<String> {
    let next = link.split(", <").find(|part| part.contains("rel=\"next\"") && part.contains("results=\"true\""))?;
    let (_, cursor) = next.split_once("cursor=\"")?;
    cursor.split('"').next().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_next_page_is_one_that_has_results() {
        let link = |results: &str| {
            format!(
                "<https://s/?&cursor=0:0:1>; rel=\"previous\"; results=\"false\"; cursor=\"0:0:1\", \
                 <https://s/?&cursor=0:100:0>; rel=\"next\"; results=\"{results}\"; cursor=\"0:100:0\""
            )
        };
        assert_eq!(next_page(&link("true")).as_deref(), Some("0:100:0"));
        assert_eq!(next_page(&link("false")), None);
        assert_eq!(next_page(""), None);
    }
}
