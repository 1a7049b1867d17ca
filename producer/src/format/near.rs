//! "Did you mean …?"

/// The name among `known` that was meant by `typed`, as half a sentence; or all of them, after `otherwise`.
pub fn near<'a>(typed: &str, known: impl Iterator<Item = &'a str> + Clone, otherwise: &str) -> String {
    let near = known
        .clone()
        .map(|name| (strsim::damerau_levenshtein(&name.to_lowercase(), &typed.to_lowercase()), name))
        .min()
        .filter(|(distance, near)| *distance <= near.len().max(3) / 2);
    match near {
        Some((_, near)) => format!("did you mean `{near}`?"),
        None => format!("{otherwise}: {}", known.collect::<Vec<_>>().join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::near;

    #[test]
    fn names_that_are_near() {
        let check = |typed, want: &str| assert_eq!(near(typed, ["status", "Bytes"].into_iter(), "they are"), want);
        check("statsu", "did you mean `status`?");
        check("bytes", "did you mean `Bytes`?");
        check("zzzzzzzz", "they are: status, Bytes");
    }
}
