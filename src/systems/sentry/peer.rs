//! The company's Sentry: issues, error counts, sessions and releases, all told from the same failures as the metrics.

mod issue;
mod search;

use crate::simulated::history::{Seconds, iso, seconds};
use crate::simulated::names::ORGANIZATION;
use crate::simulated::promql::duration;
use crate::simulated::server::{HTML, Manners, RateLimit, Served, json as answer, too_many};
use crate::simulated::state::{Simulation, User};
use crate::simulated::world::World;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, Query, Request, State};
use axum::http::{Response, header};
use axum::middleware::{self, Next};
use axum::response::IntoResponse;
use axum::routing::get;
use chrono::NaiveDateTime;
use issue::Issue;
use search::Search;
use serde_json::{Value, json};
use std::sync::Arc;

/// Buckets that ended later than this before now are still being filled.
const INGESTION: Seconds = 90.0;
/// More points than this are refused.
const MOST_POINTS: f64 = 10_000.0;

const MANNERS: Manners = Manners { unauthorized, rate_limited };

fn unauthorized() -> Value {
    json!({"detail": "Invalid token"})
}

/// Sentry does not call it JSON, though it is, and says at which moment the limit is reset.
fn rate_limited(limit: RateLimit) -> Response<Body> {
    let detail = "You are attempting to use this endpoint too frequently. Limit is 40 requests in 1 seconds";
    too_many("X-Sentry-Rate-Limit-Reset", limit.until, HTML, &json!({"detail": detail}))
}

pub(crate) fn served(state: Arc<Simulation>) -> Served {
    let at = |path: &str| format!("/api/0/organizations/{{organization}}/{path}");
    let router = Router::new()
        .route(&at(""), get(organization))
        .route(&at("projects/"), get(projects))
        .route(&at("issues/"), get(issues))
        .route(&at("events-timeseries/"), get(timeseries))
        .route(&at("sessions/"), get(sessions))
        .route(&at("releases/"), get(releases))
        .route(&at("releases/{version}/"), get(release))
        .route(&at("releases/{version}/deploys/"), get(deploys).post(record_deploy))
        .fallback(async || not_found())
        .layer(middleware::from_fn_with_state(state.clone(), enter))
        .with_state(state);
    Served { router, manners: MANNERS }
}

type Parameters = Query<Vec<(String, String)>>;

/// Sentry has made an environment when the first event of it came; of any other it says that it does not exist.
const ENVIRONMENTS: [&str; 2] = ["production", "staging"];

async fn enter(State(state): State<Arc<Simulation>>, request: Request, next: Next) -> Response<Body> {
    let asked = request.uri().query().into_iter().flat_map(|query| query.split('&'));
    let unheard_of =
        |field: &str| field.strip_prefix("environment=").is_some_and(|named| !ENVIRONMENTS.contains(&named));
    if asked.into_iter().any(unheard_of) {
        return not_found();
    }
    match state.bearer(request.headers()) {
        Some(_) if request.uri().path().starts_with(&format!("/api/0/organizations/{ORGANIZATION}/")) => {
            next.run(request).await
        }
        Some(_) => not_found(),
        None if request.headers().contains_key(header::AUTHORIZATION) => answer(401, &unauthorized()),
        None => answer(401, &json!({"detail": "Authentication credentials were not provided."})),
    }
}

fn not_found() -> Response<Body> {
    answer(404, &json!({"detail": "The requested resource does not exist"}))
}

fn refused(detail: &str) -> Response<Body> {
    answer(400, &json!({"detail": detail}))
}

/// Without a further page; both links are there anyway.
fn only_page(body: &Value) -> Response<Body> {
    let link = "<http://127.0.0.1/>; rel=\"previous\"; results=\"false\"; cursor=\"0:0:1\", \
                <http://127.0.0.1/>; rel=\"next\"; results=\"false\"; cursor=\"0:100:0\"";
    ([(header::LINK, link)], answer(200, body)).into_response()
}

async fn organization() -> Response<Body> {
    answer(200, &json!({"id": "1", "slug": ORGANIZATION, "name": "Demo", "status": {"id": "active", "name": "active"}}))
}

async fn projects(State(state): State<Arc<Simulation>>) -> Response<Body> {
    let projects: Vec<Value> =
        state.with(|world, _| (0..world.services.len()).map(|index| project(world, index)).collect());
    only_page(&json!(projects))
}

fn project(world: &World, index: usize) -> Value {
    let name = &world.services[index].name;
    json!({"id": (index + 1).to_string(), "slug": name, "name": name, "platform": "python"})
}

async fn issues(State(state): State<Arc<Simulation>>, Query(parameters): Parameters) -> Response<Body> {
    let search = Search::parse(get_one(&parameters, "query").unwrap_or("is:unresolved"));
    let sort = get_one(&parameters, "sort").unwrap_or("date");
    let result = state.with(|world, now| {
        let metrics = world.metrics(now);
        let window = window(&parameters, metrics.now)?;
        let mut found = Vec::new();
        for issue in Issue::known(world).iter().filter(|issue| in_projects(&parameters, world, issue.service)) {
            let Some((first, last)) = issue.seen(world, &metrics) else { continue };
            let facts = search::Facts {
                id: &issue.id(),
                short_id: &issue.short_id(world),
                first_release: &issue.first_release(world),
                level: issue.level,
                unhandled: !issue.handled,
                age: metrics.now - first,
                is_new: issue.is_new(),
            };
            if !search.wants(&facts) {
                continue;
            }
            let release = search.release();
            let lifetime = issue.events(&metrics, None, first - 1.0, metrics.now);
            // With a window (or a release), the counts are those within it.
            let count = match window {
                Some((from, to)) => issue.events(&metrics, release, from, to),
                None => issue.events(&metrics, release, (first - 1.0).max(metrics.now - 86_400.0), metrics.now),
            };
            if release.is_some() && count < 1.0 {
                continue;
            }
            found.push((first, last, count, rendered(world, issue, (first, last), count, lifetime)));
        }
        found.sort_by(|a, b| match sort {
            "new" => b.0.total_cmp(&a.0),
            "freq" | "user" => b.2.total_cmp(&a.2),
            _ => b.1.total_cmp(&a.1),
        });
        Ok::<_, String>(found.into_iter().map(|(.., issue)| issue).collect::<Vec<_>>())
    });
    match result {
        Ok(found) => only_page(&json!(found)),
        Err(detail) => refused(&detail),
    }
}

fn rendered(world: &World, issue: &Issue, (first, last): (Seconds, Seconds), count: f64, lifetime: f64) -> Value {
    let users = |count: f64| (count * 0.71).ceil() as i64;
    json!({"id": issue.id(), "shortId": issue.short_id(world), "title": issue.title, "culprit": issue.culprit,
        "permalink": format!("https://sentry.example.com/organizations/{ORGANIZATION}/issues/{}/", issue.id()),
        "level": issue.level, "status": "unresolved", "substatus": if issue.is_new() { "new" } else { "ongoing" },
        "isUnhandled": !issue.handled, "priority": if issue.is_new() { "high" } else { "low" }, "type": "error",
        "issueCategory": "error", "metadata": {"type": issue.kind, "value": issue.value},
        "count": count.to_string(), "userCount": users(count), "firstSeen": iso(first), "lastSeen": iso(last),
        "lifetime": {"count": lifetime.to_string(), "userCount": users(lifetime), "firstSeen": iso(first), "lastSeen": iso(last)},
        "filtered": null, "project": project(world, issue.service), "assignedTo": null})
}

async fn timeseries(State(state): State<Arc<Simulation>>, Query(parameters): Parameters) -> Response<Body> {
    if get_one(&parameters, "dataset").is_none_or(|dataset| dataset != "errors") {
        return answer(400, &json!({"dataset": ["This field is required."]}));
    }
    let search = Search::parse(get_one(&parameters, "query").unwrap_or_default());
    let step = get_one(&parameters, "interval").and_then(duration).unwrap_or(3600.0).max(1.0);
    let result = state.with(|world, now| {
        let metrics = world.metrics(now);
        let (from, to) = window(&parameters, metrics.now)?.unwrap_or((metrics.now - 86_400.0, metrics.now));
        if step > to - from || (to - from) / step > MOST_POINTS {
            return Err("Invalid interval: it must be smaller than the window and give at most 10000 points.".to_owned());
        }
        let (from, to) = ((from / step).floor() * step, (to / step).ceil() * step);
        let known = Issue::known(world);
        let wanted: Vec<&Issue> = known
            .iter()
            .filter(|issue| in_projects(&parameters, world, issue.service))
            .filter(|issue| search.wants_issue(&issue.id(), &issue.short_id(world)))
            .filter(|issue| search.wants_first_release(&issue.first_release(world)))
            .collect();
        let values: Vec<Value> = (0..((to - from) / step).round() as i64)
            .map(|bin| {
                let start = from + bin as f64 * step;
                let count: f64 = wanted.iter().map(|issue| issue.events(&metrics, search.release(), start, start + step)).sum();
                let mut value = json!({"timestamp": milliseconds(start), "value": count as i64, "incomplete": false});
                if start + step >= metrics.now - INGESTION {
                    value["incomplete"] = json!(true);
                    value["incompleteReason"] = json!("INCOMPLETE_BUCKET");
                }
                value
            })
            .collect();
        Ok(json!({"meta": {"dataset": "errors", "start": milliseconds(from), "end": milliseconds(to)},
            "timeSeries": [{"yAxis": "count()", "groupBy": null,
                "meta": {"interval": milliseconds(step), "valueType": "integer", "valueUnit": null, "order": 0, "isOther": false,
                         "dataScanned": "full"},
                "values": values}]}))
    });
    result.map_or_else(|detail: String| refused(&detail), |body| answer(200, &body))
}

async fn sessions(State(state): State<Arc<Simulation>>, Query(parameters): Parameters) -> Response<Body> {
    const HOUR: Seconds = 3600.0;
    let search = Search::parse(get_one(&parameters, "query").unwrap_or_default());
    let fields: Vec<&str> =
        parameters.iter().filter(|(name, _)| name == "field").map(|(_, field)| field.as_str()).collect();
    if fields.is_empty() {
        return refused("Request is missing a \"field\"");
    }
    let step = get_one(&parameters, "interval").and_then(duration).unwrap_or(HOUR);
    let result = state.with(|world, now| {
        let metrics = world.metrics(now);
        let (from, to) = window(&parameters, metrics.now)?.unwrap_or((metrics.now - 86_400.0, metrics.now));
        if step < 60.0 || step % 60.0 != 0.0 || 86_400.0 % step != 0.0 {
            return Err("Your interval has to be a multiple of the minimum interval of one minute.".to_owned());
        }
        // The range is rounded outward to whole hours.
        let (from, to) = ((from / HOUR).floor() * HOUR, (to / HOUR).ceil() * HOUR);
        if step < HOUR && to - from > 6.0 * HOUR {
            return Err("Your interval and date range would create too many results. Use a larger interval, or a smaller date range.".to_owned());
        }
        let count = |start: Seconds, end: Seconds| {
            let mut sum = (0.0, 0.0);
            for (index, service) in world.services.iter().enumerate() {
                if !in_projects(&parameters, world, index) {
                    continue;
                }
                let new = format!("{}@{}", service.name, service.version);
                let old = format!("{}@{}", service.name, service.history.last().map_or("", String::as_str));
                for (release, is_new) in [(new, true), (old, false)] {
                    if search.release().is_none_or(|wanted| wanted == release) {
                        let (all, crashed) = metrics.sessions(index, is_new, start, end);
                        sum = (sum.0 + all, sum.1 + crashed);
                    }
                }
            }
            sum
        };
        let bins: Vec<Seconds> = (0..((to - from) / step) as i64).map(|bin| from + bin as f64 * step).collect();
        let counted: Vec<(f64, f64)> = bins.iter().map(|start| count(*start, start + step)).collect();
        let total = counted.iter().fold((0.0, 0.0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
        let value = |field: &str, (all, crashed): (f64, f64)| match field {
            "sum(session)" => json!(all as i64),
            "count_unique(user)" => json!((all * 0.8) as i64),
            "crash_rate(session)" | "crash_rate(user)" => json!((all > 0.0).then_some(crashed / all)),
            _ => json!((all > 0.0).then_some(1.0 - crashed / all)),
        };
        let totals: serde_json::Map<String, Value> =
            fields.iter().map(|field| ((*field).to_owned(), value(field, total))).collect();
        let series: serde_json::Map<String, Value> = fields
            .iter()
            .map(|field| ((*field).to_owned(), counted.iter().map(|one| value(field, *one)).collect()))
            .collect();
        Ok(json!({"start": iso(from), "end": iso(to), "intervals": bins.iter().map(|at| iso(*at)).collect::<Vec<_>>(),
                  "query": get_one(&parameters, "query").unwrap_or_default(),
                  "groups": [{"by": {}, "totals": totals, "series": series}]}))
    });
    result.map_or_else(|detail: String| refused(&detail), |body| answer(200, &body))
}

fn known_releases(world: &World, now: Seconds) -> Vec<Value> {
    let mut releases = Vec::new();
    for (index, service) in world.services.iter().enumerate() {
        let deployed = seconds(world.start) + service.deployed_after as f64;
        let days = |age: usize| deployed - 86_400.0 * (2.0 + 7.0 * age as f64);
        let old = service.history.iter().rev().enumerate().map(|(age, version)| (version, days(age)));
        for (version, at) in std::iter::once((&service.version, deployed)).chain(old).filter(|(_, at)| *at <= now) {
            releases.push(
                json!({"id": index, "version": format!("{}@{version}", service.name), "shortVersion": version,
                "status": "open", "dateCreated": iso(at), "dateReleased": iso(at), "newGroups": 0, "commitCount": 4,
                "deployCount": 1, "authors": [], "projects": [{"slug": service.name, "newGroups": 0}],
                "lastDeploy": {"id": "1", "environment": "production", "name": version, "url": null,
                               "dateStarted": iso(at), "dateFinished": iso(at + 70.0)}}),
            );
        }
    }
    releases.sort_by(|a, b| b["dateCreated"].as_str().cmp(&a["dateCreated"].as_str()));
    releases
}

async fn releases(State(state): State<Arc<Simulation>>) -> Response<Body> {
    only_page(&json!(state.with(|world, now| known_releases(world, seconds(now)))))
}

fn find_release(state: &Simulation, version: &str) -> Option<Value> {
    let known = state.with(|world, now| known_releases(world, seconds(now)));
    known.into_iter().find(|release| release["version"] == version)
}

async fn release(State(state): State<Arc<Simulation>>, Path((_, version)): Path<(String, String)>) -> Response<Body> {
    find_release(&state, &version).map_or_else(not_found, |release| answer(200, &release))
}

async fn deploys(State(state): State<Arc<Simulation>>, Path((_, version)): Path<(String, String)>) -> Response<Body> {
    find_release(&state, &version).map_or_else(not_found, |release| only_page(&json!([release["lastDeploy"]])))
}

async fn record_deploy(
    State(state): State<Arc<Simulation>>,
    Path((_, version)): Path<(String, String)>,
    headers: axum::http::HeaderMap,
    body: Bytes,
) -> Response<Body> {
    if state.bearer(&headers) != Some(User::Operator) {
        return answer(403, &json!({"detail": "You do not have permission to perform this action."}));
    }
    let asked: Value = serde_json::from_slice(&body).unwrap_or_default();
    let Some(environment) = asked["environment"].as_str() else {
        return answer(400, &json!({"environment": ["This field is required."]}));
    };
    if find_release(&state, &version).is_none() {
        return not_found();
    }
    let now = iso(seconds(state.clock.now()));
    answer(
        201,
        &json!({"id": "2", "environment": environment, "name": asked["name"], "url": asked["url"],
                        "dateStarted": asked["dateStarted"], "dateFinished": now}),
    )
}

fn get_one<'a>(parameters: &'a [(String, String)], name: &str) -> Option<&'a str> {
    parameters.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

fn in_projects(parameters: &[(String, String)], world: &World, service: usize) -> bool {
    let mut wanted = parameters.iter().filter(|(name, _)| name == "project").map(|(_, project)| project).peekable();
    let name = &world.services[service].name;
    let id = (service + 1).to_string();
    wanted.peek().is_none() || wanted.any(|project| project == "-1" || project == name || *project == id)
}

/// `statsPeriod`, or `start` and `end` in UTC without an offset. `None` when neither is given.
fn window(parameters: &[(String, String)], now: Seconds) -> Result<Option<(Seconds, Seconds)>, String> {
    if let Some(period) = get_one(parameters, "statsPeriod").filter(|period| !period.is_empty()) {
        let span = duration(period).ok_or_else(|| format!("Invalid statsPeriod: '{period}'"))?;
        return Ok(Some((now - span, now)));
    }
    let moment = |text: &str| {
        let text = text.trim_end_matches('Z').trim_end_matches("+00:00");
        let at = NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f");
        at.map(|at| seconds(at.and_utc())).map_err(|_| format!("{text} is not a valid ISO8601 date query"))
    };
    match (get_one(parameters, "start"), get_one(parameters, "end")) {
        (None, None) => Ok(None),
        (Some(start), Some(end)) => Ok(Some((moment(start)?, moment(end)?))),
        _ => Err("start and end are both required".to_owned()),
    }
}

fn milliseconds(at: Seconds) -> i64 {
    (at * 1000.0) as i64
}
