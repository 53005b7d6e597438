//! `random_seed` (cloud-init's cc_seed_random).

use super::{Call, Module};
use crate::bootstrap::encoding::Encoding;
use crate::bootstrap::error::{BootstrapError, FieldProblem};
use crate::bootstrap::fields::Fields;
use crate::bootstrap::path::absolute;
use crate::bootstrap::{Bootstrap, Stage};

pub(super) const MODULE: Module = Module {
    keys: &["random_seed"],
    read,
};

/// The most that is taken, in bytes: the kernel's pool holds 256 bits, so more is of no use (random(4)), and it is given as an argument.
const MAX_BYTES: usize = 4096;

fn read(document: &Fields<'_>, bootstrap: &mut Bootstrap) -> Result<(), BootstrapError> {
    let Some(seed) = document.mapping("random_seed")? else {
        return Ok(());
    };
    let known = ["file", "data", "encoding", "command", "command_required"];
    bootstrap.unsupported.extend(seed.others(&known));
    let file = match seed.text("file")? {
        Some((file, node)) if !file.starts_with('/') => {
            let expected = "an absolute path";
            return Err(seed.fail(node, "file", FieldProblem::Invalid { expected }));
        }
        Some((file, node)) => absolute(file).map_err(|problem| seed.fail(node, "file", problem))?,
        None => "/dev/urandom".to_owned(),
    };
    let encoding = match seed.text("encoding")? {
        None | Some(("raw", _)) => Encoding::PLAIN,
        Some((name, node)) => Encoding::parse(name).map_err(|problem| seed.fail(node, "encoding", problem))?,
    };
    if let Some((text, node)) = seed.text("data")?.filter(|(text, _)| !text.is_empty()) {
        let too_large = FieldProblem::Invalid {
            expected: "at most 4096 bytes",
        };
        let bytes = match encoding.decode(text.as_bytes().to_vec(), MAX_BYTES) {
            Ok(bytes) => bytes,
            Err(FieldProblem::TooLarge { .. }) => return Err(seed.fail(node, "data", too_large)),
            Err(problem) => return Err(seed.fail(node, "data", problem)),
        };
        let format: String = bytes.iter().map(|byte| format!("\\{byte:03o}")).collect();
        let call = Call::new(format!("random seed in {file}"), "e_random_seed", &[&file, &format]).private();
        bootstrap.set(Stage::RandomSeed, "random_seed", 0, node.span, call);
    }
    let words: Vec<_> = seed.texts("command")?.into_iter().map(|(_, word, _)| word).collect();
    let required = seed.flag("command_required")?.unwrap_or(false);
    if words.is_empty() && required {
        seed.required("command")?;
    }
    if !words.is_empty() {
        let mut arguments = vec![if required { "required" } else { "optional" }, &file];
        arguments.extend(words);
        let call = Call::new("command that seeds random numbers", "e_seed_command", &arguments);
        bootstrap.set(Stage::RandomSeed, "random_seed", 0, seed.span("command"), call);
    }
    Ok(())
}
