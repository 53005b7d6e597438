//! `growpart` and `resize_rootfs` (cloud-init's cc_growpart and cc_resizefs): a partition and its file system take the space behind it.

use super::{Call, Module};
use crate::bootstrap::error::{BootstrapError, FieldProblem};
use crate::bootstrap::fields::Fields;
use crate::bootstrap::{Bootstrap, Stage};

pub(super) const MODULE: Module = Module {
    keys: &["growpart", "resize_rootfs"],
    read,
};

const GPART: &str = "gpart is FreeBSD's; `auto` takes growpart(1) or sfdisk(8)";
const GROWROOT: &str = "it is about a file that stops the first start of an image";

fn read(document: &Fields<'_>, bootstrap: &mut Bootstrap) -> Result<(), BootstrapError> {
    if let Some(grow) = document.mapping("growpart")? {
        let known = ["mode", "devices", "ignore_growroot_disabled"];
        bootstrap.unsupported.extend(grow.others(&known));
        if grow.flag("ignore_growroot_disabled")? == Some(true) {
            let why = grow.not_applied("ignore_growroot_disabled", GROWROOT);
            bootstrap.unsupported.extend(why);
        }
        let mut devices: Vec<&str> = Vec::new();
        for (path, text, span) in grow.texts("devices")? {
            if !text.starts_with('/') || text.contains(|c: char| c.is_control()) {
                let expected = "a mount point or the path of a partition";
                return Err(grow.error(span, &path, FieldProblem::Invalid { expected }));
            }
            devices.push(text);
        }
        if devices.is_empty() {
            devices.push("/");
        }
        match grow.text("mode")?.map(|(text, node)| (text.to_lowercase(), node)) {
            Some((mode, _)) if matches!(mode.as_str(), "off" | "false" | "no") => {}
            Some((mode, _)) if mode == "gpart" => bootstrap.unsupported.extend(grow.not_applied("mode", GPART)),
            Some((mode, node)) if !matches!(mode.as_str(), "auto" | "growpart" | "growfs") => {
                let expected = "auto, growpart, gpart or off";
                return Err(grow.fail(node, "mode", FieldProblem::Invalid { expected }));
            }
            Some(_) | None => {
                let call = Call::new(
                    format!("partition of {} as large as it can be", devices.join(", ")),
                    "e_growpart",
                    &devices,
                );
                bootstrap.set(Stage::Growpart, "growpart", 0, document.span("growpart"), call);
            }
        }
    }
    let is_noblock = matches!(document.text("resize_rootfs")?, Some(("noblock", _)));
    if is_noblock || document.flag("resize_rootfs")?.unwrap_or(false) {
        let call = Call::new("root file system as large as its device", "e_resize_fs", &["/"]);
        bootstrap.set(Stage::Growpart, "resize_rootfs", 0, document.span("resize_rootfs"), call);
    }
    Ok(())
}
