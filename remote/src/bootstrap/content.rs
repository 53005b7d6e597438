//! What kind of bootstrap data a text is, and what to do about the kinds that are not supported.

use super::error::BootstrapErrorKind;
use super::script;
use super::scripts::Folder;

/// The kinds that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// `#cloud-config`
    CloudConfig,
    /// `#!`, and where it is kept.
    Script(Folder),
    /// `#cloud-boothook`
    Boothook,
    /// `#cloud-config-archive`
    Archive,
    /// A MIME message.
    Mime,
    /// JSON with an `ignition` key.
    Ignition,
}

const HEADER: &str = "#cloud-config";
const USE_CLOUD_CONFIG: &str = "have the bootstrap provider emit cloud-config";
const ONE_DOCUMENT: &str = "put its contents into one #cloud-config document";
const POSIX_ONLY: &str = "only hosts with a POSIX shell can be provisioned";

/// How many lines are looked at for header fields.
const MAX_FIELDS: usize = 64;

/// Refuses a Secret's `format` that says the data is something else than cloud-config or Ignition.
pub(super) fn check_format(format: Option<&str>) -> Result<(), BootstrapErrorKind> {
    let Some(format) = format else { return Ok(()) };
    match format {
        "" | "cloud-config" | "ignition" => Ok(()),
        "powershell" | "powershell-xml" => Err(unsupported_format(format, POSIX_ONLY)),
        _ => Err(unsupported_format(format, USE_CLOUD_CONFIG)),
    }
}

fn unsupported_format(format: &str, advice: &'static str) -> BootstrapErrorKind {
    let is_name = format.len() <= 32
        && format
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.+/".contains(&byte));
    let format = if is_name {
        format!("`{format}`")
    } else {
        "that is not a name".to_owned()
    };
    BootstrapErrorKind::UnsupportedFormat { format, advice }
}

/// Finds out what a text is. Without a known first line it is cloud-config only if the Secret's `format` says so.
pub(super) fn detect(text: &str, format: Option<&str>) -> Result<Content, BootstrapErrorKind> {
    let text = text.trim_start();
    let first_line = text.lines().next().unwrap_or_default().trim_end();
    let lower = first_line.to_ascii_lowercase();
    if lower.starts_with("#!") {
        return Ok(Content::Script(Folder::User));
    }
    if is_header(first_line) {
        return Ok(Content::CloudConfig);
    }
    if lower.starts_with(script::BOOTHOOK) {
        return Ok(Content::Boothook);
    }
    if lower.starts_with("#cloud-config-archive") {
        return Ok(Content::Archive);
    }
    if is_mime(text) {
        return Ok(Content::Mime);
    }
    if format == Some("ignition") || text.starts_with('{') && text.contains("\"ignition\"") {
        return Ok(Content::Ignition);
    }
    if let Some((what, advice)) = known_kind(&lower).or_else(|| known_anywhere(text)) {
        return Err(BootstrapErrorKind::UnsupportedContent { what, advice });
    }
    if lower.starts_with("#cloud") {
        return Err(BootstrapErrorKind::MisspelledHeader);
    }
    match format {
        Some("cloud-config") => Ok(Content::CloudConfig),
        Some(_) | None => Err(BootstrapErrorKind::UnknownContent),
    }
}

/// Whether a line is the header of cloud-config. cloud-init ignores letter case and what follows.
pub(super) fn is_header(line: &str) -> bool {
    line.trim_end().eq_ignore_ascii_case(HEADER)
        || line
            .split_whitespace()
            .next()
            .is_some_and(|word| line.starts_with(word) && word.eq_ignore_ascii_case(HEADER))
}

/// Whether a text is a MIME message: it begins with header fields, and `MIME-Version` or `Content-Type` is among them.
pub(super) fn is_mime(text: &str) -> bool {
    let mut fields = without_envelope(text)
        .lines()
        .take_while(|line| !line.is_empty())
        .take(MAX_FIELDS);
    let is_field = |line: &&str| {
        line.split_once(':')
            .is_some_and(|(name, _)| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic()))
    };
    let names_mime = |line: &str| {
        let lower = line.to_ascii_lowercase();
        lower.starts_with("mime-version:") || lower.starts_with("content-type:")
    };
    match fields.next().filter(is_field) {
        Some(first) => names_mime(first) || fields.any(names_mime),
        None => false,
    }
}

/// A message without the line of an mbox before it (`From nobody Fri Jan 11 07:00:00 1980`), which old tools of cloud-init write.
pub(super) fn without_envelope(text: &str) -> &str {
    let text = text.trim_start();
    match text.split_once('\n') {
        Some((first, rest)) if first.starts_with("From ") => rest,
        Some(_) | None => text,
    }
}

/// A kind of user-data that cloud-init (or another consumer of bootstrap data) knows by its first line, and what to do instead.
pub(super) fn known_kind(first_line: &str) -> Option<(&'static str, &'static str)> {
    const BY_FIRST_LINE: &[(&str, &str, &str)] = &[
        ("#cloud-config-jsonp", "a JSON patch of cloud-config", ONE_DOCUMENT),
        ("#include", "a list of URLs to include", ONE_DOCUMENT),
        (
            "#part-handler",
            "a cloud-init part handler",
            "only cloud-init itself can run it",
        ),
        ("#upstart-job", "an Upstart job", "use `runcmd` in a #cloud-config document"),
        ("#ps1", "a PowerShell script", POSIX_ONLY),
        ("<powershell>", "a PowerShell script", POSIX_ONLY),
        ("rem cmd", "a Windows batch script", POSIX_ONLY),
    ];
    BY_FIRST_LINE
        .iter()
        .find(|(start, ..)| first_line.starts_with(start))
        .map(|(_, what, advice)| (*what, *advice))
}

/// The same, by what is in a text.
fn known_anywhere(text: &str) -> Option<(&'static str, &'static str)> {
    let beginning: String = text.chars().take(4096).collect::<String>().to_ascii_lowercase();
    ["\nwrite-output ", "\nnew-item ", "$erroractionpreference"]
        .iter()
        .any(|command| beginning.contains(command))
        .then_some(("a PowerShell script", POSIX_ONLY))
}
