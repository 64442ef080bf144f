//! Grafana's data frames: columns, one frame a series, each with its own time axis.

use super::units;
use crate::net::http::{decode, short};
use crate::poll::SourceError;
use crate::poll::doubt::Measure;
use crate::systems::shared::series::{Bins, MOST_REMARKS, only_series};
use chrono::DateTime;
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

/// The answer of `POST /api/ds/query`: what came of each refId.
#[derive(Deserialize)]
pub struct QueryAnswer<'a> {
    /// By refId. Absent in an answer that is an error as a whole.
    #[serde(borrow, default)]
    results: BTreeMap<String, RefAnswer<'a>>,
}

/// What came of one query.
#[derive(Deserialize)]
struct RefAnswer<'a> {
    #[serde(default)]
    status: Option<u16>,
    #[serde(default)]
    error: Option<String>,
    #[serde(borrow, default)]
    frames: Option<Vec<Frame<'a>>>,
}

#[derive(Deserialize)]
struct Frame<'a> {
    #[serde(borrow, default)]
    schema: Schema<'a>,
    #[serde(default)]
    data: Data,
}

#[derive(Default, Deserialize)]
struct Schema<'a> {
    #[serde(borrow, default)]
    fields: Vec<Field<'a>>,
    #[serde(default)]
    meta: Option<Meta>,
}

/// Columns are told by their type: their names differ from version to version.
#[derive(Deserialize)]
struct Field<'a> {
    #[serde(borrow, rename = "type", default)]
    kind: Cow<'a, str>,
    #[serde(borrow, default)]
    config: Option<FieldConfig<'a>>,
}

#[derive(Deserialize)]
struct FieldConfig<'a> {
    #[serde(borrow, default)]
    unit: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Meta {
    #[serde(default, deserialize_with = "first_notices")]
    notices: Notices,
}

/// The first notices of a frame: the rest is dropped.
#[derive(Default)]
struct Notices(Vec<Notice>);

#[derive(Deserialize)]
struct Notice {
    /// `warning` and `error`; Grafana leaves `info` out, its zero.
    #[serde(default)]
    severity: Option<String>,
    #[serde(default)]
    text: String,
}

impl Notice {
    /// Whether the data is whole all the same. A severity that nobody has heard of is no such promise.
    fn is_info(&self) -> bool {
        self.severity.as_deref().is_none_or(|severity| severity == "info")
    }
}

#[derive(Default, Deserialize)]
struct Data {
    #[serde(default)]
    values: Vec<Vec<Cell>>,
    /// Where `values` has `null` for something that JSON cannot say.
    #[serde(default)]
    entities: Option<Vec<Option<Entities>>>,
}

#[derive(Deserialize)]
struct Entities {
    #[serde(rename = "NaN", default)]
    nan: Vec<usize>,
    #[serde(rename = "Inf", default)]
    infinite: Vec<usize>,
    #[serde(rename = "NegInf", default)]
    negative_infinite: Vec<usize>,
}

/// A number or nothing: texts, objects and truth values in other columns are of no use here.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Cell(Option<f64>);

impl<'a> QueryAnswer<'a> {
    /// Reads a body. Partial answers have the same shape, so the status says nothing here.
    pub fn decode(body: &'a [u8]) -> Result<Self, SourceError> {
        decode(body)
    }

    /// Whether it speaks of any query at all.
    pub(super) fn is_empty(&self) -> bool {
        self.results.is_empty()
    }

    /// The one series of a query, as bins.
    pub fn bins(&self, ref_id: &str) -> Result<Bins, SourceError> {
        let Some(answer) = self.results.get(ref_id) else {
            return Err(SourceError::BadAnswer(format!("nothing for query {ref_id}")));
        };
        if let Some(error) = answer.error.as_deref().filter(|error| !error.is_empty()) {
            return Err(refusal(answer.status, error));
        }
        if let Some(status) = answer.status.filter(|status| *status >= 300) {
            return Err(refusal(Some(status), "the data source refused it and gave no reason"));
        }
        if let Some(notice) = answer.notices().find(|notice| !notice.is_info()) {
            return Err(SourceError::Partial(short(&notice.text)));
        }
        let mut series = Vec::new();
        for frame in answer.frames.iter().flatten() {
            frame.collect(&mut series)?;
        }
        only_series(series)
    }

    /// The unit that the numbers of a query carry, where the plugin says one that is known here.
    pub(super) fn measure(&self, ref_id: &str) -> Option<Measure> {
        let frames = self.results.get(ref_id)?.frames.iter().flatten();
        let mut numbers = frames.flat_map(|frame| &frame.schema.fields).filter(|field| field.kind == "number");
        numbers.find_map(|field| units::measure(field.config.as_ref()?.unit.as_deref()?))
    }

    /// What Prometheus or the plugin remarked of queries whose answers are whole.
    pub(super) fn remarks(&self) -> impl Iterator<Item = &str> {
        self.results.values().flat_map(RefAnswer::notices).filter(|notice| notice.is_info()).map(|notice| &*notice.text)
    }
}

impl RefAnswer<'_> {
    fn notices(&self) -> impl Iterator<Item = &Notice> {
        let metas = self.frames.iter().flatten().filter_map(|frame| frame.schema.meta.as_ref());
        metas.flat_map(|meta| &meta.notices.0)
    }
}

/// Reads the first [`MOST_REMARKS`] notices, and passes over the others without keeping them.
fn first_notices<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Notices, D::Error> {
    struct First;
    impl<'de> Visitor<'de> for First {
        type Value = Notices;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("notices, or null")
        }
        fn visit_unit<E>(self) -> Result<Notices, E> {
            Ok(Notices::default())
        }
        fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Notices, A::Error> {
            let mut notices = Vec::new();
            while notices.len() < MOST_REMARKS {
                match items.next_element()? {
                    Some(notice) => notices.push(notice),
                    None => return Ok(Notices(notices)),
                }
            }
            // A warning among the others counts wherever it stands.
            while let Some(notice) = items.next_element::<Notice>()? {
                if !notice.is_info() && notices.iter().all(Notice::is_info) {
                    notices.push(notice);
                }
            }
            Ok(Notices(notices))
        }
    }
    deserializer.deserialize_any(First)
}

/// What a query's own error means. Its status is that of the data source behind Grafana: a 401 there is not
/// about our credentials.
fn refusal(status: Option<u16>, error: &str) -> SourceError {
    let text = short(error);
    match status {
        Some(429) => SourceError::RateLimited { retry_after: None },
        Some(401 | 403) => SourceError::Forbidden(format!("the data source refuses Grafana's own credentials: {text}")),
        Some(status @ 500..) => SourceError::Server { status, text },
        _ => SourceError::BadQuery(text),
    }
}

impl Frame<'_> {
    /// Adds a series for each column of numbers that has rows.
    fn collect(&self, series: &mut Vec<Bins>) -> Result<(), SourceError> {
        let fields = &self.schema.fields;
        let column = |index: usize| self.data.values.get(index).filter(|column| !column.is_empty());
        // Looked for once: a frame may have a hundred thousand columns.
        let time = fields.iter().position(|field| field.kind == "time").and_then(column);
        let numbers = fields.iter().enumerate().filter(|(_, field)| field.kind == "number");
        for (index, values) in numbers.filter_map(|(index, _)| Some((index, column(index)?))) {
            let time = time.ok_or_else(|| {
                SourceError::BadQuery("numbers came back without a time: make it a query over time".to_owned())
            })?;
            if time.len() != values.len() {
                return Err(SourceError::BadAnswer("a frame's columns differ in length".to_owned()));
            }
            let entities = self.data.entities.as_ref().and_then(|entities| entities.get(index)?.as_ref());
            series.push(bins(time, values, entities));
        }
        Ok(())
    }
}

fn bins(time: &[Cell], values: &[Cell], entities: Option<&Entities>) -> Bins {
    let mut values: Vec<Option<f64>> = values.iter().map(|cell| cell.0).collect();
    if let Some(entities) = entities {
        // What is judged is only that it is no number: NaN stands for all three.
        for index in entities.nan.iter().chain(&entities.infinite).chain(&entities.negative_infinite) {
            if let Some(value) = values.get_mut(*index) {
                *value = Some(f64::NAN);
            }
        }
    }
    let stamp = |cell: &Cell| DateTime::from_timestamp_millis(cell.0? as i64);
    time.iter().zip(values).filter_map(|(time, value)| Some((stamp(time)?, value))).collect()
}

impl<'de> Deserialize<'de> for Cell {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AnyCell;
        impl<'de> Visitor<'de> for AnyCell {
            type Value = Cell;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a cell of a frame")
            }
            fn visit_f64<E>(self, value: f64) -> Result<Cell, E> {
                Ok(Cell(Some(value)))
            }
            fn visit_i64<E>(self, value: i64) -> Result<Cell, E> {
                Ok(Cell(Some(value as f64)))
            }
            fn visit_u64<E>(self, value: u64) -> Result<Cell, E> {
                Ok(Cell(Some(value as f64)))
            }
            fn visit_unit<E>(self) -> Result<Cell, E> {
                Ok(Cell(None))
            }
            fn visit_bool<E>(self, _: bool) -> Result<Cell, E> {
                Ok(Cell(None))
            }
            fn visit_str<E>(self, _: &str) -> Result<Cell, E> {
                Ok(Cell(None))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Cell, A::Error> {
                while items.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Cell(None))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Cell, A::Error> {
                while fields.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Cell(None))
            }
        }
        deserializer.deserialize_any(AnyCell)
    }
}
