//! Ignition configs of version 3 (<https://coreos.github.io/ignition/specs/>): the part that can be done to a host that is already up.
//!
//! Ignition runs once, before a host's first start, and may lay out its disks; none of that can be done over SSH, and a config that asks
//! for it is refused. Users, groups, files, directories, links and systemd units can: they are applied, and units started where the first start would
//! have started them.
//!
//! JSON is read as the YAML that it also is, so that everything has its place.

mod merge;
mod passwd;
mod resource;
mod storage;
mod units;

use super::error::{BootstrapError, FieldProblem};
use super::fields::Fields;
use super::{Bootstrap, MAX_PARTS, MAX_TEXT_BYTES, Origin, Setting, Sources, Stage, Unsupported};
use crate::secret::Secret;
use crate::yaml::{self, MAX_NODES, Node, Span, YamlErrorKind, measure};

/// How deep configs may be in one another.
const MAX_DEPTH: usize = 16;

/// The versions of the specification; those that end in `-experimental` mean something else with each release of Ignition.
const VERSIONS: [&str; 6] = ["3.0.0", "3.1.0", "3.2.0", "3.3.0", "3.4.0", "3.5.0"];

const FETCHING: &str = "it is about fetching, and nothing is fetched: all sources are data: URLs";
const NO_KERNEL: &str = "kernel arguments are not changed on a host that is up";

/// Reads a config and those in it, and merges them.
pub(super) fn parse(text: &str, source: &str, sources: &mut Sources) -> Result<Node, BootstrapError> {
    let mut reader = Reader {
        sources,
        configs: 0,
        bytes: 0,
        nodes: 0,
    };
    reader.config(text, source, 0)
}

struct Reader<'s> {
    sources: &'s mut Sources,
    configs: usize,
    bytes: usize,
    nodes: usize,
}

impl Reader<'_> {
    /// Recursion is bounded by [`MAX_DEPTH`].
    fn config(&mut self, text: &str, source: &str, depth: usize) -> Result<Node, BootstrapError> {
        // JSON has tabs only between its tokens, where YAML has none.
        let text = text.replace('\t', " ");
        let before = self.sources.add(source, &text);
        let mut documents = yaml::parse(&text, source)?.into_iter();
        let expected = "an Ignition config: a JSON object";
        let Some(mut root) = documents.next().map(|document| document.root) else {
            return Err(problem(source, Span::START, "config", FieldProblem::Invalid { expected }));
        };
        if let Some(second) = documents.next() {
            return Err(problem(
                source,
                second.root.span,
                "config",
                FieldProblem::Invalid { expected },
            ));
        }
        let fields = Fields::of(source, String::new(), &root, expected)?;
        let ignition = fields.mapping("ignition")?;
        let ignition = ignition.ok_or_else(|| problem(source, root.span, "ignition", FieldProblem::Missing))?;
        let (version, node) = ignition.required("version")?;
        if !VERSIONS.contains(&version) {
            let expected = "3.0.0 to 3.5.0; butane and ignition-validate can tell what an older config needs";
            return Err(ignition.fail(node, "version", FieldProblem::Invalid { expected }));
        }
        let replace = self.replacement(&ignition, source, depth)?;
        let children = match &replace {
            Some(_) => Vec::new(),
            None => self.children(&ignition, source, depth)?,
        };
        self.nodes = self.nodes.saturating_add(measure(&root).nodes);
        if self.nodes > MAX_NODES {
            let kind = YamlErrorKind::TooManyNodes { limit: MAX_NODES };
            return Err(BootstrapError::new(source, root.span, super::BootstrapErrorKind::Yaml(kind)));
        }
        root.move_down(before);
        Ok(match replace {
            Some(replacement) => replacement,
            None => children.into_iter().fold(root, merge::configs),
        })
    }

    /// `ignition.config.replace`
    fn replacement(&mut self, ignition: &Fields<'_>, source: &str, depth: usize) -> Result<Option<Node>, BootstrapError> {
        let Some(config) = ignition.mapping("config")? else {
            return Ok(None);
        };
        match config.mapping("replace")? {
            Some(reference) => self.referenced(&reference, source, "ignition.config.replace", depth),
            None => Ok(None),
        }
    }

    /// `ignition.config.merge`
    fn children(&mut self, ignition: &Fields<'_>, source: &str, depth: usize) -> Result<Vec<Node>, BootstrapError> {
        let Some(config) = ignition.mapping("config")? else {
            return Ok(Vec::new());
        };
        let mut children = Vec::new();
        for (path, node) in config.list("merge")? {
            let reference = Fields::of(source, path.clone(), node, "a mapping with a `source`")?;
            children.extend(self.referenced(&reference, source, &path, depth)?);
        }
        Ok(children)
    }

    fn referenced(
        &mut self,
        reference: &Fields<'_>,
        source: &str,
        path: &str,
        depth: usize,
    ) -> Result<Option<Node>, BootstrapError> {
        let left = MAX_TEXT_BYTES.saturating_sub(self.bytes);
        let Some(bytes) = resource::read(reference, left)? else {
            return Ok(None);
        };
        self.bytes = self.bytes.saturating_add(bytes.len());
        self.configs = self.configs.saturating_add(1);
        let fail = |problem| reference.error(reference.span("source"), path, problem);
        if depth >= MAX_DEPTH || self.configs > MAX_PARTS {
            let expected = "part of a config with at most 100 configs in it, 16 levels deep";
            return Err(fail(FieldProblem::Invalid { expected }));
        }
        let expected = "an Ignition config: UTF-8 text";
        let text = String::from_utf8(bytes).map_err(|_| fail(FieldProblem::Invalid { expected }))?;
        let name = format!("{source}, {path}");
        self.config(&text, &name, depth.saturating_add(1)).map(Some)
    }
}

/// Reads what a merged config asks for. Lines are counted through all configs.
pub(super) fn read(root: &Node, bootstrap: &mut Bootstrap) -> Result<(), BootstrapError> {
    let config = Fields::of("", String::new(), root, "a JSON object")?;
    if let Some(ignition) = config.mapping("ignition")? {
        for key in ["proxy", "security", "timeouts"] {
            list(&ignition, key, FETCHING, bootstrap);
        }
        bootstrap.unsupported.extend(
            ignition
                .others(&["version", "config", "proxy", "security", "timeouts"])
                .map_why(NO_KEY),
        );
    }
    if let Some(storage) = config.mapping("storage")? {
        storage::read(&storage, bootstrap)?;
    }
    if let Some(systemd) = config.mapping("systemd")? {
        units::read(&systemd, bootstrap)?;
    }
    if let Some(passwd) = config.mapping("passwd")? {
        passwd::read(&passwd, bootstrap)?;
    }
    list(&config, "kernelArguments", NO_KERNEL, bootstrap);
    let known = ["ignition", "storage", "systemd", "passwd", "kernelArguments"];
    bootstrap.unsupported.extend(config.others(&known).map_why(NO_KEY));
    Ok(())
}

const NO_KEY: &str = "Ignition knows no such key";

trait MapWhy {
    fn map_why(self, why: &str) -> Self;
}

impl MapWhy for Vec<Unsupported> {
    fn map_why(mut self, why: &str) -> Self {
        for key in &mut self {
            why.clone_into(&mut key.why);
        }
        self
    }
}

/// Lists a key, if there is anything in it.
fn list(fields: &Fields<'_>, key: &str, why: &str, bootstrap: &mut Bootstrap) {
    let Some(node) = fields.present(key) else { return };
    let is_empty = node.items().is_some_and(<[Node]>::is_empty) || node.entries().is_some_and(<[(Node, Node)]>::is_empty);
    if !is_empty {
        bootstrap.unsupported.push(Unsupported {
            key: fields.key(key),
            line: node.span.line,
            column: node.span.column,
            why: why.to_owned(),
        });
    }
}

/// A setting that calls a shell function.
fn setting(stage: Stage, origin: Origin, summary: String, function: &'static str, arguments: &[&str]) -> Setting {
    Setting {
        stage,
        summary,
        function,
        arguments: arguments.iter().map(|argument| Secret::from(*argument)).collect(),
        private: false,
        origin,
    }
}

fn problem(source: &str, span: Span, path: &str, problem: FieldProblem) -> BootstrapError {
    super::cloud_config::field(source, span, path, problem)
}
