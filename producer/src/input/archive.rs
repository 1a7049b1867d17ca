//! Archives: each file in a tar or zip archive is an input of its own, `logs.tar:app.log`, read one after another in the archive's order.
//!
//! A tar archive is told by its first header, whose checksum is right, through any compression, and is read as it comes. A zip archive lies in a
//! plain file: what is in it stands at its end. An archive in an archive is opened as well; `--name` says which files, as in directories.

mod tar;
mod zip;

use std::sync::Arc;

use super::content::{TAR_HEADER_BYTES, is_tar};
use super::find::{Input, Names};
use super::open::Opened;
use super::{InputError, name_of};
use tar::Tar;
use zip::Zip;

/// An archive in an archive in an archive: so deep, and no deeper.
const MOST_NESTED: usize = 8;

/// How a zip archive begins: with a member, or, where it has none, with its end.
const ZIP_MAGICS: [&[u8]; 2] = [b"PK\x03\x04", b"PK\x05\x06"];

/// A file that can be read: its name, and what is in it.
pub(super) type Member = (Arc<str>, Opened);

/// The files that an input is: itself, or those in the archive that it is.
#[derive(Debug)]
pub(super) struct Files {
    names: Names,
    /// The input, until it was looked at.
    first: Option<(Member, Option<Input>)>,
    /// The archives that are open, the innermost last, and how many files each had so far.
    open: Vec<(Arc<str>, Kind, u64)>,
}

#[derive(Debug)]
enum Kind {
    Tar(Tar),
    Zip(Zip),
}

impl Files {
    /// Those of an input that is open.
    pub(super) fn of(input: &Input, opened: Opened, names: &Names) -> Self {
        let first = Some(((name_of(input), opened), Some(input.clone())));
        Files { names: names.clone(), first, open: Vec::new() }
    }

    /// Whether there may be another.
    pub(super) fn has_more(&self) -> bool {
        self.first.is_some() || !self.open.is_empty()
    }

    /// Looks at what was opened: a file is given back, an archive is gone through from now on.
    fn look(&mut self, (name, mut opened): Member, input: Option<&Input>) -> Result<Option<Member>, InputError> {
        let failed = |what: String| InputError::read(&name, what);
        opened.look_ahead(is_told).map_err(|e| failed(opened.explain(&e)))?;
        let head = opened.ahead();
        let kind = if is_tar(head) {
            Kind::Tar(Tar::new(opened))
        } else if ZIP_MAGICS.iter().any(|magic| head.starts_with(magic)) {
            let path = match input {
                Some(Input::File(path)) if opened.cat().is_none() && opened.id().is_some() => path,
                _ => {
                    return Err(failed(
                        "a zip archive is read from a file only, as its list of members stands at its end: save it, and name the file"
                            .to_owned(),
                    ));
                }
            };
            Kind::Zip(Zip::open(path).map_err(failed)?)
        } else {
            return Ok(Some((name, opened)));
        };
        if self.open.len() == MOST_NESTED {
            return Err(failed(format!("archives within each other are opened up to {MOST_NESTED} deep")));
        }
        self.open.push((name, kind, 0));
        Ok(None)
    }

    /// The next file of the innermost archive.
    fn member(&mut self) -> Option<Result<Member, InputError>> {
        let (archive, kind, count) = self.open.last_mut()?;
        let next = match kind {
            Kind::Tar(tar) => tar.next(&self.names),
            Kind::Zip(zip) => zip.next(&self.names),
        };
        let named = |what: String| InputError::read(archive, what);
        match next {
            Ok(Some((name, opened))) => {
                *count += 1;
                Some(Ok((format!("{archive}:{name}").into(), opened)))
            }
            Ok(None) => {
                let problem = (*count == 0 && !self.names.are_all()).then(|| named("no file in it matches --name".to_owned()));
                self.open.pop();
                problem.map(Err)
            }
            Err(what) => {
                let problem = named(what);
                self.open.pop();
                Some(Err(problem))
            }
        }
    }
}

impl Iterator for Files {
    type Item = Result<Member, InputError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let (member, input) = match self.first.take() {
                Some((member, input)) => (Ok(member), input),
                None if self.open.is_empty() => return None,
                None => match self.member() {
                    Some(member) => (member, None),
                    None => continue,
                },
            };
            match member.and_then(|member| self.look(member, input.as_ref())) {
                Ok(None) => {}
                Ok(Some(member)) => return Some(Ok(member)),
                Err(problem) => return Some(Err(problem)),
            }
        }
    }
}

/// Whether a beginning tells whether it is one of an archive: more is asked for only as long as it may be, so that a live input whose first
/// line is short is not kept waiting.
fn is_told(head: &[u8]) -> bool {
    if ZIP_MAGICS.iter().any(|magic| magic.starts_with(head)) && head.len() < ZIP_MAGICS[0].len() {
        return false;
    }
    head.len() >= TAR_HEADER_BYTES || !may_be_tar(head)
}

/// Whether a tar header may begin so: with a name, then NULs, and with octal numbers behind.
fn may_be_tar(head: &[u8]) -> bool {
    let name = &head[..head.len().min(100)];
    let end = memchr::memchr(0, name).unwrap_or(name.len());
    let is_name = (end > 0 || head.is_empty()) && name[..end].iter().all(|&byte| byte >= b' ') && name[end..].iter().all(|&byte| byte == 0);
    let numbers = &head[name.len()..head.len().min(108)];
    is_name && numbers.iter().all(|byte| matches!(byte, b'0'..=b'7' | b' ' | 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_an_archive_is_told_at_once() {
        for head in [&b"a line\n"[..], b"\0\0", b"\x80\x04", b"PK\x03\x04", b"a\0b"] {
            assert!(is_told(head), "{head:?}");
        }
        for head in [&b""[..], b"P", b"PK\x03", b"logs/app.log", b"logs/app.log\0\0\0"] {
            assert!(!is_told(head), "{head:?}");
        }
        let header = [&b"a.log"[..], &[0; 95], b"0000644\0"].concat();
        assert!(!is_told(&header) && is_told(&[&header[..107], b"x"].concat()) && is_told(&[header, vec![0; 404]].concat()));
    }
}
