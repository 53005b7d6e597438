//! Containers of bootstrap data, MIME messages and cloud-config archives: to a list of [`Part`]s.
//!
//! Only takes them apart; what the parts are is found out by [`super::user_data`]. The rules are cloud-init's
//! (<https://docs.cloudinit.io/en/latest/explanation/format.html>): order of parts, their names, and the content types.

pub(super) mod archive;
pub(super) mod mime;

use super::content::Content;
use super::error::BootstrapErrorKind;
use super::scripts::Folder;

/// One part of a container.
pub(super) struct Part {
    /// Its file name. One without is called by its place: see [`default_name`].
    pub(super) name: Option<String>,
    /// What its container says that it is.
    pub(super) declared: Declared,
    /// Without transfer encoding; perhaps compressed.
    pub(super) content: Vec<u8>,
    /// The header `Merge-Type` or `X-Merge-Type`.
    pub(super) merge_type: Option<String>,
    /// Whether there is a `Launch-Index`.
    pub(super) has_launch_index: bool,
}

/// What a content type says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Declared {
    /// Nothing: its beginning tells.
    Nothing,
    /// It is this.
    Content(Content),
    /// Its beginning tells, and if that is nothing known, it is this.
    Perhaps(Content),
    /// A template with its header.
    Jinja,
}

/// Reads a content type. Those that no part of bootstrap data can have here are errors.
pub(super) fn declared(content_type: &str) -> Result<Declared, BootstrapErrorKind> {
    let refused = |first_line| match super::content::known_kind(first_line) {
        Some((what, advice)) => BootstrapErrorKind::UnsupportedContent { what, advice },
        None => BootstrapErrorKind::UnknownContentType,
    };
    let script = |folder| Ok(Declared::Content(Content::Script(folder)));
    match content_type.trim().to_ascii_lowercase().as_str() {
        "" | "text/plain" | "text/x-not-multipart" => Ok(Declared::Nothing),
        "application/gzip"
        | "application/gzip-compressed"
        | "application/gzipped"
        | "application/x-compress"
        | "application/x-compressed"
        | "application/x-gunzip"
        | "application/x-gzip"
        | "application/x-gzip-compressed" => Ok(Declared::Nothing),
        "text/cloud-config" => Ok(Declared::Content(Content::CloudConfig)),
        "text/cloud-config-archive" => Ok(Declared::Content(Content::Archive)),
        "text/jinja2" => Ok(Declared::Jinja),
        "text/x-shellscript" => Ok(Declared::Perhaps(Content::Script(Folder::User))),
        "text/x-shellscript-per-once" => script(Folder::PerOnce),
        "text/x-shellscript-per-boot" => script(Folder::PerBoot),
        "text/x-shellscript-per-instance" => script(Folder::PerInstance),
        "text/cloud-boothook" => Ok(Declared::Content(Content::Boothook)),
        "text/x-include-url" | "text/x-include-once-url" => Err(refused("#include")),
        "text/part-handler" => Err(refused("#part-handler")),
        "text/upstart-job" => Err(refused("#upstart-job")),
        "text/cloud-config-jsonp" => Err(refused("#cloud-config-jsonp")),
        _ => Err(BootstrapErrorKind::UnknownContentType),
    }
}

/// What cloud-init calls a part without a file name; `number` counts from 1.
pub(super) fn default_name(number: usize) -> String {
    format!("part-{number:03}")
}
