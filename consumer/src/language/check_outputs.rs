//! Checks that the outputs of a query, those of its branches with them, do not get into each other's way.

use std::path::PathBuf;

use super::{check_expr::Checker, diagnose::Diagnostic};
use crate::plan::{Place, Plan, PlanOutput};

impl Checker<'_> {
    /// Frames, and an Arrow stream, have standard output for themselves, and a file has one writer.
    pub(crate) fn outputs(&mut self, plan: &Plan) {
        let mut files: Vec<PathBuf> = Vec::new();
        let (mut alone, mut others) = (Vec::new(), 0);
        plan.for_each_output(
            &mut |sink| match sink.map(|PlanOutput { output, span, .. }| (output.about.name, output.sink.place(), *span)) {
                Some((_, Place::File(path) | Place::Appended(path), span)) => {
                    // The same file by two names (links) is found nowhere; each writer then has a file of its own.
                    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
                    if files.contains(&path) {
                        let found = Diagnostic::new(span, "two outputs write this file").label("give it another name");
                        self.fail(found);
                    }
                    files.push(path);
                }
                Some((word, Place::Alone(_), span)) => alone.push((word, span)),
                Some((_, Place::Nowhere, _)) => {}
                _ => others += 1,
            },
        );
        if let (Some(&(word, span)), true) = (alone.last(), alone.len() + others > 1) {
            let found =
                Diagnostic::new(span, format!("`{word}` needs standard output for itself, and another output of the query uses it"))
                    .label("end the other in `write \"FILE\"` or `null`");
            self.fail(found);
        }
    }
}
