//! Files that say how inputs are read: the configuration of a server, and formats of one's own.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use recpipe::template;

use crate::format::{Formats, OwnFormat, formats_of};

/// A template as it is typed: the text itself, or `@FILE` and `@FILE:NAME`, a configuration that has it.
///
/// # Errors
/// The file cannot be read, or does not have it.
pub(crate) fn template(word: &str) -> Result<String, String> {
    let Some(place) = word.strip_prefix('@') else { return Ok(word.to_owned()) };
    let (file, name) = match place.rsplit_once(':') {
        Some((file, name)) if !Path::new(place).exists() => (file, Some(name)),
        _ => (place, None),
    };
    let text = std::fs::read(file).map_err(|error| format!("@{file}: {error}"))?;
    template::in_configuration(&String::from_utf8_lossy(&text), name).map_err(|what| format!("@{file}: {what}"))
}

/// The formats of a program and of a file: of the one that was named, or of the home directory, where there need be none.
///
/// # Errors
/// The file cannot be read, or is no table of formats; with its name.
pub(crate) fn own_formats(named: Option<&Path>, formats: &Formats) -> Result<Vec<Arc<OwnFormat>>, String> {
    let in_file = of_file(named)?;
    Ok(formats.own().iter().cloned().chain(in_file).collect())
}

fn of_file(named: Option<&Path>) -> Result<Vec<Arc<OwnFormat>>, String> {
    let Some(path) = named.map(Path::to_owned).or_else(at_home) else { return Ok(Vec::new()) };
    let text = match std::fs::read_to_string(&path) {
        Err(_) if named.is_none() => return Ok(Vec::new()),
        read => read.map_err(|error| format!("{}: {error}", path.display()))?,
    };
    formats_of(&text).map_err(|what| format!("{}: {what}", path.display()))
}

/// `$XDG_CONFIG_HOME/recpipe/formats.toml`, or the one in `~/.config`.
fn at_home() -> Option<PathBuf> {
    let of = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let config = of("XDG_CONFIG_HOME").or_else(|| Some(of("HOME")?.join(".config")))?;
    Some(config.join("recpipe").join("formats.toml"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_not_there_is_named() {
        assert!(own_formats(Some(Path::new("/no/such/file")), &Formats::builtin()).unwrap_err().contains("/no/such/file"));
        assert!(template("@/no/such/file:main").unwrap_err().starts_with("@/no/such/file: "));
        assert_eq!(template("{a} @b").as_deref(), Ok("{a} @b"));
    }
}
