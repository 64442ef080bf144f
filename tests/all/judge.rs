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
        "625 ms, +106 %, was 303 ms before the deploy; more than +50 % for 2 min, not yet significant enough for a red flag"
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
    let odd_step = good.replacen("\"step_s\":60", "\"step_s\":-1", 1);
    let gaps = good.replacen("\"window\":[40.0,40.0", "\"window\":[NaN,40.0", 1);
    assert_ne!(gaps, good);
    let output = judge(&format!("{good}\nnot json\n\n{odd_step}\n{gaps}\n"));
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(verdicts(&output).len(), 2);
    let errors = String::from_utf8_lossy(&output.stderr);
    let errors: Vec<&str> = errors.lines().collect();
    assert_eq!(errors.len(), 2, "{errors:?}");
    // Its own line, once.
    assert_eq!(errors[0], "redflag: line 2: column 2: expected ident");
    assert_eq!(errors[1], "redflag: line 4: step_s: expected seconds, from a thousandth to a day");
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

/// Kinds, units with what is usual in each, and a plain fault.
type Written = (&'static [&'static str], &'static [(&'static str, f64)], f64);

/// What a kind may be written in, what is usual in each, and by how much that is multiplied by a plain fault.
const UNITS: [Written; 9] = [
    (
        &["latency"],
        &[
            ("ms", 300.0),
            ("milliseconds", 300.0),
            ("s", 0.3),
            ("seconds", 0.3),
            ("us", 3e5),
            ("µs", 3e5),
            ("ns", 3e8),
            ("min", 0.005),
            ("norm", 0.3),
            ("ticks", 300.0),
            ("", 300.0),
        ],
        2.0,
    ),
    (
        &["error_rate"],
        &[
            ("percent", 0.05),
            ("%", 0.05),
            ("ratio", 0.0005),
            ("fraction", 0.0005),
            ("share", 0.0005),
            ("count", 120.0),
            ("errors", 120.0),
            ("per_second", 2.0),
            ("per_minute", 120.0),
            ("", 0.0005),
        ],
        40.0,
    ),
    (
        &["memory"],
        &[
            ("percent", 44.0),
            ("ratio", 0.44),
            ("bytes", 4e8),
            ("KB", 4e5),
            ("MB", 400.0),
            ("GB", 0.4),
            ("KiB", 4e5),
            ("MiB", 400.0),
            ("GiB", 0.4),
            ("norm", 0.44),
            ("pages", 1e5),
            ("", 400.0),
        ],
        2.1,
    ),
    (
        &["cpu"],
        &[
            ("percent", 40.0),
            ("ratio", 0.4),
            ("cores", 1.5),
            ("millicores", 1500.0),
            ("norm", 0.4),
            ("seconds", 1.5),
            ("", 1.5),
        ],
        2.0,
    ),
    (
        &["connections"],
        &[("percent", 38.0), ("ratio", 0.38), ("count", 40.0), ("connections", 40.0), ("norm", 0.38), ("", 40.0)],
        2.5,
    ),
    (
        &["requests", "traffic"],
        &[
            ("per_second", 40.0),
            ("rps", 40.0),
            ("/s", 40.0),
            ("per_minute", 2400.0),
            ("rpm", 2400.0),
            ("count", 2400.0),
            ("", 40.0),
        ],
        0.3,
    ),
    (&["5xx", "server_errors"], &[("per_second", 1.0), ("per_minute", 60.0), ("count", 60.0), ("", 1.0)], 4.0),
    (&["crash_free"], &[("percent", 99.8), ("%", 99.8), ("ratio", 0.998), ("", 99.8)], 0.982),
    (&["kpi", "custom"], &[("widgets", 7.0), ("percent", 7.0), ("", 7.0)], 2.5),
];

/// Bins around a level, as services have them: they never stand still.
fn around(level: f64, spread: f64, bins: std::ops::Range<u32>) -> Vec<f64> {
    bins.map(|bin| level * (1.0 + spread * (f64::from(bin * 37 % 11) / 10.0 - 0.5))).collect()
}

#[test]
fn every_unit_of_every_kind_tells_a_plain_fault_from_a_healthy_window() {
    let mut lines = Vec::new();
    let mut expected = Vec::new();
    for (kinds, units, fault) in UNITS {
        // A share of sessions ends at one.
        let spread = if kinds[0] == "crash_free" { 0.001 } else { 0.05 };
        for (kind, (unit, level)) in kinds.iter().flat_map(|kind| units.iter().map(move |unit| (kind, *unit))) {
            for by in [1.0, fault] {
                let window = [around(level, spread, 60..64), around(level * by, spread, 64..84)].concat();
                let name = format!("{kind} in `{unit}`, times {by}");
                lines.push(
                    json!({ "case_id": name, "kind": kind, "unit": unit, "step_s": 60,
                            "baseline": around(level, spread, 0..60), "window": window })
                    .to_string(),
                );
                expected.push((name, (by - 1.0).abs() > f64::EPSILON));
            }
        }
    }
    let output = judge(&lines.join("\n"));
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &b""[..]));
    let said = verdicts(&output);
    assert_eq!(said.len(), expected.len());
    let wrong: Vec<&Value> = said
        .iter()
        .zip(&expected)
        .filter(|(verdict, (name, is_bad))| {
            let is_flagged = verdict["flagged"] == json!(true);
            let soon = verdict["at_step"].as_u64().is_some_and(|step| (4..10).contains(&step));
            let blames =
                verdict["blames_deploy"] == json!(true) || name.starts_with("kpi") || name.starts_with("custom");
            verdict["case_id"] != json!(name) || is_flagged != *is_bad || (*is_bad && !(soon && blames))
        })
        .map(|(verdict, _)| verdict)
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn counts_beside_shares_are_counts_in_every_unit_of_a_share() {
    for (unit, level) in [("percent", 0.05), ("ratio", 0.0005), ("count", 0.6)] {
        let with = |by: f64| {
            let mut case = case("counted", "error_rate", unit, &[level * by; 8]);
            case["baseline"] = json!(around(level, 0.05, 0..60));
            case["baseline_n"] = json!(vec![1200; 60]);
            case["window_n"] = json!(vec![1200; 8]);
            verdicts(&judge(&case.to_string())).remove(0)
        };
        let (bad, good) = (with(40.0), with(1.0));
        assert_eq!((&bad["red_at_step"], &bad["blames_deploy"]), (&json!(0), &json!(true)), "{unit}: {bad}");
        assert_eq!((&good["flagged"], &good["level"]), (&json!(false), &json!("clear")), "{unit}: {good}");
    }
}

#[test]
fn without_a_unit_is_without_one() {
    let mut bare = case("bare", "latency", "", &[300.0; 6]);
    bare.as_object_mut().unwrap().remove("unit");
    assert_eq!(verdicts(&judge(&bare.to_string())).len(), 1);
    bare["unit"] = Value::Null;
    assert_eq!(verdicts(&judge(&bare.to_string())).len(), 1);
}

#[test]
fn a_verdict_has_its_level_and_whom_it_blames() {
    let level = |case: &Value| {
        let verdict = verdicts(&judge(&case.to_string())).remove(0);
        (verdict["level"].as_str().unwrap().to_owned(), verdict["blames_deploy"] == true)
    };
    let is = |level: &str, blames| (level.to_owned(), blames);
    assert_eq!(level(&case("a", "cpu", "percent", &[40.0; 8])), is("clear", false));
    assert_eq!(level(&case("b", "cpu", "percent", &[75.0; 8])), is("warning", false));
    assert_eq!(level(&case("c", "latency", "ms", &[300.0, 300.0, 900.0, 900.0])), is("warning", true));
    assert_eq!(level(&case("d", "latency", "ms", &[300.0; 2])), is("insufficient", false));
    let mut gaps = case("e", "latency", "ms", &[300.0; 4]);
    gaps["window"] = json!([null, null, null, null, null, null, null]);
    assert_eq!(level(&gaps), is("no data", false));
    let mut short = case("f", "latency", "ms", &[300.0; 4]);
    short["baseline"] = json!(vec![300.0; 9]);
    assert_eq!(level(&short), is("insufficient", false));
    let mut thin = case("g", "latency", "ms", &[300.0; 4]);
    thin["window_n"] = json!([2, 1, 3, 1]);
    assert_eq!(level(&thin), is("insufficient", false));
}

#[test]
fn the_version_before_beside_the_new_one_tells_whose_doing_it_is() {
    let mut pair = case("pair", "error_rate", "ratio", &[0.03; 6]);
    pair["baseline"] = json!(vec![0.0005; 60]);
    pair["baseline_n"] = json!(vec![2000; 60]);
    pair["window_n"] = json!(vec![400; 6]);
    let alone = &verdicts(&judge(&pair.to_string()))[0];
    assert_eq!(alone["blames_deploy"], json!(true), "{alone}");
    pair["beside"] = json!(vec![0.025; 6]);
    pair["beside_n"] = json!(vec![800; 6]);
    let both = &verdicts(&judge(&pair.to_string()))[0];
    assert_eq!((&both["flagged"], &both["level"]), (&json!(false), &json!("warning")), "{both}");
    assert!(both["sentence"].as_str().unwrap().contains("so is the previous version"), "{both}");
    pair["beside"] = json!(vec![0.025; 7]);
    assert_eq!(judge(&pair.to_string()).status.code(), Some(2), "more bins than in the window");
}

#[test]
fn a_share_of_more_than_all_is_passed_over_and_said() {
    let mut twice = case("twice", "error_rate", "ratio", &[0.001; 8]);
    twice["window"] = json!([0.001, 0.001, 2.0, 0.001, 0.001, 0.001, 0.001, 0.001]);
    let verdict = &verdicts(&judge(&twice.to_string()))[0];
    assert_eq!(verdict["note"], json!("1 of 68 numbers are impossible in `ratio`: they count as gaps"), "{verdict}");
    assert_eq!(verdict["flagged"], json!(false));
}

#[test]
fn a_stream_is_judged_as_it_comes_whatever_comes_before_it() {
    use std::io::{BufRead, BufReader};
    let mut child = Command::new(env!("CARGO_BIN_EXE_redflag"))
        .arg("judge")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut lines, mut verdicts) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
    for name in ["first", "second"] {
        let mark = if name == "first" { "\u{feff}" } else { "" };
        writeln!(lines, "{mark}{}", case(name, "cpu", "percent", &[40.0; 8])).unwrap();
        // The pipe stays open: the verdict is there before anything else is.
        let mut verdict = String::new();
        verdicts.read_line(&mut verdict).unwrap();
        assert!(verdict.contains(name), "{verdict}");
    }
    drop(verdicts);
    // Nobody reads any more: it ends without a complaint.
    for _ in 0..1000 {
        if writeln!(lines, "{}", case("third", "cpu", "percent", &[40.0; 8])).is_err() {
            break;
        }
    }
    drop(lines);
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

/// A case with the same numbers of another time, or of other services.
fn with(mut case: Value, key: &str, other: &Value) -> Value {
    case[key] = other.clone();
    case
}

#[test]
fn what_was_so_yesterday_or_a_week_ago_or_in_other_services_blames_nobody() {
    let slow = || case("slow", "latency", "s", &[0.3, 0.3, 0.62, 0.63, 0.61, 0.62, 0.62, 0.61]);
    let same = json!({ "name": "cart\u{7}", "baseline": slow()["baseline"], "window": slow()["window"] });
    let half = case("half", "latency", "s", &[0.3, 0.3, 0.42, 0.43, 0.41, 0.42, 0.42, 0.41]);
    let half = json!({ "name": "search", "baseline": half["baseline"], "window": half["window"] });
    let lines = [
        slow(),
        with(slow(), "yesterday", &same),
        with(slow(), "week_ago", &same),
        with(slow(), "yesterday", &half),
        with(slow(), "neighbours", &json!([same, same])),
        with(slow(), "neighbours", &json!([same, half])),
        with(slow(), "neighbours", &json!([same])),
        with(slow(), "yesterday", &Value::Null),
    ];
    let input: String = lines.map(|line| line.to_string()).join("\n");
    let verdicts = verdicts(&judge(&input));
    let flagged: Vec<bool> = verdicts.iter().map(|verdict| verdict["flagged"] == true).collect();
    assert_eq!(flagged, [true, false, false, true, false, true, true, true], "{verdicts:#?}");
    assert_eq!((&verdicts[1]["level"], &verdicts[1]["red_at_step"]), (&json!("warning"), &json!(null)));
    let says = |place: usize, end: &str| {
        let sentence = verdicts[place]["sentence"].as_str().unwrap();
        assert!(sentence.ends_with(end), "{sentence}");
    };
    says(1, "; as yesterday at this time");
    says(2, "; as a week ago at this time");
    says(4, "; cart and cart, which were not deployed, rise as well");
}

#[test]
fn numbers_of_another_time_that_do_not_fit_are_refused() {
    let wrong = json!({ "baseline": [1.0], "window": [1.0], "window_n": [1.0, 2.0] });
    for (key, other, of) in [
        ("yesterday", wrong.clone(), "yesterday"),
        ("week_ago", wrong.clone(), "week_ago"),
        ("neighbours", json!([with(wrong, "name", &json!("cart"))]), "neighbours"),
    ] {
        let output = judge(&with(case("a", "latency", "ms", &[300.0; 8]), key, &other).to_string());
        assert_eq!(output.status.code(), Some(2));
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(told.contains(&format!("line 1: {of}.window_n: expected as many numbers as in {of}.window")), "{told}");
    }
}
