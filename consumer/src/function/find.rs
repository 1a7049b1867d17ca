//! `contains(text, part)`, `startswith(text, part)`, `endswith(text, part)`: the operators of these names, written as functions.

use crate::{
    expr::FindOp,
    language::{CheckCall::Values, FunctionWord, signature::find},
};

/// `contains`
pub(crate) static CONTAINS: FunctionWord = FunctionWord {
    name: "contains",
    syntax: "contains(TEXT, TEXT)",
    doc: "whether the second is in the first",
    example: "contains(request, '.php')",
    args: 2..=2,
    check: Values(|catalog, args| find(catalog, FindOp::Contains, args)),
};

/// `startswith`
pub(crate) static STARTSWITH: FunctionWord = FunctionWord {
    name: "startswith",
    syntax: "startswith(TEXT, TEXT)",
    doc: "whether the first begins with the second",
    example: "startswith(request, '/ply')",
    args: 2..=2,
    check: Values(|catalog, args| find(catalog, FindOp::StartsWith, args)),
};

/// `endswith`
pub(crate) static ENDSWITH: FunctionWord = FunctionWord {
    name: "endswith",
    syntax: "endswith(TEXT, TEXT)",
    doc: "whether the first ends with the second",
    example: "endswith(request, '.gif')",
    args: 2..=2,
    check: Values(|catalog, args| find(catalog, FindOp::EndsWith, args)),
};

#[cfg(test)]
mod tests {
    use crate::expr::check_values;

    #[test]
    fn as_the_operators() {
        for (function, operator, expect) in [
            ("contains(t, 'b')", "t contains 'b'", "true false false false"),
            ("startswith(t, ' ')", "t startswith ' '", "false true false false"),
            ("endswith(t, 'x')", "t endswith 'x'", "false false false true"),
        ] {
            check_values(function, expect);
            check_values(operator, expect);
        }
    }
}
