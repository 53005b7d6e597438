//! What Python's `str()` makes of a scalar: [`Node::python_str`]. cloud-init builds commands that way.

use super::node::Node;
use super::scalar::Resolved;

impl Node {
    /// `str()` of the value that PyYAML makes of this scalar: `yes` is `True`, `0644` is `420`, null is `None`.
    ///
    /// Dates stay as written. Nothing for what has no sensible text: sequences, mappings and binary data.
    #[must_use]
    pub fn python_str(&self) -> Option<String> {
        match self.resolved()? {
            Resolved::Null => Some("None".to_owned()),
            Resolved::Bool(true) => Some("True".to_owned()),
            Resolved::Bool(false) => Some("False".to_owned()),
            Resolved::Int(value) => Some(value.to_string()),
            Resolved::Float(value) => Some(float(value)),
            Resolved::Str(text) => Some(text),
            Resolved::Binary(_) => None,
        }
    }
}

/// Python's `repr()` of a float: the shortest digits that read back the same, with an exponent below 1e-4 and from 1e16 on.
pub(super) fn float(value: f64) -> String {
    if value.is_nan() {
        return "nan".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "inf" } else { "-inf" }.to_owned();
    }
    let scientific = format!("{value:e}");
    match scientific
        .split_once('e')
        .and_then(|(digits, exponent)| Some((digits, exponent.parse::<i32>().ok()?)))
    {
        Some((digits, exponent)) if !(-4..16).contains(&exponent) => format!("{digits}e{exponent:+03}"),
        Some(_) | None => {
            let plain = value.to_string();
            if plain.contains('.') { plain } else { format!("{plain}.0") }
        }
    }
}
