//! `power_state` (cloud-init's cc_power_state_change): the host is rebooted or switched off once all else is done.

use super::{Call, Module};
use crate::bootstrap::error::{BootstrapError, FieldProblem};
use crate::bootstrap::fields::Fields;
use crate::bootstrap::{Bootstrap, Stage};
use crate::yaml::Resolved;

pub(super) const MODULE: Module = Module {
    keys: &["power_state"],
    read,
};

/// Seconds that whoever still listens to the run is waited for; cloud-init's default.
const TIMEOUT: &str = "30";

fn read(document: &Fields<'_>, bootstrap: &mut Bootstrap) -> Result<(), BootstrapError> {
    let Some(power) = document.mapping("power_state")? else {
        return Ok(());
    };
    let known = ["mode", "delay", "message", "timeout", "condition"];
    bootstrap.unsupported.extend(power.others(&known));
    let (mode, node) = power.required("mode")?;
    if !matches!(mode, "reboot" | "poweroff" | "halt") {
        let expected = "reboot, poweroff or halt";
        return Err(power.fail(node, "mode", FieldProblem::Invalid { expected }));
    }
    let minutes = minutes(&power)?;
    let timeout = match power.text("timeout")? {
        Some((text, node)) if text.parse::<u16>().is_err() => {
            let expected = "a number of seconds";
            return Err(power.fail(node, "timeout", FieldProblem::Invalid { expected }));
        }
        Some((text, _)) => text,
        None => TIMEOUT,
    };
    let message = power.text("message")?.map_or("", |(text, _)| text);
    let Some(condition) = condition(&power)? else {
        return Ok(());
    };
    let when = match minutes {
        0 => "at the end".to_owned(),
        minutes => format!("{minutes} min after the end"),
    };
    let if_met = if condition.is_empty() {
        ""
    } else {
        ", if its condition is met"
    };
    let minutes = minutes.to_string();
    let mut arguments = vec![mode, &minutes, timeout, message];
    arguments.extend(condition);
    let call = Call::new(format!("{mode} {when}{if_met}"), "e_power_state", &arguments);
    bootstrap.set(Stage::PowerState, "power_state", 0, document.span("power_state"), call);
    Ok(())
}

/// `delay`: `now`, `+5` or 5.
fn minutes(power: &Fields<'_>) -> Result<u32, BootstrapError> {
    let Some((text, node)) = power.text("delay")? else {
        return Ok(0);
    };
    if text == "now" {
        return Ok(0);
    }
    let digits = text.strip_prefix('+').unwrap_or(text);
    let is_number = digits.bytes().all(|byte| byte.is_ascii_digit()) && digits.len() < 7;
    digits.parse().ok().filter(|_| is_number).ok_or_else(|| {
        let expected = "now, or minutes such as +5";
        power.fail(node, "delay", FieldProblem::Invalid { expected })
    })
}

/// `condition`: empty without one; nothing if it says never.
fn condition<'a>(power: &Fields<'a>) -> Result<Option<Vec<&'a str>>, BootstrapError> {
    let Some(node) = power.present("condition") else {
        return Ok(Some(Vec::new()));
    };
    match node.resolved() {
        Some(Resolved::Bool(met)) => Ok(met.then(Vec::new)),
        Some(Resolved::Str(_)) => {
            let text = power.text("condition")?.map_or("", |(text, _)| text);
            Ok(Some(vec!["shell", text]))
        }
        Some(Resolved::Int(_) | Resolved::Float(_) | Resolved::Binary(_) | Resolved::Null) => {
            Err(power.wrong_type(node, "condition", "true, false, a command or a list of words"))
        }
        None => {
            let words = power.texts("condition")?;
            if words.is_empty() {
                return Err(power.fail(node, "condition", FieldProblem::Missing));
            }
            let words = words.into_iter().map(|(_, word, _)| word);
            Ok(Some(["words"].into_iter().chain(words).collect()))
        }
    }
}
