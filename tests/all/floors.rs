//! What neither the compiler nor clippy holds: that each floor uses only what is below it where several stand in one
//! package, that adapters do not know each other, and that nothing but the cleaner and the screen writes to a terminal.
//! That the core has no clock, no network and no files is held by `crates/core/Cargo.toml` and its `clippy.toml`.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::fs;
use std::path::{Path, PathBuf};
use syn::visit::{self, Visit};
use syn::{File, Item, ItemMod, ItemUse, UseTree};

/// The packages whose floors are looked at: where their sources are, and their top-level modules by floor, lowest first.
const PACKAGES: [(&str, &[&[&str]]); 2] = [
    (
        "crates/core/src",
        &[
            &[
                "deploy",
                "rollout",
                "signal",
                "poll",
                "session",
                "setup",
                "template",
                "rollback/version_history",
                "record/number",
            ],
            &["store", "verdict", "rollback", "timeline", "feature_flags"],
            &["message", "watch"],
            &["record"],
            &["headline"],
            &["lib"],
        ],
    ),
    (
        "src",
        &[
            &[
                "net",
                "cluster",
                "clock",
                "fuzzing",
                "memory",
                "files",
                "lines",
                "output",
                "panics",
                "program",
                "records",
                "repository",
                "feature_flags",
                "rollback",
            ],
            &["settings", "simulated"],
            &["systems/api", "systems/declaration", "systems/questions", "systems/shared"],
            &["systems"],
            &["systems/registry"],
            &["config"],
            &["hindsight"],
            &["replay", "report"],
            &["runtime", "outcome", "tui", "demo", "backtest"],
            &["cli", "commands", "main", "lib"],
        ],
    ),
];

/// One file: its module path (`rollback/workload/pods`) and its text.
struct Source {
    module: String,
    text: String,
}

impl Source {
    /// Every path of its code, from the root of its package on: what it uses there, whatever words it uses it by. The
    /// tests in it may look upwards.
    fn used(&self) -> Vec<Vec<String>> {
        let file: File = syn::parse_file(&self.text).unwrap_or_else(|error| panic!("{}: {error}", self.module));
        let mut paths = Paths { module: self.module.split('/').map(str::to_owned).collect(), found: Vec::new() };
        paths.visit_file(&file);
        paths.found
    }
}

fn sources(folder: &str) -> Vec<Source> {
    fn walk(folder: &Path, root: &Path, found: &mut Vec<Source>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path: PathBuf = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, root, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(root).unwrap().with_extension("");
                let module = name.to_str().unwrap().replace('\\', "/");
                let module = module.strip_suffix("/mod").unwrap_or(&module).to_owned();
                found.push(Source { module, text: fs::read_to_string(&path).unwrap() });
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut found = Vec::new();
    walk(&root, &root, &mut found);
    assert!(found.len() > 30, "the sources were not found under {}", root.display());
    found
}

/// Collects the paths of a file that lead through its own package.
struct Paths {
    module: Vec<String>,
    found: Vec<Vec<String>>,
}

impl Paths {
    /// Keeps a path if it begins at the root of the package, here, or above.
    fn keep(&mut self, path: &[String]) {
        let (mut place, mut rest) = match path.first().map(String::as_str) {
            Some("crate") => (Vec::new(), &path[1..]),
            Some("self") => (self.module.clone(), &path[1..]),
            Some("super") => (self.module.clone(), path),
            _ => return,
        };
        while rest.first().is_some_and(|first| first == "super") {
            place.pop();
            rest = &rest[1..];
        }
        place.extend_from_slice(rest);
        self.found.push(place);
    }

    fn tree(&mut self, before: &mut Vec<String>, tree: &UseTree) {
        match tree {
            UseTree::Path(path) => {
                before.push(path.ident.to_string());
                self.tree(before, &path.tree);
                before.pop();
            }
            UseTree::Group(group) => group.items.iter().for_each(|tree| self.tree(before, tree)),
            UseTree::Name(name) => self.end(before, &name.ident),
            UseTree::Rename(rename) => self.end(before, &rename.ident),
            UseTree::Glob(_) => self.keep(before),
        }
    }

    fn end(&mut self, before: &[String], name: &syn::Ident) {
        self.keep(&[before, &[name.to_string()]].concat());
    }
}

impl<'ast> Visit<'ast> for Paths {
    fn visit_item(&mut self, item: &'ast Item) {
        let attributes = match item {
            Item::Mod(item) => &item.attrs,
            Item::Fn(item) => &item.attrs,
            Item::Impl(item) => &item.attrs,
            Item::Use(item) => &item.attrs,
            _ => return visit::visit_item(self, item),
        };
        let is_test = |attribute: &syn::Attribute| {
            attribute.path().is_ident("cfg")
                && attribute.parse_args::<syn::Path>().is_ok_and(|condition| condition.is_ident("test"))
        };
        if !attributes.iter().any(is_test) {
            visit::visit_item(self, item);
        }
    }

    fn visit_item_mod(&mut self, item: &'ast ItemMod) {
        self.module.push(item.ident.to_string());
        visit::visit_item_mod(self, item);
        self.module.pop();
    }

    /// Who may look at something is nothing that it uses.
    fn visit_visibility(&mut self, _: &'ast syn::Visibility) {}

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        self.tree(&mut Vec::new(), &item.tree);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        self.keep(&path.segments.iter().map(|segment| segment.ident.to_string()).collect::<Vec<_>>());
        visit::visit_path(self, path);
    }
}

/// The floor of a place such as `rollback/workload/pods`; the longest match wins. `None`: not of this package's own
/// modules, but lent from another.
fn floor(floors: &[&[&str]], place: &str) -> Option<usize> {
    let is_in = |name: &&str| place == *name || place.starts_with(&format!("{name}/"));
    let places = floors.iter().enumerate().flat_map(|(floor, names)| names.iter().map(move |name| (floor, name)));
    places.filter(|(_, name)| is_in(name)).max_by_key(|(_, name)| name.len()).map(|(floor, _)| floor)
}

#[test]
fn each_floor_uses_only_what_is_below_it() {
    let mut wrong = Vec::new();
    for (package, floors) in PACKAGES {
        for source in sources(package) {
            let module = &source.module;
            let own = floor(floors, module).unwrap_or_else(|| {
                panic!("{package}/{module}.rs has no floor yet: add it to tests/all/floors.rs and to lib.rs")
            });
            for used in source.used() {
                let above = floor(floors, &used.join("/")).filter(|above| *above > own);
                if let Some(above) = above {
                    let used = used.join("::");
                    wrong.push(format!("{package}/{module}.rs (floor {own}) uses {used} (floor {above})"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The folders of the systems: whatever has one is an adapter.
fn adapters() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/systems");
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    let folders = entries.filter(|entry| entry.path().join("mod.rs").exists());
    folders.map(|entry| entry.file_name().into_string().unwrap()).collect()
}

#[test]
fn adapters_never_know_each_other_and_nobody_but_the_registry_knows_them() {
    let adapters = adapters();
    assert!(adapters.len() > 15, "{adapters:?}");
    let adapter = |place: &[String]| match place {
        [folder, adapter, ..] if folder == "systems" => adapters.iter().find(|known| *known == adapter).cloned(),
        _ => None,
    };
    let mut wrong = Vec::new();
    for source in sources("src") {
        let module: Vec<String> = source.module.split('/').map(str::to_owned).collect();
        if let [first, second, ..] = module.as_slice()
            && first == "systems"
            && second == "registry"
        {
            continue;
        }
        // What holds of several alike is tried on several.
        if module.iter().any(|part| part == "tests") {
            continue;
        }
        let own = adapter(&module);
        let others = source.used().into_iter().filter(|used| adapter(used).is_some_and(|other| Some(other) != own));
        wrong.extend(others.map(|used| format!("src/{}.rs names {}", source.module, used.join("::"))));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_peer_knows_nothing_of_the_adapter_that_it_is_asked_by() {
    let mut wrong = Vec::new();
    let mut peers = 0;
    for source in sources("src") {
        let module: Vec<&str> = source.module.split('/').collect();
        let ["systems", system, "peer", ..] = module.as_slice() else { continue };
        if *system == "shared" {
            continue;
        }
        peers += 1;
        let own = ["systems", system, "peer"];
        let is_own = |used: &[String]| own.iter().zip(used).all(|(own, used)| own == used) && used.len() > 2;
        let others = source
            .used()
            .into_iter()
            .filter(|used| used.first().is_some_and(|first| first == "systems") && !is_own(used));
        wrong.extend(others.map(|used| format!("src/{}.rs names {}", source.module, used.join("::"))));
    }
    assert!(peers > 8, "only {peers} files of peers were found");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_path_is_known_by_whatever_words_it_is_named() {
    let text = "use super::{strategy as way, deploy::Time};\nfn f() { let _ = crate::tui::draw::<self::Own>(); }\n\
                mod inner { use super::super::watch::*; }\n#[cfg(test)]\nmod tests { use crate::demo::Company; }\n";
    let source = Source { module: "rollback/plan".into(), text: text.into() };
    let used: Vec<String> = source.used().iter().map(|path| path.join("::")).collect();
    let own = "rollback::plan::Own";
    assert_eq!(used, ["rollback::strategy", "rollback::deploy::Time", "tui::draw", own, "rollback::watch"]);
}

/// Code without comments and without the tests at the end of a file.
fn code(text: &str) -> String {
    let text = text.split("#[cfg(test)]\nmod tests").next().unwrap_or(text);
    let lines = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn only_the_cleaner_and_the_screen_write_to_the_terminal() {
    /// What writes there; whether it is a terminal may be asked by anybody.
    const WAYS: [&str; 6] = ["println!(", "print!(", "dbg!(", "io::stdout()", "io::stderr()", "::set_hook("];
    const WRITERS: [(&str, &str); 3] = [
        ("output", "every line, through the cleaner"),
        ("tui/terminal", "the screen, whose brush cleans"),
        ("panics", "through `output`"),
    ];
    let mut wrong = Vec::new();
    for Source { module, text } in sources("src") {
        if WRITERS.iter().any(|(writer, _)| *writer == module) {
            continue;
        }
        let code = code(&text).replace("io::stdout().is_terminal()", "");
        let used = WAYS.iter().filter(|way| code.contains(**way));
        wrong.extend(used.map(|way| format!("src/{module}.rs writes by {way}")));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_file_says_what_it_is_for() {
    let folders = PACKAGES.iter().map(|(folder, _)| *folder);
    let all = folders.flat_map(|folder| sources(folder).into_iter().map(move |source| (folder, source)));
    let silent = all.filter(|(_, source)| !source.text.starts_with("//! "));
    let silent: Vec<String> = silent.map(|(folder, source)| format!("{folder}/{}.rs", source.module)).collect();
    assert!(silent.is_empty(), "no `//!` line at the top of {silent:?}");
}
