//! The kubeconfig: read once, bounded as everything is that others write, and made safe for a terminal.

use super::{SIGN_IN, root_cause, run_blocking};
use crate::files::{self, Unread};
use crate::poll::SourceError;
use crate::secret;
use kube::config::{AuthInfo, ExecInteractiveMode, KubeConfigOptions, Kubeconfig, KubeconfigError};
use std::fs;
use std::path::{Path, PathBuf};

/// The most of a kubeconfig that is read, and of each file that it names. One with a hundred clusters and their
/// certificates has less than one million bytes.
const MOST_OF_A_FILE: usize = 4 << 20;

/// Reads the kubeconfig; without one, and when none was asked for, tries the pod's own service account.
pub(super) async fn load(
    path: Option<PathBuf>,
    context: Option<String>,
) -> Result<(kube::Config, Option<String>), SourceError> {
    let asked_for = path.is_some() || context.is_some();
    let read = run_blocking(SIGN_IN, move || read(path)).await;
    let chosen = match read {
        Ok(kubeconfig) => from_kubeconfig(kubeconfig, context).await,
        Err(error) => Err(error),
    };
    match chosen {
        Err(error) if !asked_for => {
            let config = kube::Config::incluster().map_err(|_| error)?;
            Ok((config, Some("in-cluster".to_owned())))
        }
        chosen => chosen.map(|(config, context)| (config, Some(context))),
    }
}

async fn from_kubeconfig(
    mut kubeconfig: Kubeconfig,
    context: Option<String>,
) -> Result<(kube::Config, String), SourceError> {
    for user in &mut kubeconfig.auth_infos {
        let Some(info) = user.auth_info.as_mut() else { continue };
        hide_secrets(info);
        if let Some(exec) = info.exec.as_mut() {
            // Otherwise the plugin reads our keys and writes over our screen.
            exec.interactive_mode = Some(ExecInteractiveMode::Never);
            // Signing in to the cluster needs no token of anything else.
            exec.drop_env.get_or_insert_default().extend(secret::hidden_variables());
        }
    }
    for file in named_files(&kubeconfig) {
        is_small(Path::new(file))?;
    }
    let name = context.clone().or_else(|| kubeconfig.current_context.clone()).unwrap_or_default();
    if let Some(wanted) = &context
        && !kubeconfig.contexts.iter().any(|known| known.name == *wanted)
    {
        let known: Vec<&str> = kubeconfig.contexts.iter().map(|known| known.name.as_str()).collect();
        let text = format!("no context `{wanted}` in the kubeconfig; it has {}", known.join(", "));
        return Err(SourceError::NotFound(text));
    }
    let options = KubeConfigOptions { context, cluster: None, user: None };
    let config = kube::Config::from_custom_kubeconfig(kubeconfig, &options).await;
    Ok((config.map_err(|error| unusable(&error))?, name))
}

/// What a user of a kubeconfig signs in with is a secret, and so is what its plugin's environment calls one.
fn hide_secrets(info: &AuthInfo) {
    if let Ok(written) = serde_json::to_value(info) {
        ["token", "password"].iter().filter_map(|key| written[*key].as_str()).for_each(secret::hide);
    }
    let variables = info.exec.iter().flat_map(|exec| exec.env.iter().flatten());
    for variable in variables.filter(|variable| variable.get("name").is_some_and(|name| secret::names_one(name))) {
        variable.get("value").into_iter().for_each(|value| secret::hide(value));
    }
}

/// Reads the file, or those that `KUBECONFIG` names, or the usual one: as kubectl does.
fn read(path: Option<PathBuf>) -> Result<Kubeconfig, SourceError> {
    if let Some(path) = path {
        return read_file(&path);
    }
    let named = std::env::var_os("KUBECONFIG").unwrap_or_default();
    let mut paths = std::env::split_paths(&named).filter(|path| !path.as_os_str().is_empty()).peekable();
    if paths.peek().is_none() {
        let usual = std::env::home_dir().map(|home| home.join(".kube").join("config"));
        return read_file(&usual.ok_or_else(|| unusable(&KubeconfigError::FindPath))?);
    }
    let mut merged = Kubeconfig::default();
    for path in paths {
        merged = merged.merge(read_file(&path)?).map_err(|error| unusable(&error))?;
    }
    Ok(merged)
}

fn read_file(path: &Path) -> Result<Kubeconfig, SourceError> {
    let metadata = fs::metadata(path).map_err(|error| unread(path, &Unread::Io(error)))?;
    if metadata.is_file() {
        is_small(path)?;
        return Kubeconfig::read_from(path).map_err(|error| unusable(&error));
    }
    // A pipe, as of `KUBECONFIG=<(…)`, can be read only once; nothing in it is relative to where it stands.
    let text = files::read(path, MOST_OF_A_FILE).map_err(|error| unread(path, &error))?;
    Kubeconfig::from_yaml(&text).map_err(|error| unusable(&error))
}

/// Whether a file is one that is read; one that is not there is for whoever reads it.
fn is_small(path: &Path) -> Result<(), SourceError> {
    match fs::metadata(path) {
        Ok(metadata) if metadata.len() > MOST_OF_A_FILE as u64 => {
            Err(unread(path, &Unread::TooLarge { size: Some(metadata.len()), limit: MOST_OF_A_FILE }))
        }
        _ => Ok(()),
    }
}

fn unread(path: &Path, why: &Unread) -> SourceError {
    SourceError::unreachable(format!("kubeconfig: {}: {why}", path.display()))
}

/// The files that a kubeconfig names: certificates, keys, tokens.
fn named_files(kubeconfig: &Kubeconfig) -> impl Iterator<Item = &String> {
    let clusters = kubeconfig.clusters.iter().filter_map(|named| named.cluster.as_ref());
    let users = kubeconfig.auth_infos.iter().filter_map(|named| named.auth_info.as_ref());
    let of_users = users.flat_map(|user| [&user.client_certificate, &user.client_key, &user.token_file]);
    clusters.map(|cluster| &cluster.certificate_authority).chain(of_users).flatten()
}

fn unusable(error: &KubeconfigError) -> SourceError {
    let text = match error {
        // The parser's own text quotes the lines around the mistake, and with them tokens and keys.
        KubeconfigError::Parse(error) => match error.location() {
            Some(at) => format!("cannot parse line {}, column {}", at.line(), at.column()),
            None => "cannot be parsed".to_owned(),
        },
        KubeconfigError::ReadConfig(error, path) => format!("{}: {error}", path.display()),
        error => root_cause(error),
    };
    SourceError::unreachable(format!("kubeconfig: {text}"))
}
