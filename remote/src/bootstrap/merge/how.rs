//! `merge_how`, `merge_type` and the `Merge-Type` header: text or a list to [`Mergers`].

use super::{DictMerger, ListMerger, ListMethod, Mergers, StrMerger};
use crate::bootstrap::error::FieldProblem;
use crate::yaml::{Node, Resolved, Span, Value};

/// Where something is wrong, and what.
type Problem = (Span, FieldProblem);

const EXPECTED: FieldProblem = FieldProblem::Invalid {
    expected: "mergers as in `dict(recurse_list)+list(append)+str()`, or a list of mappings with `name` and `settings`",
};

const NO_DICT: FieldProblem = FieldProblem::Invalid {
    expected: "mergers with one for dict, without which cloud-init ignores the part",
};

/// Every option of any of the mergers. cloud-init ignores other words, and so does something else than was meant.
const OPTIONS: &[&str] = &[
    "replace",
    "no_replace",
    "append",
    "prepend",
    "recurse_dict",
    "recurse_list",
    "recurse_array",
    "recurse_str",
    "allow_delete",
];

/// Takes `merge_how`, or else `merge_type`, out of a document. The mergers that the document names go before those of the header;
/// without any, the part's top-level keys replace earlier ones.
pub(in crate::bootstrap) fn take(document: &mut Vec<(Node, Node)>, header: Option<&str>) -> Result<Mergers, Problem> {
    let mut named = Vec::new();
    let mut at = Span::START;
    for key in ["merge_how", "merge_type"] {
        let position = document.iter().position(|(name, _)| name.text() == Some(key));
        let Some(position) = position else { continue };
        let (_, value) = document.remove(position);
        if value.resolved() == Some(Resolved::Null) {
            continue;
        }
        at = value.span;
        named = of_node(&value)?;
        break;
    }
    named.extend(parse_text(header.unwrap_or_default()).ok_or((at, EXPECTED))?);
    if named.is_empty() {
        return Ok(Mergers::PARTS);
    }
    let mut mergers = Mergers {
        dict: None,
        list: None,
        str: None,
    };
    for (name, options) in &named {
        mergers.add(name, options).ok_or((at, EXPECTED))?;
    }
    if mergers.dict.is_none() {
        return Err((at, NO_DICT));
    }
    Ok(mergers)
}

type Named = (String, Vec<String>);

fn of_node(node: &Node) -> Result<Vec<Named>, Problem> {
    match (&node.value, node.resolved()) {
        (Value::Sequence(items), _) => items.iter().map(of_item).collect(),
        (Value::Scalar { .. }, Some(Resolved::Str(text))) => parse_text(&text).ok_or((node.span, EXPECTED)),
        (Value::Scalar { .. } | Value::Mapping(_), _) => Err((node.span, EXPECTED)),
    }
}

/// `{name: list, settings: [append]}` or `[list, append]`
fn of_item(item: &Node) -> Result<Named, Problem> {
    let fail = || (item.span, EXPECTED);
    let (name, settings) = match &item.value {
        Value::Mapping(_) => {
            let settings = item.get("settings").and_then(Node::items).ok_or_else(fail)?;
            (item.get("name").ok_or_else(fail)?, settings)
        }
        Value::Sequence(words) => words.split_first().ok_or_else(fail)?,
        Value::Scalar { .. } => return Err(fail()),
    };
    let word = |node: &Node| node.text().map(|text| text.trim().to_owned()).ok_or_else(fail);
    let options = settings.iter().map(word).collect::<Result<_, _>>()?;
    Ok((word(name)?.replace('-', "_"), options))
}

/// `dict(replace)+list()+str()`; letter case, white space and hyphens do not matter.
fn parse_text(text: &str) -> Option<Vec<Named>> {
    let named = |merger: &str| {
        let (name, options) = merger.strip_suffix(')')?.split_once('(')?;
        let options = options.split(',').map(str::trim).filter(|option| !option.is_empty());
        Some((name.to_owned(), options.map(str::to_owned).collect()))
    };
    text.to_lowercase()
        .replace('-', "_")
        .split('+')
        .map(str::trim)
        .filter(|merger| !merger.is_empty())
        .map(named)
        .collect()
}

impl Mergers {
    /// One more merger. As in cloud-init, the first of a kind counts.
    fn add(&mut self, name: &str, options: &[String]) -> Option<()> {
        if !options.iter().all(|option| OPTIONS.contains(&option.as_str())) {
            return None;
        }
        let has = |word: &str| options.iter().any(|option| option == word);
        let recurse_list = has("recurse_list") || has("recurse_array");
        match name.strip_prefix("m_").unwrap_or(name) {
            "dict" => {
                self.dict.get_or_insert(DictMerger {
                    replace: has("replace"),
                    recurse_str: has("recurse_str"),
                    recurse_list,
                    allow_delete: has("allow_delete"),
                });
            }
            "list" => {
                let methods = [
                    ("append", ListMethod::Append),
                    ("prepend", ListMethod::Prepend),
                    ("replace", ListMethod::Replace),
                    ("no_replace", ListMethod::NoReplace),
                ];
                let method = methods.into_iter().find(|(word, _)| has(word));
                self.list.get_or_insert(ListMerger {
                    method: method.map_or(ListMethod::Replace, |(_, method)| method),
                    recurse_str: has("recurse_str"),
                    recurse_dict: has("recurse_dict"),
                    recurse_list,
                });
            }
            "str" => {
                self.str.get_or_insert(StrMerger { append: has("append") });
            }
            _ => return None,
        }
        Some(())
    }
}
