//! [`UserData`]: the parts of bootstrap data, put together to one configuration and a list of scripts.

use std::collections::HashSet;

use super::cloud_config::{self, documents, ends_with_template_header, field};
use super::content::{self, Content};
use super::envelope::Unwrapped;
use super::error::{BootstrapError, BootstrapErrorKind};
use super::fields::Fields;
use super::merge::{self, Mergers};
use super::parts::{Declared, Part, archive, default_name, mime};
use super::scripts::{Folder, Scripts};
use super::{
    Bootstrap, MAX_PARTS, MAX_TEXT_BYTES, Options, Origin, Script, Sources, Unsupported, envelope, ignition, script, template,
};
use crate::yaml::{MAX_EXPANDED_BYTES, MAX_NODES, Node, Span, Value, YamlErrorKind, measure, shown};

/// What the parts so far come to. Lines are counted through all of them.
#[derive(Default)]
pub(super) struct UserData {
    /// The top-level keys of all cloud-configs.
    config: Option<Node>,
    /// An Ignition config, with those in it.
    ignition: Option<Node>,
    scripts: Scripts,
    boothooks: Vec<Script>,
    unsupported: Vec<Unsupported>,
    /// How many parts of containers there were, and what they and rendered templates came to in bytes.
    parts: usize,
    text_bytes: usize,
    /// How many cloud-configs, and what they came to.
    configs: usize,
    nodes: usize,
    bytes: usize,
}

/// A text that is not a container, or the one container that it is.
struct Text<'t> {
    /// What it is called as a file.
    name: &'t str,
    text: &'t str,
    declared: Declared,
    merge_type: Option<&'t str>,
    may_be_archive: bool,
    is_whole: bool,
}

impl UserData {
    /// Takes bootstrap data as a whole.
    pub(super) fn add(&mut self, data: &Unwrapped, options: &Options<'_>, sources: &mut Sources) -> Result<(), BootstrapError> {
        let source = options.source;
        let text = match data {
            Unwrapped::Text(text) => text,
            Unwrapped::Bytes(bytes) => return self.program(bytes, Declared::Nothing, &default_name(1), source, sources),
        };
        if content::is_mime(text) {
            sources.add(source, text);
            let parts = mime::parts(text).map_err(|(part, kind)| match part {
                Some(part) => BootstrapError::new(&part_source(source, &part), Span::START, kind),
                None => BootstrapError::new(source, Span::START, kind),
            })?;
            return parts.into_iter().try_for_each(|part| self.part(part, options, sources, true));
        }
        let text = Text {
            name: &default_name(1),
            text,
            declared: Declared::Nothing,
            merge_type: None,
            may_be_archive: true,
            is_whole: true,
        };
        self.text(text, options, sources)
    }

    /// Takes a part of a container.
    fn part(
        &mut self,
        part: Part,
        options: &Options<'_>,
        sources: &mut Sources,
        may_be_archive: bool,
    ) -> Result<(), BootstrapError> {
        let Part {
            name,
            declared,
            content,
            merge_type,
            has_launch_index,
        } = part;
        let name = name.unwrap_or_else(|| default_name(self.parts.saturating_add(1)));
        let source = part_source(options.source, &name);
        let fail = |kind| BootstrapError::new(&source, Span::START, kind);
        self.parts = self.parts.saturating_add(1);
        if self.parts > MAX_PARTS {
            return Err(fail(BootstrapErrorKind::TooManyParts { limit: MAX_PARTS }));
        }
        if content.trim_ascii().is_empty() {
            return Ok(());
        }
        let inside = envelope::inside(&content, MAX_TEXT_BYTES.saturating_sub(self.text_bytes)).map_err(fail)?;
        self.text_bytes = self.text_bytes.saturating_add(match &inside {
            Unwrapped::Text(text) => text.len(),
            Unwrapped::Bytes(bytes) => bytes.len(),
        });
        if has_launch_index {
            self.unsupported.push(Unsupported {
                key: "Launch-Index".to_owned(),
                line: sources.lines().saturating_add(1),
                column: 1,
                why: "every part is applied, whichever instance it is for".to_owned(),
            });
        }
        let text = match inside {
            Unwrapped::Text(text) => text,
            Unwrapped::Bytes(bytes) => return self.program(&bytes, declared, &name, &source, sources),
        };
        let options = Options {
            source: &source,
            format: None,
            ..options.clone()
        };
        let text = Text {
            name: &name,
            text: &text,
            declared,
            merge_type: merge_type.as_deref(),
            may_be_archive,
            is_whole: false,
        };
        self.text(text, &options, sources)
    }

    fn text(&mut self, text: Text<'_>, options: &Options<'_>, sources: &mut Sources) -> Result<(), BootstrapError> {
        let source = options.source;
        let fail = |kind| BootstrapError::new(source, Span::START, kind);
        let rendered = template::render(text.text, options)?;
        let is_rendered = rendered.is_some();
        self.text_bytes = self.text_bytes.saturating_add(rendered.as_ref().map_or(0, String::len));
        if self.text_bytes > MAX_TEXT_BYTES {
            return Err(fail(BootstrapErrorKind::TooLarge { limit: MAX_TEXT_BYTES }));
        }
        let body = rendered.as_deref().unwrap_or(text.text);
        let kind = match text.declared {
            Declared::Content(content) => content,
            Declared::Jinja if !is_rendered => return Err(fail(BootstrapErrorKind::NoTemplateHeader)),
            Declared::Nothing | Declared::Jinja => content::detect(body, options.format).map_err(fail)?,
            Declared::Perhaps(otherwise) => match content::detect(body, None) {
                Err(BootstrapErrorKind::UnknownContent) => otherwise,
                detected => detected.map_err(fail)?,
            },
        };
        if kind == Content::Ignition && text.is_whole {
            self.ignition = Some(ignition::parse(body, source, sources)?);
            return Ok(());
        }
        let before = sources.add(source, body);
        match kind {
            Content::CloudConfig => self.cloud_configs(body, text.merge_type, sources, before, is_rendered),
            Content::Script(folder) => self.script(body.as_bytes(), folder, text.name, source, before),
            Content::Boothook => self.boothook(body.as_bytes(), source, before),
            Content::Archive if text.may_be_archive => {
                let mut unsupported = Vec::new();
                let parts = archive::parts(body, source, &mut unsupported)?;
                // It stands for its parts, and is none itself.
                self.parts = self.parts.saturating_sub(1);
                self.unsupported.extend(unsupported.into_iter().map(|key| Unsupported {
                    line: key.line.saturating_add(before),
                    ..key
                }));
                parts
                    .into_iter()
                    .try_for_each(|part| self.part(part, options, sources, false))
            }
            Content::Archive => Err(fail(BootstrapErrorKind::NestedContainer {
                what: "a cloud-config archive",
            })),
            Content::Ignition => Err(fail(BootstrapErrorKind::NestedContainer {
                what: "an Ignition config",
            })),
            Content::Mime => Err(fail(BootstrapErrorKind::NestedContainer { what: "a MIME message" })),
        }
    }

    /// Takes what is not UTF-8: a program, or nothing that could be read.
    fn program(
        &mut self,
        bytes: &[u8],
        declared: Declared,
        name: &str,
        source: &str,
        sources: &mut Sources,
    ) -> Result<(), BootstrapError> {
        let text = String::from_utf8_lossy(bytes);
        let detected = || content::detect(&text, None).ok();
        let kind = match declared {
            Declared::Content(content) => Some(content),
            Declared::Nothing => detected(),
            Declared::Perhaps(otherwise) => detected().or(Some(otherwise)),
            Declared::Jinja => None,
        };
        let before = sources.add(source, &text);
        match kind {
            Some(Content::Script(folder)) => self.script(bytes, folder, name, source, before),
            Some(Content::Boothook) => self.boothook(bytes, source, before),
            Some(Content::CloudConfig | Content::Archive | Content::Mime | Content::Ignition) | None => {
                Err(BootstrapError::new(source, Span::START, BootstrapErrorKind::NotUtf8))
            }
        }
    }

    fn boothook(&mut self, program: &[u8], source: &str, before: usize) -> Result<(), BootstrapError> {
        let mut hook = script::boothook(program, source)?;
        hook.origin.line = hook.origin.line.saturating_add(before);
        self.unsupported
            .push(about_script(hook.origin, "it runs once, not at every start of the host"));
        self.boothooks.push(hook);
        Ok(())
    }

    fn script(&mut self, program: &[u8], folder: Folder, name: &str, source: &str, before: usize) -> Result<(), BootstrapError> {
        let mut script = script::parse(program, source)?;
        script.origin.line = script.origin.line.saturating_add(before);
        if folder == Folder::PerBoot {
            self.unsupported
                .push(about_script(script.origin, "it runs once, not at every start of the host"));
        }
        let replaced = self.scripts.add(folder, name, script);
        self.unsupported.extend(
            replaced.map(|origin| about_script(origin, "a later part with the same file name replaces it, as in cloud-init")),
        );
        Ok(())
    }

    fn cloud_configs(
        &mut self,
        text: &str,
        merge_type: Option<&str>,
        sources: &Sources,
        before: usize,
        is_rendered: bool,
    ) -> Result<(), BootstrapError> {
        let source = sources.place(before.saturating_add(1)).0;
        let documents = documents(text);
        let last = documents.len().saturating_sub(1);
        for (index, (lines_before, document)) in documents.into_iter().enumerate() {
            if index < last && !is_rendered && ends_with_template_header(document) {
                let line = lines_before.saturating_add(document.lines().count());
                let span = Span { line, column: 1 };
                return Err(BootstrapError::new(source, span, BootstrapErrorKind::LateTemplate));
            }
            if let Some(mut keys) = cloud_config::keys(document, source, lines_before)? {
                keys.move_down(before);
                self.merge(keys, merge_type).map_err(|error| located(error, sources))?;
            }
        }
        Ok(())
    }

    /// Merges one more cloud-config with those before it.
    fn merge(&mut self, keys: Node, header: Option<&str>) -> Result<(), BootstrapError> {
        self.count(&keys)?;
        let refused = |(span, problem)| field("", span, "merge_how", problem);
        let Node { span, value } = keys;
        let Value::Mapping(mut later) = value else { return Ok(()) };
        let mergers = merge::take(&mut later, header).map_err(refused)?;
        let merged = match self.config.take() {
            None => Node {
                span,
                value: Value::Mapping(later),
            },
            Some(earlier) => {
                if mergers.replaces() {
                    self.unsupported.extend(replaced(&earlier, &later));
                }
                let value = Value::Mapping(later);
                mergers.merge(earlier, Node { span, value }).map_err(refused)?
            }
        };
        self.config = Some(merged);
        Ok(())
    }

    /// Bounds the parts together.
    fn count(&mut self, part: &Node) -> Result<(), BootstrapError> {
        let size = measure(part);
        self.configs = self.configs.saturating_add(1);
        self.nodes = self.nodes.saturating_add(size.nodes);
        self.bytes = self.bytes.saturating_add(size.bytes);
        let kind = if self.configs > MAX_PARTS {
            BootstrapErrorKind::TooManyParts { limit: MAX_PARTS }
        } else if self.nodes > MAX_NODES {
            BootstrapErrorKind::Yaml(YamlErrorKind::TooManyNodes { limit: MAX_NODES })
        } else if self.bytes > MAX_EXPANDED_BYTES {
            let limit = MAX_EXPANDED_BYTES;
            BootstrapErrorKind::Yaml(YamlErrorKind::TooMuchText { limit })
        } else {
            return Ok(());
        };
        Err(BootstrapError::new("", part.span, kind))
    }

    /// Adds vendor-data: what user-data says wins, mappings are completed, and vendor-data's scripts run first; unless user-data says
    /// `vendor_data: {enabled: false}`.
    pub(super) fn complete_with(&mut self, vendor: Self, sources: &Sources) -> Result<(), BootstrapError> {
        let entries = self.config.as_ref().and_then(Node::entries).unwrap_or_default();
        let settings = Fields::of_document("", entries).mapping("vendor_data");
        let is_wanted = settings.and_then(|settings| settings.map_or(Ok(None), |settings| settings.flag("enabled")));
        if is_wanted.map_err(|error| located(error, sources))? == Some(false) {
            return Ok(());
        }
        self.config = match (self.config.take(), vendor.config) {
            (Some(user), Some(vendor)) => Some(
                Mergers::CONFIGURATIONS
                    .merge(user, vendor)
                    .map_err(|(span, problem)| located(field("", span, "vendor-data", problem), sources))?,
            ),
            (user, vendor) => user.or(vendor),
        };
        self.scripts.add_vendor(vendor.scripts);
        self.boothooks.extend(vendor.boothooks);
        self.unsupported.extend(vendor.unsupported);
        Ok(())
    }

    /// Reads what all parts together ask for.
    pub(super) fn read(self, sources: Sources) -> Result<Bootstrap, BootstrapError> {
        let entries = self.config.as_ref().and_then(Node::entries).unwrap_or_default();
        let mut bootstrap = cloud_config::read(entries, "").map_err(|error| located(error, &sources))?;
        if let Some(config) = &self.ignition {
            ignition::read(config, &mut bootstrap).map_err(|error| located(error, &sources))?;
        }
        let (scripts, replaced) = self.scripts.in_order(!bootstrap.run_commands.is_empty());
        bootstrap.scripts = scripts;
        bootstrap.boothooks = self.boothooks;
        for (index, hook) in bootstrap.boothooks.iter_mut().enumerate() {
            hook.origin.index = index;
        }
        bootstrap.unsupported.extend(self.unsupported);
        let replaced = replaced.map(|origin| {
            about_script(
                origin,
                "its file name is runcmd, and so `runcmd` replaces it, as in cloud-init",
            )
        });
        bootstrap.unsupported.extend(replaced);
        bootstrap.unsupported.sort_by_key(|key| (key.line, key.column));
        bootstrap.sources = sources;
        Ok(bootstrap)
    }
}

/// The lists that a later part replaces: whoever wrote the earlier part may not know.
fn replaced(earlier: &Node, later: &[(Node, Node)]) -> Vec<Unsupported> {
    let later: HashSet<&str> = later.iter().filter_map(|(key, _)| key.text()).collect();
    let lists = earlier.entries().unwrap_or_default().iter();
    lists
        .filter(|(_, value)| value.items().is_some_and(|items| !items.is_empty()))
        .filter_map(|(key, _)| key.text().map(|name| (name, key.span)))
        .filter(|(name, _)| later.contains(name))
        .map(|(name, span)| Unsupported {
            key: shown(name),
            line: span.line,
            column: span.column,
            why: "a later part replaces it, as in cloud-init; to have both, give that part \
                  `merge_how: dict(recurse_list)+list(append)`"
                .to_owned(),
        })
        .collect()
}

fn about_script(origin: Origin, why: &str) -> Unsupported {
    Unsupported {
        key: origin.module.to_owned(),
        line: origin.line,
        column: origin.column,
        why: why.to_owned(),
    }
}

/// What errors call a part.
fn part_source(source: &str, part: &str) -> String {
    format!("{source}, {}", shown(part))
}

/// An error with a line that is counted through all parts, in the words of its part.
fn located(mut error: BootstrapError, sources: &Sources) -> BootstrapError {
    let (source, line) = sources.place(error.line);
    source.clone_into(&mut error.source_name);
    error.line = line;
    error
}

#[cfg(test)]
#[path = "user_data_tests.rs"]
mod tests;
