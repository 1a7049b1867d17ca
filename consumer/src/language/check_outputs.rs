//! Checks that the outputs of a query, those of its branches with them, do not get into each other's way, and what stands before them.

use std::path::{Path, PathBuf};

use super::{check_expr::Checker, diagnose::Diagnostic};
use crate::plan::{Place, Plan, PlanOutput};

impl Checker<'_> {
    /// Frames, and an Arrow stream, have standard output for themselves, and a file has one writer.
    pub(crate) fn outputs(&mut self, plan: &Plan) {
        self.rules(plan);
        let mut files: Vec<PathBuf> = Vec::new();
        let (mut alone, mut others) = (Vec::new(), 0);
        plan.for_each_output(
            &mut |sink| match sink.map(|PlanOutput { output, span, .. }| (output.about.name, output.sink.place(), *span)) {
                Some((_, place @ (Place::File(_) | Place::Appended(_) | Place::Own(_)), span)) => {
                    // The same file by two names (links) is found nowhere; each writer then has a file of its own.
                    let path = match place {
                        Place::File(path) | Place::Appended(path) => path,
                        Place::Own(name) => Path::new(name),
                        _ => return,
                    };
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

    /// What says how rows look stands behind all that changes them.
    fn rules(&mut self, plan: &Plan) {
        let early = plan.stages.windows(2).find(|two| two[0].operator.rule().is_some() && two[1].operator.rule().is_none());
        if let Some([rule, next]) = early {
            let what = format!("`{}` says how the rows of the answer look, and `{}` comes after it", rule.about.name, next.about.name);
            let found = Diagnostic::new(rule.span, what).label("put it behind all stages that change records, before the output");
            self.fail(found);
        }
        plan.stages.iter().flat_map(|stage| stage.operator.branches()).for_each(|branch| self.rules(branch));
    }
}
