//! What a host said, as a terminal can be given it.

/// The most bytes of a line that are looked at.
pub const MAX_LINE: usize = 4096;

/// Text that a terminal can be given: no control characters, nothing but UTF-8, not too long.
#[must_use]
pub fn printable(bytes: &[u8]) -> String {
    let bytes = bytes.get(..MAX_LINE).unwrap_or(bytes);
    String::from_utf8_lossy(bytes).chars().map(shown).collect()
}

/// A character as a terminal can be given it; another one for those that would do something there.
#[must_use]
pub fn shown(c: char) -> char {
    match c {
        '\t' => ' ',
        // Bidirectional overrides would let a line lie about what it says.
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '?',
        c if c.is_control() => '?',
        c => c,
    }
}
