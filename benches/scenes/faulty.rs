//! A watch on which something is wrong, and a source's answers to it.

use crate::company::{Health, Scene};
use redflag::message::Message;
use redflag::poll::Poll;
use redflag::signal::{Sample, SignalId, SourceId};
use serde_json::json;

/// A watch ten minutes into its window, with two red flags on it.
pub(crate) fn faulty() -> Scene {
    let mut scene = Scene::new();
    scene.health = Health::Bad;
    scene.rolled_out();
    scene.until(700);
    scene
}

/// A source's answer: one new bin for each of its four signals.
pub(crate) fn polled(scene: &Scene) -> Message {
    let points = (1..5).map(|id| (SignalId(id), vec![(scene.now, Sample::Value(440.0))])).collect();
    Message::Polled { source: SourceId(1), at: scene.now, result: Ok(Poll { points, ..Poll::default() }) }
}

/// An answer of Grafana: twelve signals, 90 minutes of bins of 30 s each.
pub(crate) fn twelve_signals() -> Vec<u8> {
    let times: Vec<i64> = (0..180).map(|bin| 1_790_000_000_000 + bin * 30_000).collect();
    let values: Vec<f64> = (0..180).map(|bin| 440.0 + f64::from(bin) / 7.0).collect();
    let frame = json!({
        "schema": { "refId": "A", "meta": { "type": "timeseries-multi" }, "fields": [
            { "name": "Time", "type": "time", "typeInfo": { "frame": "time.Time" } },
            { "name": "Value", "type": "number", "typeInfo": { "frame": "float64" }, "labels": {} },
        ] },
        "data": { "values": [times, values] },
    });
    let results: serde_json::Map<String, serde_json::Value> =
        (0..12).map(|index| (format!("A{index}"), json!({ "status": 200, "frames": [frame] }))).collect();
    json!({ "results": results }).to_string().into_bytes()
}
