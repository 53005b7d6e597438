//! Several cloud-configs to one, as cloud-init merges them (<https://docs.cloudinit.io/en/latest/reference/merging.html>).
//!
//! Works on the YAML tree, so that every node of the result keeps the place where it was written. Where cloud-init fails at a part
//! and ignores it, this is an error.

mod how;

use std::collections::HashMap;

use super::error::FieldProblem;
use crate::yaml::{Node, Resolved, Span, Style, Tag, Value, key_text};

pub(super) use how::take;

/// How values of each type are merged. A type without a merger keeps the earlier value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mergers {
    dict: Option<DictMerger>,
    list: Option<ListMerger>,
    str: Option<StrMerger>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct DictMerger {
    replace: bool,
    recurse_str: bool,
    recurse_list: bool,
    allow_delete: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct ListMerger {
    method: ListMethod,
    recurse_str: bool,
    recurse_dict: bool,
    recurse_list: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ListMethod {
    Append,
    Prepend,
    Replace,
    NoReplace,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct StrMerger {
    append: bool,
}

const PLAIN_LIST: ListMerger = ListMerger {
    method: ListMethod::Replace,
    recurse_str: false,
    recurse_dict: false,
    recurse_list: false,
};

/// A value that cannot be merged, and why.
pub(super) type Refused = (Span, FieldProblem);

impl Mergers {
    /// cloud-init's default for the parts of user-data, `dict(replace)+list()+str()`: a later part's top-level key replaces an
    /// earlier one.
    pub(super) const PARTS: Self = Self {
        dict: Some(DictMerger {
            replace: true,
            ..DictMerger::PLAIN
        }),
        list: Some(PLAIN_LIST),
        str: Some(StrMerger { append: false }),
    };

    /// cloud-init's default for whole configurations, `list()+dict()+str()`: what is there stays, mappings are completed.
    pub(super) const CONFIGURATIONS: Self = Self {
        dict: Some(DictMerger::PLAIN),
        ..Self::PARTS
    };

    /// Whether keys of a later mapping replace those of an earlier one.
    pub(super) fn replaces(self) -> bool {
        self.dict.is_some_and(|dict| dict.replace)
    }

    /// Merges a later value into an earlier one. Recursion is bounded by [`MAX_DEPTH`](crate::yaml::MAX_DEPTH).
    pub(super) fn merge(self, earlier: Node, later: Node) -> Result<Node, Refused> {
        let is_text = is_text(&earlier);
        let Node { span, value } = earlier;
        let value = match (value, self.dict, self.list, self.str) {
            (Value::Mapping(entries), Some(merger), _, _) => match later.value {
                Value::Mapping(later) => Value::Mapping(self.mappings(merger, entries, later)?),
                Value::Scalar { .. } | Value::Sequence(_) => Value::Mapping(entries),
            },
            (Value::Sequence(items), _, Some(merger), _) => match later.items() {
                Some(_) => Value::Sequence(self.lists(merger, items, later)?),
                None if merger.method == ListMethod::Replace => return Ok(later),
                None => return Err((later.span, FieldProblem::NotMergedIntoList { found: later.kind() })),
            },
            (value @ Value::Scalar { .. }, _, _, Some(merger)) if is_text => {
                return strings(merger, Node { span, value }, later);
            }
            (value, ..) => value,
        };
        Ok(Node { span, value })
    }

    fn mappings(
        self,
        merger: DictMerger,
        earlier: Vec<(Node, Node)>,
        later: Vec<(Node, Node)>,
    ) -> Result<Vec<(Node, Node)>, Refused> {
        let mut places: HashMap<String, usize> = HashMap::new();
        for (place, (key, _)) in earlier.iter().enumerate() {
            places.extend(key_text(key).map(|name| (name, place)));
        }
        let mut merged: Vec<Option<(Node, Node)>> = earlier.into_iter().map(Some).collect();
        for (key, value) in later {
            let place = key_text(&key).and_then(|name| places.get(&name));
            match place.and_then(|place| merged.get_mut(*place)) {
                Some(slot) => {
                    let Some((old_key, old)) = slot.take() else { continue };
                    *slot = if merger.allow_delete && value.resolved() == Some(Resolved::Null) {
                        None
                    } else if merger.replace {
                        Some((key, value))
                    } else {
                        let recurse = match &value.value {
                            Value::Sequence(_) => merger.recurse_list,
                            Value::Mapping(_) => true,
                            Value::Scalar { .. } => merger.recurse_str && is_text(&value),
                        };
                        Some((old_key, if recurse { self.merge(old, value)? } else { old }))
                    };
                }
                None => merged.push(Some((key, value))),
            }
        }
        Ok(merged.into_iter().flatten().collect())
    }

    fn lists(self, merger: ListMerger, mut earlier: Vec<Node>, later: Node) -> Result<Vec<Node>, Refused> {
        let Value::Sequence(mut later) = later.value else {
            return Ok(earlier);
        };
        match merger.method {
            ListMethod::Append => {
                earlier.append(&mut later);
                Ok(earlier)
            }
            ListMethod::Prepend => {
                later.append(&mut earlier);
                Ok(later)
            }
            ListMethod::NoReplace => Ok(earlier),
            ListMethod::Replace => {
                let mut later = later.into_iter();
                earlier
                    .into_iter()
                    .map(|old| {
                        let Some(new) = later.next() else { return Ok(old) };
                        let recurse = match &new.value {
                            Value::Sequence(_) => merger.recurse_list,
                            Value::Mapping(_) => merger.recurse_dict,
                            Value::Scalar { .. } => merger.recurse_str && is_text(&new),
                        };
                        if recurse { self.merge(old, new) } else { Ok(new) }
                    })
                    .collect()
            }
        }
    }
}

impl DictMerger {
    const PLAIN: Self = Self {
        replace: false,
        recurse_str: false,
        recurse_list: false,
        allow_delete: false,
    };
}

fn strings(merger: StrMerger, earlier: Node, later: Node) -> Result<Node, Refused> {
    if !merger.append {
        return Ok(later);
    }
    match (earlier.text(), later.text().filter(|_| is_text(&later))) {
        (Some(first), Some(second)) => Ok(Node {
            span: earlier.span,
            value: Value::Scalar {
                text: format!("{first}{second}"),
                style: Style::Quoted,
                tag: Some(Tag::Str),
            },
        }),
        (_, _) => Err((later.span, FieldProblem::NotMergedIntoText { found: later.kind() })),
    }
}

fn is_text(node: &Node) -> bool {
    matches!(node.resolved(), Some(Resolved::Str(_)))
}
