//! `write_files[].permissions`.

use super::error::FieldProblem;

/// cloud-init's default.
pub(super) const DEFAULT: u32 = 0o644;

/// Reads octal digits as written, quoted or not, with or without `0` or `0o` before them.
///
/// The text decides, not YAML's type: an unquoted `0644` is the integer 420 in YAML 1.1 and means octal 644 all the same. An unquoted
/// `644` is where cloud-init and the others part: cloud-init takes decimal 644 (octal 1204), k0smotron takes octal, and octal is what
/// every author of it meant, so octal it is.
///
/// # Errors
///
/// Anything else, for which cloud-init would warn and use 0644.
pub(super) fn parse(text: &str) -> Result<u32, FieldProblem> {
    let digits = text.trim();
    let digits = digits
        .strip_prefix("0o")
        .or_else(|| digits.strip_prefix("0O"))
        .unwrap_or(digits);
    if digits.is_empty() || !digits.bytes().all(|digit| (b'0'..=b'7').contains(&digit)) {
        return Err(FieldProblem::Permissions);
    }
    u32::from_str_radix(digits, 8)
        .ok()
        .filter(|mode| *mode <= 0o7777)
        .ok_or(FieldProblem::Permissions)
}
