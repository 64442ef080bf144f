//! Pane 2 with more than one service: one row a service, worst first, in columns that stay where they are; a rule before
//! those that are ok. A box stands before each that the rollback key is for: those that are marked, otherwise what is red
//! and what calls it.
//!
//! ```text
//!     service     version           pods   errors             p95                pool   issues  verdict   why
//! ■ ✖ checkout    1.3.0 → 1.3.1     3/3    3.4 % ▁▁▁▂▆██    310 ms ▄▄▅▆▇▇▇      46 %    38 /min  RED FLAG  error rate +3
//! ── 19 ok ─────────────────────────────────────────────────────────────────────────────────────────────────────────
//! □ ✔ cart        2.10.5 → 2.10.6   6/6      0 % ▁▁▁▁▁▁▁    224 ms ▄▄▄▄▄▄▄      37 %   0 /min
//! ```

use super::chart::{self, Axis};
use super::signals::block;
use super::text::width;
use super::{Brush, View};
use crate::deploy::ServiceId;
use crate::headline::limit;
use crate::signal::{Kind, SignalId};
use crate::tui::keymap::Pane;
use crate::tui::rows::{self, Row};
use crate::tui::theme::Slot;
use crate::tui::ui::{Order, Overlay};
use crate::verdict::Level;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

/// Columns of a value with its unit, and of the course beside it.
const VALUE: u16 = 9;
const COURSE: u16 = 8;
/// Columns of the versions.
const VERSION: u16 = 18;
/// Columns of the pods.
const PODS: u16 = 7;
/// Columns of the verdict's word.
const WORD: u16 = 13;
/// Columns of the box and of the level's sign.
const SIGNS: u16 = 4;
/// Columns of who deployed it, and from which width on they are there.
const WHO: (u16, u16) = (11, 150);

/// The kinds with a column of their own, and whether it has the course; those that come first stay longest.
const COLUMNS: [(Kind, &str, bool); 5] = [
    (Kind::ErrorRate, "errors", true),
    (Kind::Latency, "p95", true),
    (Kind::NewIssues, "issues", false),
    (Kind::Connections, "pool", false),
    (Kind::Memory, "memory", false),
];

/// The heading, a row for each service, and the rule before those that are ok.
pub(super) fn wish(view: &View<'_>) -> u16 {
    // A filter takes rows away, and moves nothing.
    view.watch.setup().services.len() as u16 + 2
}

/// How many of the first rows are not ok, or call one that is red, where the worst are first.
fn bad(view: &View<'_>, rows: &[Row]) -> usize {
    let is_bad = |row: &&Row| match row {
        Row::Service(id) => {
            rows::worst(view.watch, Some(*id)) != Level::Clear || !rows::red_callees(view.watch, *id).is_empty()
        }
        _ => false,
    };
    if view.ui.board.order == Order::Worst { rows.iter().take_while(is_bad).count() } else { 0 }
}

/// The services that the rollback key is for now.
fn wanted(view: &View<'_>) -> Vec<ServiceId> {
    if !view.ui.board.marked.is_empty() {
        return view.ui.board.marked.clone();
    }
    let scope = rows::scope(view.watch, None, &view.ui.board);
    scope.iter().map(|id| view.watch.setup().workload(*id).service).collect()
}

/// Which columns there are on so much room.
struct Columns {
    name: u16,
    version: bool,
    course: bool,
    who: bool,
    kinds: Vec<(Kind, &'static str, bool)>,
}

impl Columns {
    fn of(view: &View<'_>, room: u16) -> Self {
        let setup = view.watch.setup();
        let name = setup.services.iter().map(|service| width(&service.name)).max().unwrap_or(0).clamp(8, 20);
        let (version, course, who) = (room >= 90, room >= 105, room >= WHO.1);
        let fixed = if version { VERSION + 1 } else { 0 } + if who { WHO.0 } else { 0 };
        let mut left = room.saturating_sub(SIGNS + name + 2 + fixed + PODS + WORD + 12);
        let used = COLUMNS.into_iter().filter(|(kind, ..)| setup.signals.iter().any(|signal| signal.kind == *kind));
        let kinds = used.take_while(|(.., has_course)| {
            let wanted = VALUE + 1 + if course && *has_course { COURSE + 1 } else { 0 };
            let fits = wanted <= left;
            left = left.saturating_sub(wanted);
            fits
        });
        Self { name, version, course, who, kinds: kinds.collect() }
    }
}

pub(super) fn draw(buffer: &mut Buffer, view: &View<'_>, area: Rect) {
    let rows = view.rows(Pane::Signals);
    let inner = view.pane(buffer, area, Pane::Signals, &title(view, rows.len()));
    let columns = Columns::of(view, inner.width);
    heading(buffer, view, inner, &columns);

    let list = Rect { y: inner.y + inner.height.min(1), height: inner.height.saturating_sub(1), ..inner };
    let bad = bad(view, &rows);
    let wanted = wanted(view);
    let has_rule = bad > 0 && bad < rows.len();
    let more = rows.len() + usize::from(has_rule) > usize::from(list.height);
    let room = list.height.saturating_sub(u16::from(has_rule) + u16::from(more));
    let (first, cursor) = view.scrolled(Pane::Signals, &rows, room);
    let axis = view.courses.axis();
    let mut line = 0;
    let mut beyond = Beyond::default();
    let shown = rows.iter().enumerate().skip(first).take(usize::from(room));
    for (index, row) in shown {
        let Row::Service(service) = *row else { continue };
        if has_rule && index == bad {
            let at = Rect { x: area.x, y: list.y + line, width: area.width, height: 1 }.intersection(buffer.area);
            view.rule(buffer, at, &format!("{} ok", rows.len() - bad), false);
            line += 1;
            beyond = Beyond::default();
        }
        if view.ui.focus == Pane::Signals && index == cursor {
            view.point_at(buffer, list, line, 1);
        }
        let is_wanted = wanted.contains(&service);
        let mut brush = Brush::new(buffer, view, list, line);
        beyond = draw_service(&mut brush, view, (service, is_wanted), &columns, axis, &beyond);
        line += 1;
    }
    let hidden = rows.len() - (first + usize::from(room)).min(rows.len());
    if hidden > 0 {
        let text = format!("{hidden} more below");
        Brush::new(buffer, view, list, list.height.saturating_sub(1)).gap(2).put(&text, Slot::Muted);
    }
}

/// What the pane shows: all services, or those that a filter leaves, in which order.
fn title(view: &View<'_>, shown: usize) -> String {
    let board = &view.ui.board;
    let order = if board.order == Order::Worst { String::new() } else { format!(", {}", board.order.label()) };
    let all = view.watch.setup().services.len();
    let typing = matches!(view.ui.overlay, Some(Overlay::Filter));
    if board.filter.is_empty() && !typing {
        return format!("services{order}");
    }
    let cursor = if typing { view.glyphs.text_cursor() } else { "" };
    format!("services{order}, {shown} of {all} with /{}{cursor}", board.filter)
}

/// Which columns of the row above are beyond their limits, for each course.
type Beyond = Vec<Vec<bool>>;

fn heading(buffer: &mut Buffer, view: &View<'_>, inner: Rect, columns: &Columns) {
    let mut brush = Brush::new(buffer, view, inner, 0);
    brush.gap(SIGNS).cell("service", columns.name, Slot::Muted).gap(2);
    if columns.version {
        brush.cell("version", VERSION, Slot::Muted).gap(1);
    }
    if columns.who {
        brush.cell("by", WHO.0, Slot::Muted);
    }
    brush.cell("pods", PODS, Slot::Muted);
    for (_, word, has_course) in &columns.kinds {
        brush.number(word, VALUE, Slot::Muted).gap(1);
        if *has_course && columns.course {
            brush.gap(COURSE + 1);
        }
    }
    brush.gap(1).cell("verdict", WORD, Slot::Muted).put("why", Slot::Muted);
}

fn draw_service(
    brush: &mut Brush<'_>,
    view: &View<'_>,
    (service, is_wanted): (ServiceId, bool),
    columns: &Columns,
    axis: &Axis,
    above: &Beyond,
) -> Beyond {
    let worst = rows::worst(view.watch, Some(service));
    let (glyph, style) = view.level(worst);
    let plain = view.ink(worst);
    let name_style = if worst >= Level::Warning { plain } else { view.style(Slot::Text) };
    let (sign, slot) = if is_wanted { (true, Slot::Strong) } else { (false, Slot::Muted) };
    brush.put(view.glyphs.checkbox(sign), slot).gap(1).put(glyph, style).gap(1);
    brush.cell(&view.watch.setup().service(service).name, columns.name, name_style).gap(2);
    if columns.version {
        brush.cell(&versions(view, service), VERSION, Slot::Muted).gap(1);
    }
    if columns.who {
        brush.cell(&who(view, service), WHO.0 - 1, Slot::Muted).gap(1);
    }
    brush.cell(&pods(view, service), PODS, Slot::Text);
    let mut beyond = Beyond::default();
    for (place, (kind, _, has_course)) in columns.kinds.iter().enumerate() {
        let above = above.get(place).map_or(&[][..], Vec::as_slice);
        beyond.push(draw_cell(brush, view, (service, *kind), (*has_course && columns.course).then_some(axis), above));
    }
    brush.gap(1);
    let calls = rows::red_callees(view.watch, service);
    match (worst, calls.is_empty()) {
        (Level::Clear, true) => {}
        (Level::Clear, false) => {
            brush.cell("", WORD, Slot::Muted).put(&format!("calls {}", calls.join(", ")), Slot::Text);
        }
        _ => {
            brush.cell(worst.label(), WORD, plain).put(&why(view, service, worst), Slot::Text);
        }
    }
    beyond
}

/// Who deployed it, where that is known.
fn who(view: &View<'_>, service: ServiceId) -> String {
    let deploys = rows::workloads(view.watch, Some(service)).filter_map(|id| view.watch.workload(id).deploy.as_ref());
    deploys.max_by_key(|deploy| deploy.at).and_then(|deploy| deploy.by.clone()).unwrap_or_default()
}

/// The first signal that is as bad as the worst, and how many more are not ok.
fn why(view: &View<'_>, service: ServiceId, worst: Level) -> String {
    let level = |id: &SignalId| view.watch.finding(*id).level;
    let all: Vec<SignalId> = rows::signals(view.watch, Some(service)).filter(|id| level(id) != Level::Clear).collect();
    let Some(first) = all.iter().find(|id| level(id) == worst) else { return String::new() };
    let name = &view.watch.setup().signal(*first).name;
    if all.len() > 1 { format!("{name} +{}", all.len() - 1) } else { name.clone() }
}

/// The worst signal of a kind: its value or, where it is not known, the word; and its course since before the deploy.
fn draw_cell(
    brush: &mut Brush<'_>,
    view: &View<'_>,
    (service, kind): (ServiceId, Kind),
    course: Option<&Axis>,
    above: &[bool],
) -> Vec<bool> {
    let of_kind = rows::signals(view.watch, Some(service)).filter(|id| view.watch.setup().signal(*id).kind == kind);
    let Some(id) = of_kind.max_by_key(|id| view.watch.finding(*id).level) else {
        brush.gap(VALUE + 1 + if course.is_some() { COURSE + 1 } else { 0 });
        return Vec::new();
    };
    let level = view.watch.finding(id).level;
    let ink = view.ink(if level == Level::Clear { Slot::Text } else { level.into() });
    brush.number(&cell_text(view, id, level), VALUE, ink).gap(1);
    let Some(axis) = course else { return Vec::new() };
    let (signal, series) = (view.watch.setup().signal(id), view.watch.store().series(id));
    let bins = view.courses.bins(view.watch, id, usize::from(COURSE));
    let (limit, most) = (limit(signal, series), bins.iter().flatten().copied().fold(0.0, f64::max));
    let mark = axis.deploy.and_then(|at| axis.column(at, usize::from(COURSE)));
    let mut beyond = vec![false; bins.len()];
    for (column, bin) in bins.iter().enumerate() {
        let before = mark.is_some_and(|mark| column < mark);
        match bin {
            None => brush.gap(1),
            Some(value) => {
                let touches = above.get(column).copied().unwrap_or_default();
                let (block, ink) = block(view, signal, *value, (limit, most), (before, level), touches);
                beyond[column] = limit.is_some_and(|limit| chart::beyond(*value, limit, signal));
                brush.sign(block, ink)
            }
        };
    }
    brush.gap(1);
    beyond
}

fn cell_text(view: &View<'_>, id: SignalId, level: Level) -> String {
    let signal = view.watch.setup().signal(id);
    if matches!(level, Level::NoData | Level::Stale | Level::Insufficient) {
        return view.glyphs.level(level).to_owned();
    }
    view.watch.store().series(id).last_value().map_or_else(|| "?".to_owned(), |(_, value)| signal.unit.format(value))
}

fn versions(view: &View<'_>, service: ServiceId) -> String {
    let deploys = rows::workloads(view.watch, Some(service)).filter_map(|id| view.watch.workload(id).deploy.as_ref());
    let first = deploys.max_by_key(|deploy| deploy.at);
    first.map_or_else(
        || "?".to_owned(),
        |deploy| {
            let from = deploy.from.as_ref().map_or("?", |version| version.label());
            format!("{from} {} {}", view.glyphs.arrow(), deploy.to.label())
        },
    )
}

/// New pods that are ready, of those asked for.
fn pods(view: &View<'_>, service: ServiceId) -> String {
    let rollouts = rows::workloads(view.watch, Some(service)).filter_map(|id| view.watch.workload(id).rollout.as_ref());
    let mut known = false;
    let (updated, desired) = rollouts.fold((0, 0), |(updated, desired), rollout| {
        known = true;
        let replicas = rollout.replicas;
        (updated + replicas.updated.min(replicas.available), desired + replicas.desired)
    });
    if known { format!("{updated}/{desired}") } else { "?".to_owned() }
}
