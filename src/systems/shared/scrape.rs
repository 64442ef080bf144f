//! How far apart a series' own samples are, and what follows for the ranges that a query counts over.
//!
//! An `increase` is the difference between two samples *within* its range. Over a range of one step, what happens
//! between the last sample of one bin and the first of the next belongs to none; with fewer than two scrapes in the
//! range there is no value at all. Over a step plus one scrape every pair of neighbouring samples lies in exactly as
//! many ranges as a scrape has steps, and each event counts once ([`Engine::Extrapolates`]).

use super::promql::{Text, look, too_short};
use super::series::{Asked, Bins, duration, texts};
use super::variables::fill_version;
use crate::deploy::Time;
use crate::poll::{PollRequest, SourceError};
use crate::signal::SignalId;
use crate::systems::questions::SeriesQuery;
use crate::template::Template;
use chrono::TimeDelta;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What Grafana assumes of a data source that does not say.
const USUAL: TimeDelta = TimeDelta::seconds(15);

/// The range over which samples are counted to learn how far apart they are. A second short of five minutes: samples
/// that lie on full minutes would be counted at both of its ends.
const COUNTED_OVER: TimeDelta = TimeDelta::seconds(299);

/// How far back, and how far apart, they are counted: at changing places between two scrapes.
const LOOK_BACK: TimeDelta = TimeDelta::minutes(60);
const LOOK_EVERY: TimeDelta = TimeDelta::seconds(37);

/// What could not be learned is asked for again after so long.
const RETRY_AFTER: TimeDelta = TimeDelta::seconds(60);

/// So many counters are asked about at most; the others are taken to be scraped as the slowest of these.
const MOST_COUNTERS: usize = 16;

/// The usual intervals: what comes close to one is one.
const INTERVALS: [i64; 13] = [1, 2, 3, 5, 10, 15, 20, 30, 45, 60, 120, 180, 300];

/// How the source computes an increase.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::systems) enum Engine {
    /// Prometheus, Thanos, Mimir: between the first and the last sample in the range, stretched to the whole range.
    #[default]
    Extrapolates,
    /// VictoriaMetrics: from the last sample before the range to the last one in it.
    FromBefore,
}

impl Engine {
    /// How long after its stamp a value may still change. VictoriaMetrics repeats the value before for what is younger
    /// than its `-search.latencyOffset`, 30 s.
    pub(in crate::systems) const fn settles(self) -> TimeDelta {
        match self {
            Self::Extrapolates => TimeDelta::seconds(15),
            Self::FromBefore => TimeDelta::seconds(30),
        }
    }

    /// The range that holds each event of a counter as often as any other.
    fn range(self, step: TimeDelta, scrape: TimeDelta) -> TimeDelta {
        match self {
            Self::Extrapolates => step.max(scrape) + scrape,
            Self::FromBefore => step.max(scrape),
        }
    }
}

/// Something to ask the source before its queries are filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::systems) enum Question {
    /// How it computes an increase.
    Engine,
    /// How far apart the samples of a counter are.
    Scrape {
        /// The counter's name.
        counter: String,
        /// With matchers.
        selector: String,
    },
}

impl Question {
    /// The query. Prometheus answers with a NaN where VictoriaMetrics, for which that is no value, has nothing.
    pub(in crate::systems) fn text(&self) -> String {
        match self {
            Self::Engine => "vector(NaN)".to_owned(),
            Self::Scrape { selector, .. } => {
                format!("max(count_over_time({selector}[{}]))", duration(COUNTED_OVER))
            }
        }
    }

    /// From when, to when and how far apart it is asked.
    pub(in crate::systems) fn span(&self, now: Time) -> (Time, TimeDelta) {
        match self {
            Self::Engine => (now - LOOK_EVERY, LOOK_EVERY),
            Self::Scrape { .. } => (now - LOOK_BACK, LOOK_EVERY),
        }
    }
}

/// A query as it is sent.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::systems) struct Filled {
    /// With every variable that is ours to fill in.
    pub(in crate::systems) text: String,
    /// What its values are multiplied by: the share of a step in the range that was counted over.
    pub(in crate::systems) share: f64,
}

/// A range that is too short for its scrapes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::systems) struct Short {
    /// The range.
    pub(in crate::systems) range: TimeDelta,
    /// How far apart the samples are.
    pub(in crate::systems) scrape: TimeDelta,
}

/// What is known of the scrapes behind a source's queries.
pub(in crate::systems) struct Scrapes {
    /// Whether Grafana fills in what is left.
    by_grafana: bool,
    texts: BTreeMap<SignalId, Vec<Option<Text>>>,
    learned: Mutex<Learned>,
}

/// What a source's own settings say of its scrapes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Said {
    /// They could not be read.
    #[default]
    Unseen,
    /// Nothing: [`USUAL`] is assumed there.
    Nothing,
    /// So far apart.
    Every(TimeDelta),
}

#[derive(Default)]
struct Learned {
    engine: Option<Engine>,
    /// By the counter's name.
    scrapes: BTreeMap<String, TimeDelta>,
    /// What the source's own settings say of all.
    said: Said,
    /// When what is not known was asked for last.
    tried: BTreeMap<String, Time>,
    engine_tried: Option<Time>,
}

impl Scrapes {
    /// Looks at the texts of the queries; asks nothing.
    pub(in crate::systems) fn of(queries: &[SeriesQuery], by_grafana: bool) -> Self {
        let look_at = |query: &SeriesQuery| {
            (query.signal, texts(&query.expr).into_iter().map(look).collect::<Vec<Option<Text>>>())
        };
        Self { by_grafana, texts: queries.iter().map(look_at).collect(), learned: Mutex::default() }
    }

    fn learned(&self) -> MutexGuard<'_, Learned> {
        self.learned.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is known of a query's texts.
    pub(in crate::systems) fn texts(&self, signal: SignalId) -> &[Option<Text>] {
        self.texts.get(&signal).map_or(&[], Vec::as_slice)
    }

    /// What has to be asked before these queries can be filled in well. Nothing where nothing depends on it.
    pub(in crate::systems) fn questions(&self, queries: &[SeriesQuery], request: &PollRequest) -> Vec<Question> {
        let mut learned = self.learned();
        let now = request.to;
        let waits = |tried: Option<&Time>| tried.is_some_and(|tried| now - *tried < RETRY_AFTER);
        let mut selectors: BTreeMap<&str, String> = BTreeMap::new();
        let mut needs_engine = false;
        for query in queries {
            for text in self.texts(query.signal).iter().flatten() {
                needs_engine |= !text.counters.is_empty();
                if query.scrape.is_some() {
                    continue;
                }
                for counter in &text.counters {
                    let version = request.version(query.service);
                    let Some(selector) = fill_version(&counter.selector, version) else { continue };
                    // The one with the fewest conditions: of the others there may be no series yet.
                    let known = selectors.entry(&counter.name).or_insert_with(|| selector.clone());
                    if selector.len() < known.len() {
                        *known = selector;
                    }
                }
            }
        }
        let mut questions = Vec::new();
        if needs_engine && learned.engine.is_none() && !waits(learned.engine_tried.as_ref()) {
            learned.engine_tried = Some(now);
            questions.push(Question::Engine);
        }
        for (counter, selector) in selectors.into_iter().take(MOST_COUNTERS) {
            if !learned.scrapes.contains_key(counter) && !waits(learned.tried.get(counter)) {
                learned.tried.insert(counter.to_owned(), now);
                questions.push(Question::Scrape { counter: counter.to_owned(), selector });
            }
        }
        questions
    }

    /// Keeps an answer. What failed is asked again later.
    pub(in crate::systems) fn learn(&self, question: Question, answer: &Result<Bins, SourceError>) {
        let Ok(bins) = answer else { return };
        match question {
            Question::Engine => {
                let engine = if bins.is_empty() { Engine::FromBefore } else { Engine::Extrapolates };
                self.learned().engine = Some(engine);
            }
            Question::Scrape { counter, .. } => {
                if let Some(scrape) = scrape_of(bins) {
                    self.learned().scrapes.insert(counter, scrape);
                }
            }
        }
    }

    /// Keeps what the source's own settings say, for counters whose samples tell nothing.
    pub(in crate::systems) fn said(&self, scrape: Option<TimeDelta>) {
        self.learned().said = scrape.map_or(Said::Nothing, Said::Every);
    }

    /// Whether the settings have been read.
    pub(in crate::systems) fn has_said(&self) -> bool {
        self.learned().said != Said::Unseen
    }

    pub(in crate::systems) fn engine(&self) -> Engine {
        self.learned().engine.unwrap_or_default()
    }

    /// How far apart the samples behind a part of a query are: as the configuration says, as the slowest of its counters
    /// shows, as the source's settings say; `None` where nobody does.
    pub(in crate::systems) fn known(&self, query: &SeriesQuery, part: usize) -> Option<TimeDelta> {
        let learned = self.learned();
        let counters = self.texts(query.signal).get(part).into_iter().flatten().flat_map(|text| &text.counters);
        let seen = counters.filter_map(|counter| learned.scrapes.get(&counter.name)).max();
        let said = match learned.said {
            Said::Every(scrape) => Some(scrape),
            Said::Unseen | Said::Nothing => None,
        };
        query.scrape.or(seen.copied()).or(said)
    }

    /// The slowest of the scrapes behind a query.
    pub(in crate::systems) fn slowest(&self, query: &SeriesQuery) -> Option<TimeDelta> {
        (0..self.texts(query.signal).len()).filter_map(|part| self.known(query, part)).max()
    }

    /// A range in a query that holds fewer than two samples, so that it has no value or only now and then.
    pub(in crate::systems) fn too_short(&self, query: &SeriesQuery) -> Option<Short> {
        if self.engine() == Engine::FromBefore {
            return None;
        }
        let short = |(part, text): (usize, &str)| {
            let scrape = self.known(query, part)?;
            // What Grafana fills in by itself comes from its own settings. Where they are not seen, nothing is claimed.
            let rates = match self.learned().said {
                Said::Every(said) if self.by_grafana => said,
                Said::Nothing if self.by_grafana => USUAL,
                Said::Every(_) | Said::Nothing | Said::Unseen => scrape,
            };
            let filled = self.fill(query, part, text, query.step, query.scrape.unwrap_or(rates)).text;
            Some(Short { range: too_short(&filled, scrape)?, scrape })
        };
        texts(&query.expr).into_iter().enumerate().find_map(short)
    }

    /// Fills in what Prometheus itself does not know: Grafana's variables.
    pub(in crate::systems) fn fill_all(&self, asked: &Asked<'_>, part: usize, range: TimeDelta) -> Filled {
        let scrape = self.known(asked.query, part).unwrap_or(USUAL);
        self.fill(asked.query, part, &asked.parts[part], range, scrape)
    }

    fn fill(&self, query: &SeriesQuery, part: usize, text: &str, range: TimeDelta, rates_by: TimeDelta) -> Filled {
        let (interval, share) = self.interval(query, part, self.known(query, part).unwrap_or(USUAL));
        let rate = rate_interval(query.step, rates_by);
        let duration = |span: TimeDelta| Some(Cow::Owned(duration(span)));
        let millis = |span: TimeDelta| Some(Cow::Owned(span.num_milliseconds().to_string()));
        let text = Template::foreign(text).fill_known(|name| match name {
            "__interval" => duration(interval),
            "__interval_ms" => millis(interval),
            "__range" => duration(range),
            "__range_ms" => millis(range),
            "__range_s" => Some(Cow::Owned(range.num_seconds().to_string())),
            "__rate_interval" => duration(rate),
            "__rate_interval_ms" => millis(rate),
            _ => None,
        });
        Filled { text, share }
    }

    /// Fills in what Grafana would fill in so that events are lost, and where the configuration says it better. All
    /// else is Grafana's own: it knows the data source.
    pub(in crate::systems) fn fill_for_grafana(&self, asked: &Asked<'_>, part: usize) -> Filled {
        let query = asked.query;
        let text = self.texts(query.signal).get(part).and_then(Option::as_ref);
        let counts = text.is_some_and(|text| text.counts_over_interval);
        let rates = query.scrape.filter(|_| text.is_some_and(|text| !text.counters.is_empty()));
        let (interval, share) = if counts {
            self.interval(query, part, self.known(query, part).unwrap_or(USUAL))
        } else {
            (query.step, 1.0)
        };
        let duration = |span: TimeDelta| Some(Cow::Owned(duration(span)));
        let millis = |span: TimeDelta| Some(Cow::Owned(span.num_milliseconds().to_string()));
        let text = Template::foreign(&asked.parts[part]).fill_known(|name| match (name, rates) {
            ("__interval", _) if counts => duration(interval),
            ("__interval_ms", _) if counts => millis(interval),
            ("__rate_interval", Some(scrape)) => duration(rate_interval(query.step, scrape)),
            ("__rate_interval_ms", Some(scrape)) => millis(rate_interval(query.step, scrape)),
            _ => None,
        });
        Filled { text, share }
    }

    /// The length that `$__interval` stands for, and the share of a step in what is counted over it.
    fn interval(&self, query: &SeriesQuery, part: usize, scrape: TimeDelta) -> (TimeDelta, f64) {
        let step = query.step;
        let text = self.texts(query.signal).get(part).and_then(Option::as_ref);
        let interval = match text {
            None => step,
            Some(text) if text.counts_over_interval => self.engine().range(step, scrape),
            Some(_) => step.max(query.scrape.unwrap_or(step)),
        };
        let share = step.num_milliseconds() as f64 / interval.num_milliseconds().max(1) as f64;
        (interval, share.powi(text.map_or(0, |text| text.growth)))
    }
}

/// Grafana's `$__rate_interval`: four scrapes at least, so that one may be lost and two are left.
fn rate_interval(step: TimeDelta, scrape: TimeDelta) -> TimeDelta {
    (step + scrape).max(scrape * 4)
}

/// How far apart samples are by how many of them were counted over [`COUNTED_OVER`], at many times. `None` where that
/// does not tell, or these are no counts at all.
fn scrape_of(bins: &Bins) -> Option<TimeDelta> {
    let counts: Vec<(Time, f64)> = bins.iter().filter_map(|(at, count)| Some((*at, (*count)?))).collect();
    if counts.iter().any(|(_, count)| !count.is_finite() || *count < 1.0 || count.fract() != 0.0) {
        return None;
    }
    let most = counts.iter().map(|(_, count)| *count).reduce(f64::max)?;
    let full: Vec<&(Time, f64)> = counts.iter().filter(|(_, count)| *count >= most - 1.0).collect();
    let (first, last) = (full.first()?, full.last()?);
    let seconds = if most >= 2.0 && last.0 - first.0 >= COUNTED_OVER {
        let mean = full.iter().map(|(_, count)| *count).sum::<f64>() / full.len() as f64;
        COUNTED_OVER.num_seconds() as f64 / mean
    } else {
        // The counter is younger than the range: its count still grows by one with each scrape.
        let ((from, few), (to, many)) = (*counts.first()?, *counts.iter().find(|(_, count)| *count >= most)?);
        if many - few < 4.0 {
            return None;
        }
        (to - from).num_seconds() as f64 / (many - few)
    };
    Some(usual(seconds))
}

/// The usual interval that is meant, or the seconds as they are.
fn usual(seconds: f64) -> TimeDelta {
    let close = |interval: &&i64| (seconds / **interval as f64 - 1.0).abs() < 0.12;
    let found = INTERVALS.iter().find(close).copied();
    TimeDelta::seconds(found.unwrap_or(seconds.round().max(1.0) as i64))
}

#[cfg(test)]
mod tests;
