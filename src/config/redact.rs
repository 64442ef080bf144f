//! What of a file no diagnostic may show. A secret that stands in the file by mistake is refused, and the refusal
//! must not put it on a screen or into a log.

use super::at::Span;
use super::secrets;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// The keys whose texts are harmless in what holds credentials: sources, rollbacks and flags. Any other text there may
/// be a secret under a misspelt key.
const HARMLESS: [&str; 46] = [
    "kind",
    "url",
    "site",
    "datasource",
    "organization",
    "environment",
    "tenant",
    "user",
    "context",
    "kubeconfig",
    "interval",
    "timeout",
    "file",
    // Rollbacks.
    "strategy",
    "auto",
    "countdown",
    "clear_for",
    "actor",
    "shared",
    "path",
    "remote",
    "tags",
    "migrations",
    "repository",
    "application",
    "program",
    "release",
    "branch",
    "run",
    "dry_run",
    "inherit",
    "system",
    "workflow",
    "ref",
    "inputs",
    "parameters",
    "project",
    "job",
    "run_timeout",
    // Flags.
    "provider",
    "features",
    "service",
    "link",
    // What diagnostics often quote, and what shows no more than the address beside it.
    "off_url",
    "state_url",
    "status_url",
];

/// Tables whose keys are the user's own: only what a key calls a secret is one there.
const OWN_KEYS: [&str; 2] = ["inputs", "parameters"];

/// What an environment has that holds no credentials.
const PLAIN_LISTS: [&str; 3] = ["preset", "services", "signals"];

/// Words in a key that call its value a secret, wherever it stands.
const SECRET: [&str; 5] = ["token", "password", "passwd", "secret", "api_key"];

/// What may be a secret in a text that could not be read as TOML. Where nothing can be relied on, little is shown:
/// outside of environments only plainly harmless lines, and no value over several lines.
pub(super) fn suspects(text: &str) -> Vec<Span> {
    let mut found = Vec::new();
    let mut start = 0;
    let mut fence: Option<&str> = None;
    let mut in_source = true;
    for line in text.split_inclusive('\n') {
        let offset = start;
        start += line.len();
        let end = line.trim_end().len();
        if let Some(closing) = fence {
            found.push(offset..offset + end);
            if line.contains(closing) {
                fence = None;
            }
            continue;
        }
        fence = ["\"\"\"", "'''"].into_iter().find(|fence| line.matches(fence).count() % 2 == 1);
        if line.trim_start().starts_with('[') {
            in_source = !is_plain_header(line);
        } else if let Some(value) = suspicious_value(line, in_source) {
            found.push(offset + value..offset + end.max(value));
        }
    }
    found
}

/// Whether nothing under a header holds credentials: keys, and environments without their rollbacks and flags.
fn is_plain_header(line: &str) -> bool {
    let inner = line.trim().trim_matches(['[', ']']);
    let mut parts = inner.split('.').map(str::trim);
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some("keys"), None, ..) | (Some("environments"), _, None, _) => true,
        (Some("environments"), _, Some(list), None) => PLAIN_LISTS.contains(&list),
        _ => false,
    }
}

/// Where the part of a line begins that may be a secret.
fn suspicious_value(line: &str, in_source: bool) -> Option<usize> {
    let lower = line.to_ascii_lowercase();
    let in_source = in_source || ["rollback", "flags"].iter().any(|table| lower.trim_start().starts_with(table));
    let from = if in_source || may_hold_a_secret(line) {
        lower.len() - lower.trim_start().len()
    } else {
        SECRET.iter().filter_map(|word| lower.find(word)).min()?
    };
    let is_key = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let key = lower[from..].split(|c| !is_key(c)).next().unwrap_or_default();
    let after = from + key.len();
    // Without its `=` even the key may be what is left of a secret.
    let value = line[after..].trim_start().strip_prefix('=').map_or(&line[from..], str::trim_start);
    let quotes = value.matches(['"', '\'']).count();
    // One text, and nothing that a typing error could have left of another.
    let harmless = quotes == 2 && !may_hold_a_secret(line) && (key == "theme" || HARMLESS.contains(&key));
    (!harmless && !says_a_place(value)).then_some(line.len() - value.len())
}

/// Whether a value reads `{ env = "NAME" }` or its like and nothing more.
fn says_a_place(value: &str) -> bool {
    let Some(inner) = value.strip_prefix('{') else { return false };
    let Some((key, rest)) = inner.split_once('=') else { return false };
    let texts: Vec<&str> = rest.split('"').collect();
    match key.trim() {
        "env" => matches!(texts.as_slice(), [_, name, _] if secrets::is_variable(name)),
        "file" => texts.len() == 3,
        "command" => !rest.contains('='),
        _ => false,
    }
}

/// What may be a secret in a text that could be read: see [`HARMLESS`] and [`SECRET`], and addresses with a user.
pub(super) fn secrets(root: &DeTable<'_>) -> Vec<Span> {
    let mut found = Vec::new();
    for (key, value) in root {
        match key.get_ref().as_ref() {
            "theme" | "keys" => {}
            "environments" => environments(value.get_ref(), &mut found),
            // Any other name may be `sources`, misspelt.
            _ => walk(value.get_ref(), &value.span(), true, true, &mut found),
        }
    }
    found
}

/// Environments hold credentials too, in tables such as `rollback` and `flags`, however those are spelt.
fn environments(value: &DeValue<'_>, found: &mut Vec<Span>) {
    let DeValue::Table(environments) = value else { return };
    for (_, environment) in environments {
        let DeValue::Table(environment) = environment.get_ref() else { continue };
        for (key, value) in environment {
            let holds_more = match value.get_ref() {
                DeValue::Table(_) => true,
                DeValue::Array(values) => values.iter().any(|value| matches!(value.get_ref(), DeValue::Table(_))),
                _ => false,
            };
            let in_source = holds_more && !PLAIN_LISTS.contains(&key.get_ref().as_ref());
            entry(key.get_ref(), value, in_source, false, found);
        }
    }
}

fn walk(value: &DeValue<'_>, span: &Span, in_source: bool, suspicious: bool, found: &mut Vec<Span>) {
    match value {
        DeValue::Table(table) => {
            for (key, value) in table {
                entry(key.get_ref(), value, in_source, suspicious, found);
            }
        }
        DeValue::Array(values) => {
            for value in values {
                walk(value.get_ref(), &value.span(), in_source, suspicious, found);
            }
        }
        DeValue::String(_) if suspicious => found.push(span.clone()),
        DeValue::String(text) => found.extend(secret_part(text, span)),
        _ if suspicious => found.push(span.clone()),
        _ => {}
    }
}

fn entry(key: &str, value: &Spanned<DeValue<'_>>, in_source: bool, suspicious: bool, found: &mut Vec<Span>) {
    let name = key.to_ascii_lowercase();
    let named = SECRET.iter().any(|word| name.contains(word)) || name.ends_with("_key");
    let suspicious = match (name.as_str(), value.get_ref()) {
        // A place may always be shown, unless it is no place but the secret itself.
        ("env", DeValue::String(text)) => !secrets::is_variable(text),
        ("command", _) => false,
        (_, DeValue::Table(_)) => named,
        (harmless, _) if HARMLESS.contains(&harmless) => false,
        _ => suspicious || named || in_source,
    };
    let in_source = in_source && !OWN_KEYS.contains(&name.as_str());
    walk(value.get_ref(), &value.span(), in_source, suspicious, found);
}

/// What of an address may be a secret: all of one with a user, and the parameters of any other.
fn secret_part(text: &str, span: &Span) -> Option<Span> {
    if !may_hold_a_secret(text) {
        return None;
    }
    let begin = text.find(['?', '#']).filter(|begin| !text[..*begin].contains('@'));
    // Only where it is written as it reads, with a quote on either side, is its part of the file known.
    match begin {
        Some(begin) if span.len() == text.len() + 2 => Some(span.start + begin + 2..span.end - 1),
        _ => Some(span.clone()),
    }
}

/// Whether a text is an address that carries a user, and so perhaps a password, or parameters: `?token=…`.
fn may_hold_a_secret(text: &str) -> bool {
    text.split_once("://").is_some_and(|(_, rest)| {
        let (host, tail) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        host.contains('@') || tail.find(['?', '#']).is_some_and(|at| tail[at..].contains('='))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, hidden: &[Span]) -> String {
        text.char_indices().map(|(at, c)| if hidden.iter().any(|span| span.contains(&at)) { '*' } else { c }).collect()
    }

    #[test]
    fn an_unreadable_line_does_not_show_what_follows_a_secrets_name() {
        for (text, safe) in [
            ("token = \"abc", "token = ****"),
            ("tok \"abc\"", "*********"),
            ("api_key=abc\nurl = \"x", "api_key=***\nurl = **"),
            ("token = { env = \"GRAFANA_TOKEN\" ", "token = { env = \"GRAFANA_TOKEN\" "),
            ("token = { env = \"glsa_abc\" ", "token = ****************** "),
            ("token = { env = \"A\", value = \"b\"", "token = ************************"),
            ("url = \"\"\"\nhunter2\n\"\"\"\nb", "url = ***\n*******\n***\n*"),
        ] {
            assert_eq!(shown(text, &suspects(text)), safe);
        }
    }

    #[test]
    fn only_what_surely_holds_no_credentials_is_shown_of_an_unreadable_environment() {
        let shown = |header: &str, line: &str| {
            let text = format!("{header}\n{line}");
            shown(&text, &suspects(&text)).lines().last().unwrap_or_default().to_owned()
        };
        let misspelt = "tokne = 'abc\"";
        assert_eq!(shown("[environments.production]", misspelt), misspelt);
        assert_eq!(shown("[[environments.production.signals]]", misspelt), misspelt);
        for header in
            ["[environments.production.rollback.ci]", "[[environments.production.flags]]", "[environments.a.rolback]"]
        {
            assert_eq!(shown(header, misspelt), "tokne = *****", "{header}");
        }
        let inline = "rollback = { argocd = { tokne = 'abc\" } }";
        assert_eq!(shown("[environments.production]", inline), format!("rollback = {}", "*".repeat(inline.len() - 11)));
    }

    #[test]
    #[allow(clippy::unwrap_used)]
    fn credentials_of_an_environment_are_not_shown_however_their_keys_are_spelt() {
        let text = "[environments.a]\nwindow = 'x'\n[environments.a.rollback.ci]\ntokne = 'abc'\nref = 'main'\n\
                    inputs = { version = '$to', token = 'abc' }\n[[environments.a.flasg]]\ntokne = 'abc'\n\
                    [[environments.a.signals]]\nquery = 'up'";
        let root = DeTable::parse(text).unwrap();
        let safe = text.replace("'abc'", "*****");
        assert_eq!(shown(text, &secrets(root.get_ref())), safe);
    }

    #[test]
    #[allow(clippy::unwrap_used)]
    fn a_readable_file_does_not_show_texts_under_keys_that_a_source_has_not() {
        let text =
            "[sources.a]\nkind = \"grafana\"\ntokne = \"abc\"\nurl = \"http://me:pw@x/\"\ntoken = { env = \"T\" }";
        let root = DeTable::parse(text).unwrap();
        let safe = "[sources.a]\nkind = \"grafana\"\ntokne = *****\nurl = *****************\ntoken = { env = \"T\" }";
        assert_eq!(shown(text, &secrets(root.get_ref())), safe);
    }

    #[test]
    #[allow(clippy::unwrap_used)]
    fn the_parameters_of_an_address_are_not_shown() {
        for (address, safe, is_shown) in [
            ("https://hook/?token=abc", "https://hook/?*********", false),
            ("https://hook/x#key=abc", "https://hook/x#*******", false),
            ("https://hook/?", "https://hook/?", true),
            ("https://hook/a=b", "https://hook/a=b", true),
        ] {
            let text =
                format!("[environments.a]\nwebsite = '{address}'\n[environments.a.flags]\noff_url = '{address}'");
            let root = DeTable::parse(&text).unwrap();
            assert_eq!(shown(&text, &secrets(root.get_ref())), text.replace(address, safe));
            let broken = format!("[sources.a]\nurl = \"{address}\" x");
            assert_eq!(shown(&broken, &suspects(&broken)) == broken, is_shown, "{address}");
        }
    }
}
