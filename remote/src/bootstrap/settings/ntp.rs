//! `ntp` (cloud-init's cc_ntp).

use super::{Call, Module};
use crate::bootstrap::error::{BootstrapError, FieldProblem};
use crate::bootstrap::fields::Fields;
use crate::bootstrap::{Bootstrap, Stage};

pub(super) const MODULE: Module = Module { keys: &["ntp"], read };

fn read(document: &Fields<'_>, bootstrap: &mut Bootstrap) -> Result<(), BootstrapError> {
    let span = document.span("ntp");
    // As cloud-init: without settings, a client with its own.
    let Some(ntp) = document.mapping("ntp")? else {
        let call = Call::new("time by NTP", "e_ntp", &["auto"]);
        bootstrap.set(Stage::Ntp, "ntp", 0, span, call);
        return Ok(());
    };
    let known = ["enabled", "ntp_client", "servers", "pools", "peers", "allow", "config"];
    bootstrap.unsupported.extend(ntp.others(&known));
    let not_applied = [
        ("peers", "the host becomes a client only"),
        ("allow", "the host becomes a client only"),
        ("config", "packages, files and services are those of the host's distribution"),
    ];
    bootstrap
        .unsupported
        .extend(not_applied.iter().filter_map(|(key, why)| ntp.not_applied(key, why)));
    let client = match ntp.text("ntp_client")? {
        None => "auto",
        Some((client @ ("auto" | "chrony" | "ntp" | "systemd-timesyncd"), _)) => client,
        Some((_, node)) => {
            let expected = "auto, chrony, ntp or systemd-timesyncd";
            return Err(ntp.fail(node, "ntp_client", FieldProblem::Invalid { expected }));
        }
    };
    let mut arguments = vec![client];
    for (key, kind) in [("servers", "server"), ("pools", "pool")] {
        for (path, name, span) in ntp.texts(key)? {
            let is_address = |c: char| c.is_ascii_alphanumeric() || "-_.:".contains(c);
            if name.is_empty() || name.starts_with('-') || !name.chars().all(is_address) {
                let expected = "a host name or an IP address";
                return Err(ntp.error(span, &path, FieldProblem::Invalid { expected }));
            }
            arguments.extend([kind, name]);
        }
    }
    if !ntp.flag("enabled")?.unwrap_or(true) {
        return Ok(());
    }
    let names: Vec<_> = arguments.iter().skip(2).step_by(2).copied().collect();
    let from = if names.is_empty() { "" } else { " from " };
    let call = Call::new(format!("time by NTP{from}{}", names.join(", ")), "e_ntp", &arguments);
    bootstrap.set(Stage::Ntp, "ntp", 0, span, call);
    Ok(())
}
