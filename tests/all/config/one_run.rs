//! Everything that is wrong is told in one run: whatever is fixed, the next run finds nothing that was there before.

use super::*;

/// All sources and what makes a signal.
const FINE: &str = r#"
[sources.cluster]
kind = "kubernetes"
[sources.prometheus]
kind = "prometheus"
url = "https://prometheus.example.com"
token = { env = "PROMETHEUS_TOKEN" }
[environments.production]
workloads = ["deployment/app"]
"#;

/// The places and sentences of what is wrong, by line.
fn told(text: &str) -> Vec<String> {
    told_for(text, None, &Keeper::default())
}

fn told_for(text: &str, environment: Option<&str>, secrets: &Keeper) -> Vec<String> {
    let draft = match Draft::parse(text, "f") {
        Ok(draft) => draft,
        Err(error) => return vec![error.to_string()],
    };
    let error = match draft.finish_for(environment, secrets) {
        Ok(config) => {
            config.assemble(environment, &options(), secrets).map(|_| ()).err().map(|error| error.to_string())
        }
        Err(error) => Some(error.to_string()),
    };
    let told = error.unwrap_or_default();
    told.lines()
        .filter(|line| line.starts_with("f:") || line.starts_with("there is no environment"))
        .map(ToOwned::to_owned)
        .collect()
}

#[test]
fn whatever_is_wrong_anywhere_is_told_at_once() {
    let text = r#"
theme = 5
colour = "blue"
[sources.cluster]
kind = "kubernetes"
timeout = "10parsecs"
[sources.prometheus]
kind = "prometheus"
url = "prometheus.example.com"
token = { env = "PROMETHEUS_TOKEN" }
[sources.sentry]
kind = "sentry"
token = "hunter2"
organisation = "example"
[sources.other]
kind = "graphite"
[environments.production]
window = "half an hour"
namespace = "Not A Name"
workloads = ["deploymnt/app"]
[[environments.production.signals]]
kind = "latncy"
query = "x"
[[environments.production.signals]]
kind = "latency"
qeury = "x"
hold = 0
[[environments.production.signals]]
kind = "traffic"
source = "prometheus"
query = "sum(rate(x{a=\"$sevice\"}[5m])"
[[environments.production.signals]]
kind = "new_issues"
release = "app@1.9.0"
[environments.production.rollback]
strategy = "gti"
clear_for = "1h"
[environments.production.rollback.git]
branch = "-x"
[[environments.production.flags]]
provider = "unleash"
url = "https://unleash.example.com/?a=b"
token = { env = "UNLEASH_TOKEN" }
features = []
"#;
    let secrets = Keeper { lost: vec!["PROMETHEUS_TOKEN", "UNLEASH_TOKEN"], ..Keeper::default() };
    let told = told_for(text, None, &secrets);
    let places: Vec<usize> = told.iter().map(|line| line.split(':').nth(1).unwrap().parse().unwrap()).collect();
    let lines = [2, 3, 6, 9, 10, 13, 14, 16, 18, 19, 20, 22, 26, 27, 31, 31, 34, 36, 37, 39, 42, 43, 44];
    let missing: Vec<&usize> = lines.iter().filter(|line| !places.contains(line)).collect();
    assert!(missing.is_empty(), "nothing is said of the lines {missing:?}:\n{}", told.join("\n"));
    let more: Vec<&String> =
        told.iter().zip(&places).filter(|(_, at)| !lines.contains(at)).map(|(line, _)| line).collect();
    assert!(more.is_empty(), "{more:#?} only follows from what was refused");
}

/// The line, from 1, in which a part of a text stands.
fn line_of(text: &str, part: &str) -> usize {
    text[..text.find(part).unwrap_or_else(|| panic!("no {part} in {text}"))].matches('\n').count() + 1
}

#[test]
fn what_follows_from_something_refused_is_not_told() {
    const TRAFFIC: &str = "[[environments.production.signals]]\nkind = \"traffic\"\nquery = \"x\"\n";
    let with = |more: &str| FINE.to_owned() + more;
    for (text, wrong) in [
        // The kind of the only cluster is unknown: no environment lacks one.
        (FINE.replace("\"kubernetes\"", "\"kubernets\""), "kubernets\""),
        // A misspelt source is no missing one.
        (FINE.replace("kind = \"prometheus\"", "kind = \"promtheus\"") + TRAFFIC, "promtheus"),
        // Nor is a service whose name was refused, for what speaks of it.
        (
            FINE.replace("workloads = [\"deployment/app\"]", "[[environments.production.services]]\nnmae = \"app\"")
                + TRAFFIC
                + "service = \"app\"\n",
            "nmae",
        ),
        (FINE.replace("workloads", "worklods"), "worklods"),
        (FINE.replace("[environments.", "[enviroments."), "enviroments"),
        (with("url = \"example.com\"\n[[environments.production.signals]]\nkind = \"probe\"\n"), "\"example.com"),
        (with(&TRAFFIC.replace("query", "qurey")), "qurey"),
        (
            with(&TRAFFIC.replace("traffic", "connections").replace("query", "red_flag = 70\nwarning = \"9\"\nquery")),
            "warning",
        ),
        (
            with(
                "rollback = { strategy = \"ic\", ci = { system = \"jenkins\", url = \"https://x\", user = \"a\", \
                 token = { env = \"A\" }, job = \"b\" } }\n",
            ),
            "\"ic\"",
        ),
        (with("rollback = { strategy = \"ci\", ci = { system = \"jenkinss\" } }\n"), "jenkinss"),
        (FINE.replace("token = { env", "user = \"me\"\npasword = { env"), "pasword"),
    ] {
        let told = told(&text);
        let places: Vec<usize> = told.iter().map(|line| line.split(':').nth(1).unwrap().parse().unwrap()).collect();
        assert_eq!(places, [line_of(&text, wrong)], "{text}\n{}", told.join("\n"));
    }
}

#[test]
fn an_environment_that_is_not_there_is_told_with_the_rest() {
    let text = FINE.replace("prometheus.example.com", "prometheus.example.com?a=b");
    let told = told_for(&text, Some("prodction"), &Keeper::default());
    assert_eq!(told.len(), 2, "{told:?}");
    assert_eq!(told[1], "there is no environment `prodction`; did you mean `production`?");
}

#[test]
fn secrets_of_what_is_not_watched_are_nobody_s_problem() {
    let text = FINE.to_owned()
        + "colour = 1\n[environments.staging]\nworkloads = [\"deployment/app\"]\n\
        [[environments.staging.signals]]\nkind = \"traffic\"\nquery = \"x\"\n";
    let secrets = Keeper { lost: vec!["PROMETHEUS_TOKEN"], ..Keeper::default() };
    assert_eq!(told_for(&text, Some("production"), &secrets).len(), 1);
    assert_eq!(told_for(&text, Some("staging"), &secrets).len(), 2);
}

#[test]
fn a_variable_that_nobody_fills_in_is_refused_where_it_stands() {
    let signal = |lines: &str| format!("{FINE}[[environments.production.signals]]\n{lines}\n");
    let sentence = |lines: &str| -> String { told(&signal(lines)).join(" | ") };
    for (lines, at, said) in [
        ("kind = \"traffic\"\nquery = 'x{a=\"$sevice\"}'", "$sevice", "unknown variable `$sevice`"),
        ("kind = \"traffic\"\nquery = 'x{a=\"${namspace}\"}'", "${namspace}", "unknown variable `${namspace}`"),
        ("kind = \"traffic\"\nquery = 'rate(x[$__intervall])'", "$__intervall", "unknown variable `$__intervall`"),
        (
            "kind = \"traffic\"\nquery = 'x{a=~\"${service:regex}\"}'",
            "${service:regex}",
            "`${service:regex}`: a format is for dashboards alone",
        ),
        ("kind = \"traffic\"\nquery = 'x{a=\"$job\"}'", "$job", "unknown variable `$job`"),
        ("kind = \"traffic\"\nquery = 'x'\nlink = 'https://x.com/$sevice'", "$sevice", "unknown variable `$sevice`"),
        (
            "kind = \"traffic\"\nquery = 'x'\nlink = 'https://x.com/$version'",
            "$version",
            "$version is not known to a link",
        ),
        ("kind = \"alerts\"\nfilter = 'a=$version'", "$version", "$version is not known to the filter of alerts"),
        ("kind = \"probe\"\nurl = 'https://x.com/$enviroment'", "$enviroment", "unknown variable `$enviroment`"),
        (
            "kind = \"traffic\"\nname = \"of $service\"\nquery = 'x'",
            "$service",
            "a name is shown as it is written, and `$service` too",
        ),
    ] {
        let text = signal(lines);
        let before = &text[..text.find(at).unwrap()];
        let column = before.rsplit('\n').next().unwrap().chars().count() + 1;
        assert_eq!(sentence(lines), format!("f:{}:{column}: {said}", line_of(&text, at)), "{lines}");
    }
    for fine in [
        "kind = \"traffic\"\nquery = 'label_replace(x{c=~\"5..$\"}, \"a\", \"$1 $who\", \"b\", \"(?P<who>.*)\")'",
        "kind = \"traffic\"\nquery = 'rate(x{v=\"$version\",n=\"${namespace}\"}[$__rate_interval])'\nlink = 'https://example.com/?a=$__all&b=$state'",
    ] {
        assert_eq!(sentence(fine), "", "{fine}");
    }
}

#[test]
fn a_query_that_no_server_takes_is_refused_with_its_signal_and_column() {
    let text = FINE.to_owned()
        + "[[environments.production.signals]]\nkind = \"traffic\"\nname = \"orders\"\nquery = '''\nsum(\n  rate(x{a=“b”}[5m])\n)'''\n";
    let Err(error) = Config::parse(&text, "f") else { panic!("it is taken") };
    assert_eq!(
        error.to_string(),
        "f:15:12: the query of `orders`: “ is a typographic quote, at its column 12\n    |\n 15 |   rate(x{a=“b”}[5m])\n    |            ^ write \" or '"
    );
    let escaped =
        FINE.to_owned() + "[[environments.production.signals]]\nkind = \"traffic\"\nquery = \"sum(x{a=\\\"b\\\"}\"\n";
    let Err(error) = Config::parse(&escaped, "f") else { panic!("it is taken") };
    assert!(
        error.to_string().starts_with("f:12:9: the query of `requests`: this ( is never closed, at its column 4\n"),
        "{error}"
    );
}

#[test]
fn a_file_of_windows_is_read_or_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("redflag.toml");
    let write = |bytes: &[u8]| std::fs::write(&path, bytes).unwrap();
    write(format!("\u{feff}{}", FINE.replace('\n', "\r\n").replace("kind =", "\tkind\t=")).as_bytes());
    assert!(Config::load(&path).is_ok(), "a mark at the beginning, tabs and both signs at the end of a line");
    let wide: Vec<u8> = [0xff, 0xfe].into_iter().chain(FINE.encode_utf16().flat_map(u16::to_le_bytes)).collect();
    write(&wide);
    let said = Config::load(&path).unwrap_err().to_string();
    assert!(
        said.ends_with(
            "it is UTF-16: save it as UTF-8; a PowerShell writes that with `| Out-File -Encoding utf8 FILE`, not with >"
        ),
        "{said}"
    );
    write(b"theme = \"dark\"\n# caf\xe9\n");
    assert!(Config::load(&path).unwrap_err().to_string().ends_with("line 2, column 6 is not UTF-8: save it as UTF-8"));
    // A problem in the first line stands where an editor shows it.
    write("\u{feff}colour = 1\r\n".as_bytes());
    let said = Config::load(&path).unwrap_err().to_string();
    assert!(said.contains("redflag.toml:1:1: unknown key `colour`\n   |\n 1 | colour = …\n   | ^^^^^^"), "{said}");
}
