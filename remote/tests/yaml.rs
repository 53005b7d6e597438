//! The YAML tree: typing of scalars against PyYAML's, JSON as kubectl sees it, limits, and what errors say.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use remote::yaml::{self, Node, PathSegment, Resolved};
use serde_json::json;

fn one(text: &str) -> Node {
    let mut documents = yaml::parse(text, "t.yaml").unwrap();
    assert_eq!(documents.len(), 1);
    documents.remove(0).root
}

fn error(text: &str) -> String {
    yaml::parse(text, "t.yaml").unwrap_err().to_string()
}

#[test]
fn plain_scalars_are_typed_as_pyyaml_types_them() {
    let table = include_str!("yaml/pyyaml.txt");
    let mut wrong = Vec::new();
    for line in table.lines().filter(|line| !line.starts_with('#') && line.contains('\t')) {
        let [text, kind, python] = line.split('\t').collect::<Vec<_>>().try_into().unwrap();
        let node = &one(&format!("- {text}\n")).items().unwrap()[0].clone();
        let actual = match node.resolved().unwrap() {
            Resolved::Null => "null",
            Resolved::Bool(_) => "bool",
            Resolved::Int(_) => "int",
            Resolved::Float(_) => "float",
            Resolved::Str(_) => "str",
            Resolved::Binary(_) => "binary",
        };
        let actual_python = node.python_str().unwrap();
        if (actual, actual_python.as_str()) != (kind, python) {
            wrong.push(format!("{text}: {actual} {actual_python}, PyYAML: {kind} {python}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn quotes_blocks_and_tags_decide_before_the_text_does() {
    for (yaml, python) in [
        ("'0644'", "0644"),
        ("\"yes\"", "yes"),
        ("|-\n  0644", "0644"),
        ("!!str 0644", "0644"),
        ("! 0644", "0644"),
        ("!<tag:yaml.org,2002:str> 0644", "0644"),
        ("!!int '0644'", "420"),
        ("!!float 1", "1.0"),
        ("!!float 1e5", "100000.0"),
        ("!!bool 'Yes'", "True"),
        ("!!null ''", "None"),
        ("!!timestamp 2024-01-02", "2024-01-02"),
    ] {
        assert_eq!(one(yaml).python_str().as_deref(), Some(python), "{yaml}");
    }
    assert!(one("!!binary aGVs\n bG8=").resolved() == Some(Resolved::Binary(b"hello".to_vec())));
    assert_eq!(one("!!binary aGVsbG8=").python_str(), None);
}

#[test]
fn json_is_typed_as_kubectl_types_it() {
    for (yaml, expected) in [
        ("yes", json!(true)),
        ("n", json!(false)),
        ("Off", json!(false)),
        ("~", json!(null)),
        ("''", json!("")),
        ("0644", json!(420)),
        ("0o644", json!(420)),
        ("0x1F", json!(31)),
        ("0b11", json!(3)),
        ("1_000", json!(1000)),
        ("+1", json!(1)),
        ("089", json!(89.0)),
        ("1e3", json!(1000.0)),
        ("-1.5", json!(-1.5)),
        (".5", json!(0.5)),
        ("18446744073709551615", json!(18_446_744_073_709_551_615_u64)),
        ("1:30", json!("1:30")),
        ("100m", json!("100m")),
        ("1.33.4", json!("1.33.4")),
        (".inf", json!(".inf")),
        ("2024-01-02", json!("2024-01-02")),
        ("!!binary aGVsbG8=", json!("aGVsbG8=")),
        ("!!str 1", json!("1")),
        ("!!int '1'", json!(1)),
        ("{1: a, true: b, c: [1, x]}", json!({"1": "a", "true": "b", "c": [1, "x"]})),
        (
            "a: &x {b: 1}\nc:\n  <<: *x\n  d: 2",
            json!({"a": {"b": 1}, "c": {"b": 1, "d": 2}}),
        ),
    ] {
        assert_eq!(one(yaml).to_json(), expected, "{yaml}");
    }
}

#[test]
fn documents_are_split_and_anchors_do_not_cross() {
    let documents = yaml::parse("# c\n---\na: 1\n---\n---\nb: 2\n...\n", "t.yaml").unwrap();
    let json: Vec<_> = documents.iter().map(|document| document.root.to_json()).collect();
    assert_eq!(json, [json!({"a": 1}), json!(null), json!({"b": 2})]);
    assert!(yaml::parse("# only a comment\n", "t.yaml").unwrap().is_empty());
    assert_eq!(
        error("a: &x 1\n---\nb: *x\n"),
        "t.yaml:3:4: an alias refers to an anchor that this document does not define before it"
    );
}

#[test]
fn merge_keys_follow_pyyaml() {
    for (yaml, expected) in [
        ("<<: {a: 1, b: 1}\nb: 2", json!({"a": 1, "b": 2})),
        ("b: 2\n<<: {a: 1, b: 1}", json!({"a": 1, "b": 2})),
        ("<<: [{a: 1}, {a: 2, b: 2}]", json!({"a": 1, "b": 2})),
        ("<<: {a: 1}\n<<: {a: 2}", json!({"a": 2})),
        ("<<: {<<: {a: 1}, b: 1}", json!({"a": 1, "b": 1})),
        ("'<<': {a: 1}", json!({"<<": {"a": 1}})),
        ("<<: []\na: 1", json!({"a": 1})),
    ] {
        assert_eq!(one(yaml).to_json(), expected, "{yaml}");
    }
}

#[test]
fn paths_lead_to_positions() {
    let node = one("a:\n- b: x\n  c: y\n");
    let at = |path: &[PathSegment<'_>]| node.at(path).map(|node| node.span.to_string());
    let (key, index) = (PathSegment::Key, PathSegment::Index);
    assert_eq!(at(&[]).as_deref(), Some("1:1"));
    assert_eq!(at(&[key("a"), index(0), key("c")]).as_deref(), Some("3:6"));
    assert_eq!(at(&[key("a"), index(1)]), None);
    assert_eq!(at(&[key("a"), key("b")]), None);
}

#[test]
fn errors_say_where_and_what() {
    for (yaml, message) in [
        (
            "a: 1\nb:\n  a: 1\n  a: 2\n",
            "t.yaml:4:3: key `a` is given twice in one mapping; the first one is at 3:3",
        ),
        (
            "1: a\n'1': b\n",
            "t.yaml:2:1: key `1` is given twice in one mapping; the first one is at 1:1",
        ),
        (
            "? [a]\n: b\n",
            "t.yaml:1:3: a mapping key must be text, a number, a boolean or null",
        ),
        (
            "<<: [a]\n",
            "t.yaml:1:6: the merge key `<<` needs a mapping or a sequence of mappings",
        ),
        ("a: !!int hunter2\n", "t.yaml:1:4: the value does not fit its tag !!int"),
        ("a: !!binary hunter2\n", "t.yaml:1:4: the value does not fit its tag !!binary"),
        ("a: !!set {x}\n", "unsupported tag"),
        ("a: &x {b: *x}\n", "t.yaml:1:11: an alias refers to the node that contains it"),
    ] {
        let error = error(yaml);
        assert!(error.contains(message), "{yaml}: {error}");
    }
}

#[test]
fn bombs_are_refused() {
    let deep = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    assert!(yaml::parse(&deep(yaml::MAX_DEPTH), "t.yaml").is_ok());
    assert!(error(&deep(yaml::MAX_DEPTH + 1)).contains("nested more than"));
    assert!(error(&"- ".repeat(1_000_000)).contains("nested more than"));
    // Each alias is one level deeper than the last, though none of them nests much as written.
    let chain: String = (1..200).map(|level| format!("- &a{level} [*a{}]\n", level - 1)).collect();
    assert!(error(&format!("- &a0 []\n{chain}")).contains("nested more than"));
    let large = format!("a: &x {}\nb: [{}]\n", "y".repeat(1_000_000), "*x,".repeat(100));
    assert!(error(&large).contains("bytes once aliases are expanded"));
    assert!(error(&" ".repeat(yaml::MAX_BYTES + 1)).contains("larger than"));
    assert!(error(&format!("[{}]", "a,".repeat(yaml::MAX_NODES))).contains("nodes once aliases are expanded"));
}

#[test]
fn debug_output_shows_no_values() {
    let node = one("a: hunter2\nb: [hunter2]\n");
    let shown = format!("{node:?} {:?} {:?}", node.entries(), node.get("b").unwrap().items());
    assert!(!shown.contains("hunter2"), "{shown}");
}
