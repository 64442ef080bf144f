//! A report as one HTML page: no script, nothing that it loads, light and dark by the reader's own setting.

use super::chart::{self, Span};
use super::facts::{Report, SignalTold};
use super::{escape, words};
use crate::timeline::Mark;
use crate::verdict::{Level, Verdict};
use chrono::FixedOffset;
use std::cmp::Reverse;

const STYLE: &str = include_str!("page.css");

/// The most charts of a page, those of flagged signals first: more would be megabytes, and nobody looks at them.
const MOST_CHARTS: usize = 80;

/// The page.
pub(super) fn page(report: &Report, zone: FixedOffset) -> String {
    let title = format!("{}: {}", words::title(report), words::verdict(report));
    let mut out = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <meta name=\"referrer\" content=\"no-referrer\">\n\
         <title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n",
        title = text(&title),
    );
    out += &format!(
        "<h1>{}: <span class=\"{}\">{}</span></h1>\n<p class=\"sentence\">{}</p>\n",
        text(&words::title(report)),
        class_of(report.said.verdict),
        text(&words::verdict(report)),
        text(&report.said.sentence)
    );
    if !report.said.facts.is_empty() {
        out += &format!("<p class=\"quiet\">{}</p>\n", text(&report.said.facts.join(" · ")));
    }
    summary(&mut out, report, zone);
    charts(&mut out, report, zone);
    flags(&mut out, report, zone);
    done(&mut out, report, zone);
    list(&mut out, "Notes", report.notes.iter().map(|note| format!("{}: {}", words::clock(note.at, zone), note.text)));
    list(&mut out, "Not known", report.not_known.iter().cloned());
    timeline(&mut out, report, zone);
    signals(&mut out, report);
    out += &format!("</main>\n<footer><p>{}</p></footer>\n</body>\n</html>\n", text(&words::source(report, zone)));
    out
}

fn text(text: &str) -> String {
    escape::html(text)
}

const fn class_of(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Faulty => "faulty",
        Verdict::Degraded => "degraded",
        Verdict::Healthy => "healthy",
        Verdict::Watching | Verdict::Inconclusive => "quiet",
    }
}

const fn class_of_level(level: Level) -> &'static str {
    match level {
        Level::RedFlag => "red_flag",
        Level::Warning => "warning",
        Level::Clear => "ok",
        Level::Insufficient | Level::NoData | Level::Stale => "quiet",
    }
}

const fn class_of_mark(mark: Mark) -> &'static str {
    match mark {
        Mark::RedFlag => "red_flag",
        Mark::Warning => "warning",
        Mark::Clear => "ok",
        Mark::Deploy | Mark::Unknown | Mark::Rollback | Mark::Event | Mark::Note => "quiet",
    }
}

fn summary(out: &mut String, report: &Report, zone: FixedOffset) {
    *out += "<dl>\n";
    let mut entry = |name: &str, says: &str| *out += &format!("<dt>{name}</dt><dd>{}</dd>\n", text(says));
    for deploy in &report.deploys {
        entry("deployed", &words::deployed(deploy, zone));
    }
    if report.deploys.is_empty() {
        entry("deployed", "no deploy found");
    }
    entry("time to detect", &words::detected(report));
    entry("time to restore", &words::restored(report));
    if let Some(said) = words::at_the_end(report) {
        entry("at the end", &said);
    }
    *out += "</dl>\n";
}

/// The charts, what was flagged first, worst first; otherwise in the configuration's order.
fn charts(out: &mut String, report: &Report, zone: FixedOffset) {
    let worst = |signal: &SignalTold| {
        let own = report.flags.iter().filter(|flag| flag.service == signal.service && flag.signal == signal.name);
        own.map(|flag| flag.level).max()
    };
    let mut signals: Vec<&SignalTold> = report.signals.iter().collect();
    signals.sort_by_key(|signal| Reverse(worst(signal)));
    let span = Span::of(report);
    let drawn = signals.iter().enumerate();
    let mut drawn = drawn.filter_map(|(place, signal)| Some((signal, chart::svg(report, signal, place, span, zone)?)));
    let charts: Vec<_> = drawn.by_ref().take(MOST_CHARTS).collect();
    if charts.is_empty() {
        return;
    }
    *out += &format!(
        "<h2>Signals</h2>\n<p class=\"quiet\">The band is what was usual before the deploy, dashed lines are limits, shaded \
         spans are flags that were up. Times are {}.</p>\n",
        words::zone_name(zone)
    );
    for (signal, svg) in &charts {
        let name = text(&words::signal(report, &signal.service, &signal.name));
        *out += &format!(
            "<figure>\n<h3>{name}</h3>\n{svg}<figcaption><span class=\"{}\">{}</span>: {}</figcaption>\n</figure>\n",
            class_of_level(signal.level),
            words::level(signal.level),
            text(&signal.sentence)
        );
    }
    let more = drawn.count();
    if more > 0 {
        *out += &format!("<p class=\"quiet\">{more} more signals are in the table below.</p>\n");
    }
}

fn flags(out: &mut String, report: &Report, zone: FixedOffset) {
    *out += "<h2>Flags</h2>\n";
    if report.flags.is_empty() {
        *out += "<p>None rose.</p>\n";
        return;
    }
    head(out, &["signal", "level", "rose", "ended", "for", "what it said"]);
    for flag in &report.flags {
        *out += &format!(
            "<tr><td>{}</td><td class=\"word {}\">{}</td><td class=\"time\">{}</td><td class=\"time\">{}</td>\
             <td class=\"time\">{}</td><td>{}</td></tr>\n",
            text(&words::signal(report, &flag.service, &flag.signal)),
            class_of_level(flag.level),
            words::level(flag.level),
            words::clock(flag.rose, zone),
            words::ended(flag, zone),
            words::span(flag.seconds),
            text(&flag.sentence)
        );
    }
    *out += "</tbody></table></div>\n";
}

fn done(out: &mut String, report: &Report, zone: FixedOffset) {
    *out += "<h2>What was done</h2>\n";
    if report.rollbacks.is_empty() {
        *out += "<p>Nothing was rolled back.</p>\n";
    }
    for done in &report.rollbacks {
        *out += &format!("<p>At {}; {}</p>\n<dl>\n", text(&words::rollback(done, zone)), text(&words::ending(done)));
        for (what, when) in words::took(done) {
            *out += &format!("<dt>{what}</dt><dd>{when}</dd>\n");
        }
        *out += "</dl>\n";
    }
}

fn list(out: &mut String, title: &str, items: impl Iterator<Item = String>) {
    let mut items = items.peekable();
    if items.peek().is_none() {
        return;
    }
    *out += &format!("<h2>{title}</h2>\n<ul>\n");
    for item in items {
        *out += &format!("<li>{}</li>\n", text(&item));
    }
    *out += "</ul>\n";
}

fn timeline(out: &mut String, report: &Report, zone: FixedOffset) {
    *out += "<h2>Timeline</h2>\n";
    head(out, &["time", "", ""]);
    for moment in &report.timeline {
        *out += &format!(
            "<tr><td class=\"time\">{}</td><td class=\"word {}\">{}</td><td>{}</td></tr>\n",
            words::clock(moment.at, zone),
            class_of_mark(moment.kind),
            moment.kind.label(),
            text(&moment.text)
        );
    }
    *out += "</tbody></table></div>\n";
}

fn signals(out: &mut String, report: &Report) {
    *out += "<h2>Signals at the end</h2>\n";
    head(out, &["signal", "level", "what it says"]);
    for signal in &report.signals {
        let name = text(&words::signal(report, &signal.service, &signal.name));
        let name = match &signal.link {
            Some(link) => format!("<a href=\"{}\">{name}</a>", text(&escape::address(link))),
            None => name,
        };
        *out += &format!(
            "<tr><td>{name}</td><td class=\"word {}\">{}</td><td>{}</td></tr>\n",
            class_of_level(signal.level),
            words::level(signal.level),
            text(&signal.sentence)
        );
    }
    *out += "</tbody></table></div>\n";
}

fn head(out: &mut String, names: &[&str]) {
    *out += "<div class=\"wide\"><table><thead><tr>";
    for name in names {
        *out += &format!("<th scope=\"col\">{name}</th>");
    }
    *out += "</tr></thead><tbody>\n";
}
