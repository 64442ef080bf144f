//! Reports: the samples in `docs` say what the record says, and whatever a peer wrote does nothing to who reads them.

use crate::sample;
use chrono::{DateTime, FixedOffset, TimeDelta};
use proptest::prelude::*;
use redflag::hindsight::{Ending, Hindsight, Summary};
use redflag::records::Kept;
use redflag::report::{Format, Report};
use redflag::secret::Secret;
use redflag::verdict::{Level, Verdict};
use redflag_core::message::{Command, Message};
use std::fs;
use std::path::{Path, PathBuf};

fn docs(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/samples").join(name)
}

fn utc() -> FixedOffset {
    FixedOffset::east_opt(0).unwrap()
}

/// To accept a wanted change, run with `REDFLAG_ACCEPT=1`, and read what changed.
#[track_caller]
fn is_committed(name: &str, text: &str) {
    if std::env::var_os("REDFLAG_ACCEPT").is_some() {
        fs::write(docs(name), text).unwrap();
        return;
    }
    let committed = fs::read_to_string(docs(name)).unwrap_or_default();
    assert!(committed == text, "docs/samples/{name} is another: REDFLAG_ACCEPT=1 writes it anew; now it is\n{text}");
}

#[test]
fn the_samples_are_what_the_record_says() {
    let report = Report::of(&sample::kept());
    is_committed("bad-release.md", &report.render(Format::Markdown, utc()).unwrap());
    is_committed("bad-release.html", &report.render(Format::Html, utc()).unwrap());
    is_committed("report.schema.json", &Report::schema());
}

#[test]
fn the_facts_are_those_of_the_watch() {
    let kept = sample::kept();
    let (report, watch) = (Report::of(&kept), kept.record.fold());
    assert_eq!((report.version, report.environment.as_str(), report.record.as_str()), (1, "production", "bad-release"));
    assert_eq!((report.at_the_end.verdict, report.said.verdict), (watch.verdict(), Verdict::Faulty));
    assert_eq!(report.said.at, report.rollbacks[0].confirmed);
    let [deploy] = report.deploys.as_slice() else { panic!("{:?}", report.deploys) };
    assert_eq!((deploy.from.as_deref(), deploy.to.as_str()), (Some("1.8.3"), "1.9.0"));
    let [done] = report.rollbacks.as_slice() else { panic!("{:?}", report.rollbacks) };
    assert_eq!((done.target.as_str(), done.by.as_str(), done.ending), ("1.8.3", "ana@laptop", Ending::Verified));
    assert!(!done.automatic && done.took.accepted <= done.took.ready && done.took.ready <= done.took.clear);
    let red = report.flags.iter().find(|flag| flag.level == Level::RedFlag).unwrap();
    assert_eq!(report.seconds_to_detect, Some((red.rose - deploy.at).num_seconds()));
    let clear = done.confirmed + TimeDelta::seconds(done.took.clear.unwrap());
    assert!((clear - red.rose).num_seconds().abs_diff(report.seconds_to_restore.unwrap()) <= 1);
    assert_eq!(report.timeline.len(), watch.timeline().entries().len());
    assert_eq!(report.notes.len(), 1);
    for (told, finding) in report.signals.iter().zip(watch.findings()) {
        assert_eq!((told.level, told.sentence.as_str()), (finding.level, finding.sentence().as_str()));
    }
}

#[test]
fn a_deploy_that_was_rolled_back_counts_as_failed_and_restored() {
    let summary = Summary::of(&Hindsight::of(&sample::kept().record));
    assert!(summary.failed && !summary.recovered_alone);
    assert!(summary.detected_after > Some(0) && summary.restored_after > Some(0), "{summary:?}");
}

/// The record up to a moment, as one that was killed then leaves it.
fn until(is_the_last: impl Fn(&redflag::watch::Watch) -> bool) -> Kept {
    let mut kept = sample::kept();
    let mut watch = kept.record.header.begin();
    let last = kept.record.messages.iter().position(|message| {
        watch.update(message.clone());
        is_the_last(&watch)
    });
    kept.record.messages.truncate(last.unwrap() + 1);
    kept.is_closed = false;
    kept
}

#[test]
fn what_was_not_seen_is_not_known() {
    let kept = until(|watch| watch.verdict() == Verdict::Faulty);
    let report = Report::of(&kept);
    assert!(report.seconds_to_detect.is_some());
    assert_eq!(report.seconds_to_restore, None);
    assert!(report.not_known.iter().any(|told| told.contains("was not ended")), "{:?}", report.not_known);
    let page = report.render(Format::Markdown, utc()).unwrap();
    assert!(page.contains("not known: it was not seen to recover") && page.contains("still up"), "{page}");
    let early = Report::of(&until(|watch| watch.now() > watch.setup().started));
    assert_eq!((early.seconds_to_detect, early.deploys.len()), (None, 0));
    assert!(early.not_known.contains(&"no deploy was found".to_owned()));
}

#[test]
fn a_page_loads_nothing_and_runs_nothing() {
    let page = Report::of(&sample::kept()).render(Format::Html, utc()).unwrap();
    for wanted in
        ["<!DOCTYPE html>", "width=device-width", "default-src 'none'", "prefers-color-scheme: dark", "<desc id="]
    {
        assert!(page.contains(wanted), "{wanted}");
    }
    for unwanted in ["<script", "<img", "<link", "<iframe", "url(", "@import", "src=", "onload", "javascript:"] {
        assert!(!page.contains(unwanted), "{unwanted}");
    }
    assert!(page.len() < 300 << 10, "{} bytes for one service", page.len());
    let charts = page.matches("<svg ").count();
    assert!(charts >= 4 && charts == page.matches("<title id=").count(), "{charts}");
    assert_eq!(page.matches("<svg ").count(), page.matches("</svg>").count());
}

#[test]
fn the_json_keeps_to_its_schema() {
    let report = Report::of(&sample::kept());
    let json: serde_json::Value = serde_json::from_str(&report.render(Format::Json, utc()).unwrap()).unwrap();
    let schema: serde_json::Value = serde_json::from_str(&Report::schema()).unwrap();
    let (told, declared) = (json.as_object().unwrap(), schema["properties"].as_object().unwrap());
    let mut names: [Vec<&String>; 2] = [told.keys().collect(), declared.keys().collect()];
    for names in &mut names {
        names.sort();
    }
    assert_eq!(names[0], names[1]);
    assert_eq!(json["rollbacks"][0]["ending"], "verified");
    assert!(json["signals"][0]["readings"].as_array().is_some());
}

/// A record in which a person wrote this down.
fn noted(text: &str) -> Kept {
    let mut kept = until(|watch| watch.now() > watch.setup().started);
    let at = kept.record.messages.last().map_or(DateTime::default(), Message::at);
    kept.record.messages.push(Message::Asked { at, command: Command::Note(text.to_owned()) });
    text.clone_into(&mut kept.record.header.setup.environment);
    text.clone_into(&mut kept.record.header.setup.signals[0].name);
    kept
}

#[test]
fn no_secret_and_no_markup_is_in_any_report() {
    let _secret = Secret::new("rEPOrt-hUSh-123");
    let foreign = "<img src=x onerror=alert(1)> [a](javascript:x) rEPOrt-hUSh-123 \u{1b}[2J | `";
    for format in [Format::Markdown, Format::Html, Format::Json] {
        let text = Report::of(&noted(foreign)).render(format, utc()).unwrap();
        assert!(!text.contains("rEPOrt-hUSh"), "{format:?}: {text}");
        assert!(!text.contains('\u{1b}'), "{format:?}");
        match format {
            Format::Html => assert!(!text.contains("<img")),
            Format::Markdown => assert!(text.contains(r"\<img src=x onerror=alert(1)\> \[a\](javascript:x)"), "{text}"),
            Format::Json => assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok()),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// The tags of a page are its own, whatever a name or a note says.
    #[test]
    fn no_text_adds_a_tag_to_a_page(foreign in "[<>&\"'/a-z =]{1,40}|\\PC{1,40}") {
        let tags = |text: &str| {
            let page = Report::of(&noted(text)).render(Format::Html, utc()).unwrap();
            (page.matches('<').count(), page.matches('>').count())
        };
        prop_assume!(!foreign.trim().is_empty());
        prop_assert_eq!(tags(&foreign), tags("plain"));
    }
}

/// The page as a browser shows it, by day and by night, on a desk and on a phone.
#[test]
#[ignore = "needs a headless Chromium: REDFLAG_TEST_CHROMIUM names the program"]
fn a_browser_shows_the_page() {
    let program = std::env::var_os("REDFLAG_TEST_CHROMIUM").expect("REDFLAG_TEST_CHROMIUM names a headless Chromium");
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("page.html");
    fs::write(&page, Report::of(&sample::kept()).render(Format::Html, utc()).unwrap()).unwrap();
    let run = |arguments: &[&str]| {
        let mut command = std::process::Command::new(&program);
        command.args(["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]).args(arguments);
        let done = command.arg(format!("file://{}", page.display())).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8_lossy(&done.stdout).into_owned()
    };
    // As a browser read it: nothing was repaired, moved or left out.
    let read = run(&["--dump-dom"]);
    let written = fs::read_to_string(&page).unwrap();
    for tag in ["<svg ", "<path ", "<tr>", "<figure>", "<h2>"] {
        assert_eq!(read.matches(tag).count(), written.matches(tag).count(), "{tag}");
    }
    for (name, size, dark) in [("desk", "1000,1400", false), ("night", "1000,1400", true), ("phone", "390,1400", false)]
    {
        let picture = folder.path().join(format!("{name}.png"));
        let (to, size) = (format!("--screenshot={}", picture.display()), format!("--window-size={size}"));
        let mut arguments = vec![to.as_str(), size.as_str()];
        if dark {
            arguments.push("--blink-settings=preferredColorScheme=0");
        }
        run(&arguments);
        let bytes = fs::read(&picture).unwrap();
        assert!(bytes.starts_with(b"\x89PNG") && bytes.len() > 20 << 10, "{name}: {} bytes", bytes.len());
        if let Some(keep) = std::env::var_os("REDFLAG_TEST_PICTURES") {
            fs::create_dir_all(&keep).unwrap();
            fs::copy(&picture, Path::new(&keep).join(format!("{name}.png"))).unwrap();
        }
    }
}
