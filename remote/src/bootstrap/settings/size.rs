//! Sizes as cloud-init writes them: bytes, or a number with `K`, `M`, `G` or `T`, which are powers of 1024; a `B` may follow.

use crate::bootstrap::error::{BootstrapError, FieldProblem};
use crate::bootstrap::fields::Fields;

pub(super) const MIB: u64 = 1 << 20;

/// The size at a key in bytes; nothing if it is missing or null.
pub(super) fn read(fields: &Fields<'_>, key: &str) -> Result<Option<u64>, BootstrapError> {
    let Some((text, node)) = fields.text(key)? else {
        return Ok(None);
    };
    let invalid = FieldProblem::Invalid {
        expected: "a size: bytes, or a number with K, M, G or T",
    };
    bytes(text).map(Some).ok_or_else(|| fields.fail(node, key, invalid))
}

fn bytes(text: &str) -> Option<u64> {
    let text = text.strip_suffix('B').unwrap_or(text);
    let (number, shift) = match text.chars().last()? {
        'K' => (text.strip_suffix('K')?, 10),
        'M' => (text.strip_suffix('M')?, 20),
        'G' => (text.strip_suffix('G')?, 30),
        'T' => (text.strip_suffix('T')?, 40),
        _ => (text, 0),
    };
    if !number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        return None;
    }
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() && fraction.is_empty() || fraction.len() > 6 || fraction.contains('.') {
        return None;
    }
    let unit = 1_u64 << shift;
    let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let part: u64 = if fraction.is_empty() { 0 } else { fraction.parse().ok()? };
    let of = 10_u64.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    whole.checked_mul(unit)?.checked_add(part.checked_mul(unit)?.checked_div(of)?)
}

#[cfg(test)]
mod tests {
    use super::bytes;

    #[test]
    fn sizes() {
        for (text, expected) in [
            ("1024", Some(1024)),
            ("10485760B", Some(10_485_760)),
            ("2G", Some(2 << 30)),
            ("2GB", Some(2 << 30)),
            (".5G", Some(1 << 29)),
            ("1.5K", Some(1536)),
            ("0", Some(0)),
            ("", None),
            ("G", None),
            ("-1G", None),
            ("1 G", None),
            ("1e3", None),
            ("1.2.3M", None),
            ("99999999999T", None),
            ("12GiB", None),
        ] {
            assert_eq!(bytes(text), expected, "{text}");
        }
    }
}
