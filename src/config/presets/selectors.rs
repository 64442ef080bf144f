//! What a query reads: the names of its series, and the labels that it holds them against. `$match` stands for the label
//! matchers of the service, which are not part of it.

use crate::template::Template;
use promql_parser::label::Matcher;
use promql_parser::parser::{Expr, VectorSelector, parse};
use std::borrow::Cow;

/// What stands for `$match` while a query is looked at.
const STAND_IN: &str = "__match__";

/// One selector of a query.
#[derive(Debug, Clone)]
pub(super) struct Selector {
    /// The name of its series.
    pub(super) name: String,
    /// Its own conditions on labels.
    pub(super) matchers: Vec<Matcher>,
    /// Whether it wants the service's own series: `$match` stands in it.
    pub(super) is_of_service: bool,
}

/// The selectors of a query, in its order.
///
/// # Errors
/// Why the query cannot be read.
pub(super) fn of_query(query: &str) -> Result<Vec<Selector>, String> {
    let expr = parse(&filled(query, &format!("{STAND_IN}=\"\"")))?;
    let mut found = Vec::new();
    walk(&expr, &mut found)?;
    Ok(found)
}

/// Label matchers as they stand between `{` and `}`.
///
/// # Errors
/// Why they cannot be read.
pub(super) fn matchers(text: &str) -> Result<Vec<Matcher>, String> {
    match parse(&format!("{{__name__=\"x\",{text}}}"))? {
        Expr::VectorSelector(selector) => {
            let mut matchers = all(&selector)?;
            matchers.retain(|matcher| matcher.name != "__name__");
            Ok(matchers)
        }
        _ => Err("these are no label matchers".to_owned()),
    }
}

/// A query with `$match` in place, and a length for each variable that stands for one.
fn filled(query: &str, matchers: &str) -> String {
    Template::foreign(query).fill_known(|name| match name {
        "match" => Some(Cow::Owned(matchers.to_owned())),
        "__interval" | "__rate_interval" | "__range" => Some(Cow::Borrowed("5m")),
        _ => None,
    })
}

/// The query with the label matchers of a service in place of `$match`.
pub(super) fn with_matchers(query: &str, matchers: &str) -> String {
    Template::foreign(query).fill_known(|name| (name == "match").then(|| Cow::Owned(matchers.to_owned())))
}

fn all(selector: &VectorSelector) -> Result<Vec<Matcher>, String> {
    if !selector.matchers.or_matchers.is_empty() {
        return Err("`or` between label matchers is of VictoriaMetrics alone".to_owned());
    }
    Ok(selector.matchers.matchers.clone())
}

fn walk(expr: &Expr, found: &mut Vec<Selector>) -> Result<(), String> {
    match expr {
        Expr::VectorSelector(selector) => take(selector, found),
        Expr::MatrixSelector(range) => take(&range.vs, found),
        Expr::Call(call) => call.args.args.iter().try_for_each(|argument| walk(argument, found)),
        Expr::Aggregate(aggregate) => {
            walk(&aggregate.expr, found)?;
            aggregate.param.iter().try_for_each(|parameter| walk(parameter, found))
        }
        Expr::Unary(unary) => walk(&unary.expr, found),
        Expr::Paren(paren) => walk(&paren.expr, found),
        Expr::Subquery(subquery) => walk(&subquery.expr, found),
        Expr::Binary(binary) => {
            walk(&binary.lhs, found)?;
            walk(&binary.rhs, found)
        }
        Expr::NumberLiteral(_) | Expr::StringLiteral(_) | Expr::Extension(_) => Ok(()),
    }
}

fn take(selector: &VectorSelector, found: &mut Vec<Selector>) -> Result<(), String> {
    let mut matchers = all(selector)?;
    let mut name = selector.name.clone();
    if let Some(place) = matchers.iter().position(|matcher| matcher.name == "__name__") {
        name = name.or(Some(matchers.remove(place).value));
    }
    let before = matchers.len();
    matchers.retain(|matcher| matcher.name != STAND_IN);
    let name = name.ok_or("a selector without the name of a metric")?;
    found.push(Selector { name, is_of_service: matchers.len() < before, matchers });
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_query_says_what_it_reads() {
        let query = "sum(rate(a_total{$match,code=~\"5..\"}[$__rate_interval])) / sum(b{c!=\"d\"})";
        let found = of_query(query).unwrap();
        let told: Vec<(&str, Vec<&str>, bool)> = found
            .iter()
            .map(|one| {
                (
                    one.name.as_str(),
                    one.matchers.iter().map(|matcher| matcher.name.as_str()).collect(),
                    one.is_of_service,
                )
            })
            .collect();
        assert_eq!(told, [("a_total", vec!["code"], true), ("b", vec!["c"], false)]);
    }

    #[test]
    fn what_cannot_be_read_is_said() {
        for query in ["sum(", "{$match}", "a{$match}["] {
            assert!(of_query(query).is_err(), "{query}");
        }
        assert!(matchers("a=b").is_err());
        assert!(matchers("a=\"b\",c=~\"d.*\"").unwrap()[1].is_match("doe"));
    }

    proptest! {
        #[test]
        fn any_text_is_looked_at(text in ".{0,80}") {
            let _ = of_query(&text);
            let _ = matchers(&text);
        }
    }
}
