//! Where the configuration is looked for.

use super::ConfigError;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The variable that names the file.
const VARIABLE: &str = "REDFLAG_CONFIG";
/// The file in the working folder.
const LOCAL: &str = "redflag.toml";

/// The places in their order: what the flag says, what `REDFLAG_CONFIG` says, `./redflag.toml`, then `config.toml`
/// in the platform's configuration folder. The first that is given or there is taken; a file that was named but is
/// not there is an error, never passed over.
pub fn locate(flag: Option<&Path>) -> Result<PathBuf, ConfigError> {
    choose(flag, std::env::var_os(VARIABLE), folder().as_deref())
}

/// The places where [`locate`] looks when nothing is named, in order.
pub fn search_paths() -> Vec<PathBuf> {
    usual(folder().as_deref())
}

/// redflag's folder in the platform's place for configuration: `~/.config/redflag` on Linux. Also holds `themes`.
pub fn folder() -> Option<PathBuf> {
    directories::ProjectDirs::from("", "", "redflag").map(|folders| folders.config_dir().to_owned())
}

fn usual(folder: Option<&Path>) -> Vec<PathBuf> {
    let mut places = vec![PathBuf::from(LOCAL)];
    places.extend(folder.map(|folder| folder.join("config.toml")));
    places
}

fn choose(flag: Option<&Path>, variable: Option<OsString>, folder: Option<&Path>) -> Result<PathBuf, ConfigError> {
    let missing = |path: &Path, by: &'static str| ConfigError::Missing { path: path.to_owned(), by };
    if let Some(path) = flag {
        return if path.is_file() { Ok(path.to_owned()) } else { Err(missing(path, "--config")) };
    }
    if let Some(path) = variable.filter(|value| !value.is_empty()).map(PathBuf::from) {
        return if path.is_file() { Ok(path) } else { Err(missing(&path, VARIABLE)) };
    }
    let places = usual(folder);
    match places.iter().find(|place| place.is_file()) {
        Some(place) => Ok(place.clone()),
        None => Err(ConfigError::NotFound { looked: places }),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests {
    use super::*;

    #[test]
    fn what_is_named_wins_over_what_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let make = |name: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, "").unwrap();
            path
        };
        let (flagged, named, usual) = (make("a.toml"), make("b.toml"), make("config.toml"));
        let variable = || Some(named.clone().into_os_string());
        let found = |flag: Option<&Path>, variable| choose(flag, variable, Some(folder.path())).unwrap();
        assert_eq!(found(Some(&flagged), variable()), flagged);
        assert_eq!(found(None, variable()), named);
        assert_eq!(found(None, Some(OsString::new())), usual, "an empty variable is as good as none");
        assert_eq!(found(None, None), usual);
    }

    #[test]
    fn a_named_file_that_is_not_there_is_never_passed_over() {
        let error = choose(None, Some("/nowhere/b.toml".into()), None).unwrap_err();
        assert_eq!(error.to_string(), "there is no file /nowhere/b.toml, which REDFLAG_CONFIG names");
        let error = choose(Some(Path::new("/nowhere/a.toml")), None, None).unwrap_err();
        assert_eq!(error.to_string(), "there is no file /nowhere/a.toml, which --config names");
    }

    #[test]
    fn without_any_file_the_way_to_one_is_told() {
        let error = choose(None, None, Some(Path::new("/nowhere"))).unwrap_err();
        assert_eq!(
            error.to_string(),
            "no configuration found; looked for redflag.toml and /nowhere/config.toml\n\
             make one with: redflag config example > redflag.toml\n\
             or see it all at work first: redflag demo"
        );
    }
}
