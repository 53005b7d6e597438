//! What kind of bootstrap data a text is, and what to do about the kinds that are not supported.

use super::error::BootstrapErrorKind;

/// The kinds that are read.
pub(super) enum Content {
    /// `#cloud-config`
    CloudConfig,
    /// `#!`
    Script,
}

const HEADER: &str = "#cloud-config";
const USE_CLOUD_CONFIG: &str = "have the bootstrap provider emit cloud-config";
const ONE_DOCUMENT: &str = "put its contents into one #cloud-config document";

/// Refuses a Secret's `format` that says the data is something else than cloud-config.
pub(super) fn check_format(format: Option<&str>) -> Result<(), BootstrapErrorKind> {
    let Some(format) = format else { return Ok(()) };
    match format {
        "" | "cloud-config" => Ok(()),
        "ignition" => Err(unsupported_format(
            format,
            "set the bootstrap provider's format to cloud-config",
        )),
        "powershell" | "powershell-xml" => Err(unsupported_format(format, "only hosts with a POSIX shell can be provisioned")),
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
        return Ok(Content::Script);
    }
    if is_header(first_line) {
        return Ok(Content::CloudConfig);
    }
    if let Some((what, advice)) = known_kind(text, &lower) {
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

/// A kind of user-data that cloud-init (or another consumer of bootstrap data) knows, and what to do instead.
fn known_kind(text: &str, first_line: &str) -> Option<(&'static str, &'static str)> {
    const BY_FIRST_LINE: &[(&str, &str, &str)] = &[
        ("#cloud-config-archive", "a cloud-config archive", ONE_DOCUMENT),
        ("#cloud-config-jsonp", "a JSON patch of cloud-config", ONE_DOCUMENT),
        (
            "#cloud-boothook",
            "a cloud-init boothook",
            "use `bootcmd` in a #cloud-config document, or a #! script",
        ),
        ("#include", "a list of URLs to include", ONE_DOCUMENT),
        (
            "#part-handler",
            "a cloud-init part handler",
            "only cloud-init itself can run it",
        ),
        ("#upstart-job", "an Upstart job", "use `runcmd` in a #cloud-config document"),
        (
            "#ps1",
            "a PowerShell script",
            "only hosts with a POSIX shell can be provisioned",
        ),
        (
            "<powershell>",
            "a PowerShell script",
            "only hosts with a POSIX shell can be provisioned",
        ),
        (
            "rem cmd",
            "a Windows batch script",
            "only hosts with a POSIX shell can be provisioned",
        ),
        ("content-type:", "a MIME message", ONE_DOCUMENT),
        ("mime-version:", "a MIME message", ONE_DOCUMENT),
    ];
    if let Some((_, what, advice)) = BY_FIRST_LINE.iter().find(|(start, ..)| first_line.starts_with(start)) {
        return Some((what, advice));
    }
    let beginning: String = text.chars().take(4096).collect::<String>().to_ascii_lowercase();
    if text.starts_with('{') && text.contains("\"ignition\"") {
        return Some(("an Ignition config", USE_CLOUD_CONFIG));
    }
    // A message with other headers first.
    let is_mail_header = first_line
        .split_once(':')
        .is_some_and(|(name, _)| name.contains('-') && !name.contains(char::is_whitespace));
    if is_mail_header && beginning.contains("\nmime-version:") {
        return Some(("a MIME message", ONE_DOCUMENT));
    }
    if beginning.contains("\nwrite-output ") || beginning.contains("\nnew-item ") || beginning.contains("$erroractionpreference")
    {
        return Some(("a PowerShell script", "only hosts with a POSIX shell can be provisioned"));
    }
    None
}
