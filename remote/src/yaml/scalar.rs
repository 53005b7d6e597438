//! What a scalar means to PyYAML, which follows YAML 1.1 (<https://yaml.org/type/>): [`Node::resolved`].

use super::binary;
use super::node::{Node, Style, Tag, Value};

/// A scalar with its type. No `Debug`: it may be a secret.
#[derive(Clone, PartialEq)]
pub enum Resolved {
    /// Nothing: `~`, `null`, an empty plain scalar.
    Null,
    /// `yes`, `no`, `on`, `off`, `true`, `false` in lower case, capitalised or upper case.
    Bool(bool),
    /// Decimal, `0`-octal, `0x`, `0b` or base 60 (`1:30` is 90), with `_` anywhere.
    Int(i128),
    /// With a decimal point; an exponent needs its sign. `.inf` and `.nan`.
    Float(f64),
    /// Text; dates too, which PyYAML makes a type of their own, and integers beyond 128 bits.
    Str(String),
    /// `!!binary`, decoded.
    Binary(Vec<u8>),
}

impl Resolved {
    /// What to call it in a message.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Int(_) => "an integer",
            Self::Float(_) => "a number",
            Self::Str(_) => "a string",
            Self::Binary(_) => "binary data",
        }
    }
}

impl Node {
    /// The type and value of a scalar as PyYAML sees them; nothing for a sequence or a mapping.
    #[must_use]
    pub fn resolved(&self) -> Option<Resolved> {
        match &self.value {
            // The parser refused scalars that do not fit their tag, so that the fallback to text is never taken for parsed nodes.
            Value::Scalar { text, style, tag } => {
                Some(resolve(text, *style, *tag).unwrap_or_else(|_| Resolved::Str(text.clone())))
            }
            Value::Sequence(_) | Value::Mapping(_) => None,
        }
    }

    /// What to call this node in a message.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match &self.value {
            Value::Scalar { .. } => self.resolved().map_or("a scalar", |resolved| resolved.kind()),
            Value::Sequence(_) => "a list",
            Value::Mapping(_) => "a mapping",
        }
    }
}

/// The tag (as written in messages) that a scalar does not fit.
pub(super) struct DoesNotFit(pub(super) &'static str);

/// Types a scalar.
pub(super) fn resolve(text: &str, style: Style, tag: Option<Tag>) -> Result<Resolved, DoesNotFit> {
    match (tag, style) {
        (None, Style::Plain) => Ok(plain(text)),
        (None, Style::Quoted) | (Some(Tag::Str | Tag::Timestamp), _) => Ok(Resolved::Str(text.to_owned())),
        (Some(Tag::Null), _) => Ok(Resolved::Null),
        (Some(Tag::Bool), _) => boolean(&text.to_ascii_lowercase())
            .map(Resolved::Bool)
            .ok_or(DoesNotFit("!!bool")),
        (Some(Tag::Int), _) => integer(text).map(Resolved::Int).ok_or(DoesNotFit("!!int")),
        (Some(Tag::Float), _) => tagged_float(text).map(Resolved::Float).ok_or(DoesNotFit("!!float")),
        (Some(Tag::Binary), _) => binary::decode(text.as_bytes())
            .map(Resolved::Binary)
            .ok_or(DoesNotFit("!!binary")),
    }
}

fn plain(text: &str) -> Resolved {
    if matches!(text, "" | "~" | "null" | "Null" | "NULL") {
        return Resolved::Null;
    }
    boolean(text)
        .map(Resolved::Bool)
        .or_else(|| integer(text).map(Resolved::Int))
        .or_else(|| float(text).map(Resolved::Float))
        .unwrap_or_else(|| Resolved::Str(text.to_owned()))
}

fn boolean(text: &str) -> Option<bool> {
    match text {
        "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => Some(true),
        "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => Some(false),
        _ => None,
    }
}

fn integer(text: &str) -> Option<i128> {
    let (sign, body) = split_sign(text);
    let magnitude = if let Some(digits) = body.strip_prefix("0b") {
        radix(digits, 2)?
    } else if let Some(digits) = body.strip_prefix("0x") {
        radix(digits, 16)?
    } else if body == "0" {
        0
    } else if let Some(digits) = body.strip_prefix('0') {
        // `0_` is zero as well.
        if !digits.is_empty() && digits.bytes().all(|byte| byte == b'_') {
            0
        } else {
            radix(digits, 8)?
        }
    } else {
        base_60(body)?
    };
    magnitude.checked_mul(sign)
}

/// `[1-9][0-9_]*` and any number of `:` with two digits below 60.
fn base_60(body: &str) -> Option<i128> {
    let mut parts = body.split(':');
    let first = parts.next()?;
    if !first.starts_with(|digit: char| digit.is_ascii_digit()) {
        return None;
    }
    parts.try_fold(radix(first, 10)?, |value, part| {
        value.checked_mul(60)?.checked_add(i128::from(below_60(part)?))
    })
}

fn below_60(part: &str) -> Option<u8> {
    let digits = !part.is_empty() && part.len() <= 2 && part.bytes().all(|byte| byte.is_ascii_digit());
    part.parse().ok().filter(|value| digits && *value < 60)
}

fn radix(digits: &str, radix: u32) -> Option<i128> {
    if !digits.chars().all(|digit| digit == '_' || digit.is_digit(radix)) {
        return None;
    }
    i128::from_str_radix(&digits.replace('_', ""), radix).ok()
}

fn split_sign(text: &str) -> (i128, &str) {
    match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    }
}

fn float(text: &str) -> Option<f64> {
    match text {
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => return Some(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => return Some(f64::NEG_INFINITY),
        ".nan" | ".NaN" | ".NAN" => return Some(f64::NAN),
        _ => {}
    }
    let (sign, body) = split_sign(text);
    let (whole, fraction) = body.split_once('.')?;
    if whole.contains(':') {
        return base_60_float(sign, whole, fraction);
    }
    let (digits, exponent) = match fraction.split_once(['e', 'E']) {
        Some((digits, exponent)) => (digits, Some(exponent)),
        None => (fraction, None),
    };
    let starts_with_digit = |part: &str| part.starts_with(|digit: char| digit.is_ascii_digit());
    let signed = |exponent: &str| {
        exponent
            .strip_prefix(['-', '+'])
            .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_digit()))
    };
    let whole_fits = starts_with_digit(whole) || (whole.is_empty() && body.len() == text.len() && starts_with_digit(digits));
    if !(whole_fits && underscored(whole) && underscored(digits) && exponent.is_none_or(signed)) {
        return None;
    }
    text.replace('_', "").parse().ok()
}

/// `1:30.5` is 90.5.
fn base_60_float(sign: i128, whole: &str, fraction: &str) -> Option<f64> {
    let (first, rest) = whole.split_once(':')?;
    if !first.starts_with(|digit: char| digit.is_ascii_digit()) || !underscored(first) || !underscored(fraction) {
        return None;
    }
    let mut value: f64 = first.replace('_', "").parse().ok()?;
    for part in rest.split(':') {
        value = value.mul_add(60.0, f64::from(below_60(part)?));
    }
    value += format!("0.{}", fraction.replace('_', "")).parse::<f64>().ok()?;
    Some(if sign < 0 { -value } else { value })
}

fn underscored(digits: &str) -> bool {
    digits.bytes().all(|byte| byte == b'_' || byte.is_ascii_digit())
}

/// With the tag, what Python's `float()` takes is enough.
fn tagged_float(text: &str) -> Option<f64> {
    let numeric = text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
    float(text).or_else(|| text.parse().ok().filter(|_| numeric))
}
