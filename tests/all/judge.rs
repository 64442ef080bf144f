//! `redflag judge`: JSON lines in, verdicts out.

use serde_json::{Value, json};
use std::io::Write;
use std::process::{Command, Output, Stdio};

fn judge(input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_redflag"))
        .arg("judge")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

fn case(name: &str, kind: &str, unit: &str, window: &[f64]) -> Value {
    let baseline: Vec<f64> = (0..60).map(|bin| window[0] * (1.0 + 0.002 * f64::from(bin * 37 % 11))).collect();
    json!({ "case_id": name, "kind": kind, "unit": unit, "step_s": 60, "baseline": baseline, "window": window,
            "baseline_n": null, "window_n": null })
}

fn verdicts(output: &Output) -> Vec<Value> {
    String::from_utf8_lossy(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn a_latency_that_doubles_is_flagged_at_its_second_sample_and_says_why() {
    let output = judge(&case("slow", "latency", "s", &[0.3, 0.3, 0.31, 0.62, 0.63, 0.61]).to_string());
    assert_eq!(output.status.code(), Some(0));
    let verdict = &verdicts(&output)[0];
    assert_eq!(
        (&verdict["case_id"], &verdict["flagged"], &verdict["at_step"]),
        (&json!("slow"), &json!(true), &json!(4))
    );
    assert_eq!(verdict["red_at_step"], json!(null));
    assert_eq!(
        verdict["sentence"],
        "625 ms, +106 % against 303 ms before the deploy; more than +50 % for 2 min, not sure enough for a red flag yet"
    );
}

#[test]
fn it_turns_red_at_its_fourth_sample() {
    let window = [0.3, 0.3, 0.62, 0.63, 0.61, 0.62, 0.3];
    let verdict = &verdicts(&judge(&case("slow", "latency", "s", &window).to_string()))[0];
    assert_eq!((&verdict["at_step"], &verdict["red_at_step"]), (&json!(3), &json!(5)));
}

#[test]
fn memory_that_fills_up_at_once_is_blamed_and_more_of_it_with_room_left_is_not() {
    let filled = case("filled", "memory", "percent", &[60.0, 60.2, 60.0, 78.0, 94.0, 95.0, 95.0, 95.0]);
    let verdict = &verdicts(&judge(&filled.to_string()))[0];
    assert_eq!((&verdict["at_step"], &verdict["red_at_step"]), (&json!(5), &json!(null)), "{verdict}");
    let room = case("room", "memory", "percent", &[50.0, 50.2, 50.0, 65.0, 65.0, 65.0, 65.0, 65.0]);
    let verdict = &verdicts(&judge(&room.to_string()))[0];
    assert_eq!((&verdict["flagged"], &verdict["red_at_step"]), (&json!(false), &json!(null)), "{verdict}");
}

#[test]
fn a_number_of_unknown_meaning_is_flagged_in_both_directions() {
    for window in [[50.0, 50.0, 90.0, 90.0, 90.0], [50.0, 50.0, 9.0, 9.0, 9.0]] {
        let verdict = &verdicts(&judge(&case("kpi", "kpi", "widgets", &window).to_string()))[0];
        assert_eq!(verdict["flagged"], true, "{verdict}");
    }
}

#[test]
fn a_line_that_cannot_be_read_is_named_and_the_rest_is_judged() {
    let good = case("good", "cpu", "percent", &[40.0; 8]).to_string();
    let odd_unit = case("odd", "latency", "parsecs", &[0.3; 4]).to_string();
    let gaps = good.replacen("\"window\":[40.0,40.0", "\"window\":[NaN,40.0", 1);
    assert_ne!(gaps, good);
    let output = judge(&format!("{good}\nnot json\n\n{odd_unit}\n{gaps}\n"));
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(verdicts(&output).len(), 2);
    let errors = String::from_utf8_lossy(&output.stderr);
    let errors: Vec<&str> = errors.lines().collect();
    assert_eq!(errors.len(), 2, "{errors:?}");
    assert!(errors[0].starts_with("redflag: line 2: expected"), "{errors:?}");
    assert_eq!(errors[1], "redflag: line 4: unit: a latency in `parsecs`; expected s, ms or us");
}

#[test]
fn more_failures_than_requests_are_no_reading_and_take_no_time() {
    for percent in [1e9, 1e10, 1e17, 1e300] {
        let mut case = case("many", "error_rate", "percent", &[percent; 4]);
        case["baseline_n"] = json!(vec![100; case["baseline"].as_array().unwrap().len()]);
        case["window_n"] = json!([100, 100, 100, 100]);
        let verdict = &verdicts(&judge(&case.to_string()))[0];
        assert_eq!((&verdict["flagged"], &verdict["red_at_step"]), (&json!(false), &json!(null)), "{verdict}");
        assert!(verdict["sentence"].as_str().unwrap().contains("which cannot be"), "{verdict}");
    }
}

#[test]
fn nothing_after_a_step_changes_its_verdict() {
    let window = [0.3, 0.31, 0.3, 0.45, 0.47, 0.46, 0.9, 0.3, 0.3, 0.3];
    let whole = &verdicts(&judge(&case("whole", "latency", "s", &window).to_string()))[0];
    let step = usize::try_from(whole["at_step"].as_u64().unwrap()).unwrap();
    for cut in 1..=window.len() {
        let verdict = &verdicts(&judge(&case("cut", "latency", "s", &window[..cut]).to_string()))[0];
        assert_eq!(verdict["flagged"], cut > step, "cut after {cut}: {verdict}");
    }
}
