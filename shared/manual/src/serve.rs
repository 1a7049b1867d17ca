//! `PROGRAM completions SHELL`, `PROGRAM man [--dir DIR]`, and what a shell asks when somebody presses the tabulator.

use std::{ffi::OsString, fs, path::Path};

use crate::{Page, Words, completion, man};

/// The words that are no format and no stage, but ask a program for something about itself.
pub const RESERVED: [&str; 3] = ["help", "completions", "man"];

/// What is said of a program to whoever asks for it.
pub struct Said<'p, C, P> {
    /// What it is called.
    pub name: &'p str,
    /// Its command line, with what may stand there attached to its arguments.
    pub command: C,
    /// Its man pages, the one of its own name first.
    pub pages: P,
}

/// Answers arguments (the program's name is the first) that ask for completions or man pages: what goes to standard output. `None` where
/// they ask for something else.
///
/// # Errors
/// What to say of a mistake in them, or of a directory that cannot be written to.
///
/// # Examples
/// ```
/// use recpipe_manual::{Page, Said, serve};
///
/// let said = || Said { name: "x", command: |_: &_| clap::Command::new("x"), pages: || vec![Page::of(&clap::Command::new("x"), "1", "", &[])] };
/// assert!(serve(&["x".into(), "count".into()], said()).is_none());
/// let script = serve(&["x".into(), "completions".into(), "bash".into()], said()).ok_or("a script")??;
/// assert!(script.contains("complete "));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn serve<C, P>(args: &[OsString], said: Said<'_, C, P>) -> Option<Result<String, String>>
where
    C: FnOnce(&Words) -> clap::Command,
    P: FnOnce() -> Vec<Page>,
{
    if let Some((shell, words)) = completion::asked(args) {
        return Some(completion::answer(&shell, (said.command)(&words), words));
    }
    let word = |at: usize| args.get(at).and_then(|word| word.to_str());
    match word(1)? {
        "completions" => Some(match (word(2), args.len()) {
            (Some(shell), 3) => completion::script(shell, said.name),
            _ => Err(format!("name a shell, as in: {} completions {}", said.name, completion::SHELLS.join("|"))),
        }),
        "man" => Some(match (word(2), args.get(3), args.len()) {
            (None, _, 2) => Ok((said.pages)().swap_remove(0).roff),
            (Some("--dir"), Some(directory), 4) => written(&(said.pages)(), Path::new(directory)),
            _ => Err(format!("write `{0} man`, or `{0} man --dir DIR` for a file of each page", said.name)),
        }),
        _ => None,
    }
}

/// Writes each page into the directory, which is made; says which they are.
fn written(pages: &[man::Page], directory: &Path) -> Result<String, String> {
    let failed = |path: &Path, error: std::io::Error| format!("{}: {error}", path.display());
    fs::create_dir_all(directory).map_err(|error| failed(directory, error))?;
    let mut said = String::new();
    for page in pages {
        let path = directory.join(page.file_name());
        fs::write(&path, &page.roff).map_err(|error| failed(&path, error))?;
        said += &format!("{}\n", path.display());
    }
    Ok(said)
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::{Said, serve};
    use crate::Page;

    fn said(words: &[&str]) -> Option<Result<String, String>> {
        let args: Vec<OsString> = words.iter().map(Into::into).collect();
        let command = || clap::Command::new("x").about("does x");
        serve(&args, Said { name: "x", command: |_: &_| command(), pages: || vec![Page::of(&command(), "1", "", &[])] })
    }

    #[test]
    fn mistakes_are_told_how_to_mend() {
        for (words, part) in [
            (&["x", "completions"][..], "x completions bash|fish|zsh"),
            (&["x", "completions", "tcsh"], "bash"),
            (&["x", "completions", "bash", "zsh"], "name a shell"),
            (&["x", "man", "--dir"], "man --dir DIR"),
            (&["x", "man", "csv"], "man --dir DIR"),
            (&["x", "man", "--dir", "/dev/null/x"], "/dev/null/x: "),
        ] {
            let what = said(words).unwrap().unwrap_err();
            assert!(what.contains(part), "{words:?}: {what}");
        }
        assert!(said(&["x"]).is_none() && said(&["x", "manual"]).is_none());
        assert!(said(&["x", "man"]).unwrap().unwrap().contains(".TH"));
    }
}
