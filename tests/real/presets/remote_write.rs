//! Prometheus' remote write 1.0: a protobuf message (`prompb/remote.proto`, `prompb/types.proto`) in snappy's block format,
//! which may hold nothing but literals. It is the one way to give a server native histograms of an hour ago.

use super::cases::{Scraped, Value};

/// A protobuf message that is being written.
#[derive(Default)]
struct Message(Vec<u8>);

impl Message {
    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push((value & 0x7f) as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    fn key(&mut self, field: u32, wire: u32) {
        self.varint(u64::from(field << 3 | wire));
    }

    fn integer(&mut self, field: u32, value: u64) {
        self.key(field, 0);
        self.varint(value);
    }

    fn double(&mut self, field: u32, value: f64) {
        self.key(field, 1);
        self.0.extend(value.to_le_bytes());
    }

    fn bytes(&mut self, field: u32, value: &[u8]) {
        self.key(field, 2);
        self.varint(value.len() as u64);
        self.0.extend(value);
    }
}

/// `sint32` and `sint64`.
fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

/// `scrapes` samples of each series, the last at `end`, all in milliseconds.
pub(super) fn body(all: &[Scraped], scrapes: u64, every: i64, end: i64) -> Vec<u8> {
    let mut request = Message::default();
    for scraped in all {
        request.bytes(1, &series(scraped, scrapes, every, end).0);
    }
    snappy(&request.0)
}

fn series(Scraped { series, value }: &Scraped, scrapes: u64, every: i64, end: i64) -> Message {
    let mut message = Message::default();
    let name = ("__name__".to_owned(), series.name.clone());
    let mut labels: Vec<_> = series.labels.clone().into_iter().chain([name]).collect();
    labels.sort();
    for (name, value) in labels {
        let mut label = Message::default();
        label.bytes(1, name.as_bytes());
        label.bytes(2, value.as_bytes());
        message.bytes(1, &label.0);
    }
    for scrape in 1..=scrapes {
        let at = (end - every * (scrapes - scrape).cast_signed()) as u64;
        match value {
            Value::Gauge(value) => sample(&mut message, *value, at),
            Value::Counter(value) => sample(&mut message, *value * scrape as f64, at),
            Value::Native { schema, offset, buckets } => {
                let buckets: Vec<u64> = buckets.iter().map(|count| count * scrape).collect();
                message.bytes(4, &histogram(*schema, *offset, &buckets, at).0);
            }
        }
    }
    message
}

fn sample(series: &mut Message, value: f64, at: u64) {
    let mut sample = Message::default();
    sample.double(1, value);
    sample.integer(2, at);
    series.bytes(2, &sample.0);
}

fn histogram(schema: i32, offset: i32, buckets: &[u64], at: u64) -> Message {
    let count: u64 = buckets.iter().sum();
    let mut span = Message::default();
    span.integer(1, zigzag(offset.into()));
    span.integer(2, buckets.len() as u64);
    let mut deltas = Message::default();
    let mut before = 0;
    for count in buckets {
        deltas.varint(zigzag(count.cast_signed() - before));
        before = count.cast_signed();
    }
    let mut message = Message::default();
    message.integer(1, count);
    message.double(3, count as f64);
    message.integer(4, zigzag(schema.into()));
    message.double(5, 1e-128);
    message.integer(6, 0);
    message.bytes(11, &span.0);
    message.bytes(12, &deltas.0);
    message.integer(15, at);
    message
}

/// Literals alone, of 64 KiB each.
fn snappy(text: &[u8]) -> Vec<u8> {
    let mut out = Message::default();
    out.varint(text.len() as u64);
    for part in text.chunks(1 << 16) {
        out.0.push(61 << 2);
        out.0.extend(((part.len() - 1) as u16).to_le_bytes());
        out.0.extend(part);
    }
    out.0
}
