//! "Did you mean": [`nearest`].

/// The candidate that a word is most likely a misspelling of: differing in at most a third of its letters, hyphens and underscores
/// and letter case aside.
pub(super) fn nearest(word: &str, candidates: impl Iterator<Item = &'static str>) -> Option<&'static str> {
    // Longer than any key, and the distance is quadratic.
    const MAX_LENGTH: usize = 64;
    if word.len() > MAX_LENGTH {
        return None;
    }
    let same = |text: &str| text.to_lowercase().replace('-', "_");
    let word = same(word);
    let allowed = (word.chars().count() / 3).max(1);
    candidates
        .map(|candidate| (strsim::damerau_levenshtein(&word, &same(candidate)), candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .min()
        .map(|(_, candidate)| candidate)
}

/// `; did you mean ...?` or nothing.
pub(super) fn did_you_mean(word: &str, candidates: impl Iterator<Item = &'static str>) -> String {
    nearest(word, candidates).map_or_else(String::new, |candidate| format!("; did you mean `{candidate}`?"))
}
