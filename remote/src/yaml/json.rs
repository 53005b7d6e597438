//! A document as `kubectl` reads it: [`Node::to_json`].

use serde_json::{Map, Number, Value as Json};

use super::node::{Node, Style, Tag, Value};
use super::scalar::{Resolved, resolve};

impl Node {
    /// The JSON that `sigs.k8s.io/yaml` makes of this node: plain scalars typed by go-yaml version 2, which differs from PyYAML
    /// (`y` and `n` are booleans, `0o17` is octal, `1e3` is a number, there is no base 60), and every key a string.
    ///
    /// `!!binary` stays base64, as a Secret's `data` wants it. Infinity and NaN, which JSON does not have, stay text.
    #[must_use]
    pub fn to_json(&self) -> Json {
        match &self.value {
            Value::Scalar { text, style, tag } => scalar(text, *style, *tag),
            Value::Sequence(items) => Json::Array(items.iter().map(Node::to_json).collect()),
            Value::Mapping(entries) => Json::Object(
                entries
                    .iter()
                    .map(|(key, value)| (key_text(&key.to_json()), value.to_json()))
                    .collect::<Map<_, _>>(),
            ),
        }
    }
}

fn key_text(key: &Json) -> String {
    match key {
        Json::String(text) => text.clone(),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::Array(_) | Json::Object(_) => key.to_string(),
    }
}

fn scalar(text: &str, style: Style, tag: Option<Tag>) -> Json {
    match (tag, style) {
        (None, Style::Plain) => plain(text),
        (None, Style::Quoted) | (Some(Tag::Str | Tag::Timestamp | Tag::Binary), _) => Json::String(text.to_owned()),
        (Some(Tag::Null | Tag::Bool | Tag::Int | Tag::Float), _) => tagged(text, style, tag),
    }
}

fn tagged(text: &str, style: Style, tag: Option<Tag>) -> Json {
    match resolve(text, style, tag) {
        Ok(Resolved::Null) => Json::Null,
        Ok(Resolved::Bool(value)) => Json::Bool(value),
        Ok(Resolved::Int(value)) => integer(value).unwrap_or_else(|| Json::String(text.to_owned())),
        Ok(Resolved::Float(value)) => float(value).unwrap_or_else(|| Json::String(text.to_owned())),
        Ok(Resolved::Str(_) | Resolved::Binary(_)) | Err(_) => Json::String(text.to_owned()),
    }
}

fn plain(text: &str) -> Json {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Json::Null,
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => Json::Bool(true),
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => Json::Bool(false),
        _ => number(text).unwrap_or_else(|| Json::String(text.to_owned())),
    }
}

fn number(text: &str) -> Option<Json> {
    if !text.starts_with(|first: char| first.is_ascii_digit() || matches!(first, '+' | '-' | '.')) {
        return None;
    }
    // go-yaml drops underscores anywhere except after a leading point.
    let compact = if text.starts_with('.') {
        text.to_owned()
    } else {
        text.replace('_', "")
    };
    go_integer(&compact)
        .and_then(integer)
        .or_else(|| go_float(&compact).and_then(float))
}

/// Go's `strconv.ParseInt` with base 0: the base from the prefix, a leading zero meaning octal.
fn go_integer(text: &str) -> Option<i128> {
    let (sign, body) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let lower = body.to_ascii_lowercase();
    let (digits, radix) = if let Some(digits) = lower.strip_prefix("0x") {
        (digits, 16)
    } else if let Some(digits) = lower.strip_prefix("0b") {
        (digits, 2)
    } else if let Some(digits) = lower.strip_prefix("0o") {
        (digits, 8)
    } else if lower.len() > 1 && lower.starts_with('0') {
        (lower.as_str(), 8)
    } else {
        (lower.as_str(), 10)
    };
    let all_digits = digits.chars().all(|digit| digit.is_digit(radix));
    i128::from_str_radix(digits, radix)
        .ok()
        .filter(|_| all_digits)
        .map(|value| sign * value)
}

/// `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`
fn go_float(text: &str) -> Option<f64> {
    let body = text.strip_prefix(['-', '+']).unwrap_or(text);
    let numeric = body.starts_with(|first: char| first.is_ascii_digit() || first == '.')
        && body.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
    text.parse().ok().filter(|_| numeric)
}

fn integer(value: i128) -> Option<Json> {
    i64::try_from(value)
        .map(Number::from)
        .or_else(|_| u64::try_from(value).map(Number::from))
        .ok()
        .map(Json::Number)
}

fn float(value: f64) -> Option<Json> {
    Number::from_f64(value).map(Json::Number)
}
