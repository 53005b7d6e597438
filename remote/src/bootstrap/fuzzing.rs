//! Bootstrap data of any kind, all the way to the program that would be sent; and the short texts in it that have a form of their own.

use super::{Bootstrap, Options, Owner, Renderer, Rendering, Variables, VendorData, mode, parse};
use crate::content::Sha256Hex;
use crate::content::http::fuzzing::url;
use crate::content::source::Location;
use crate::doctor::Intent;
use crate::facts::Facts;
use crate::fuzzing::assert_shown;
use crate::plan::{Action, Plan, Policy};
use crate::redact::Redactor;
use crate::script::{self, Mode, Order};

/// What stands between user-data and vendor-data in the input.
const VENDOR: &[u8] = b"\n--vendor-data--\n";

/// Takes a template as what it renders to, so that what comes after is reached.
#[derive(Debug)]
struct AsItIs;

impl Renderer for AsItIs {
    fn render(&self, template: &str, _: &Variables) -> Rendering {
        Rendering::Text(template.to_owned())
    }
}

/// User-data, and vendor-data if there is any: parsed, merged, planned, rendered, redacted.
pub(crate) fn user_data(data: &[u8]) {
    let (data, vendor) = match data.windows(VENDOR.len()).position(|window| window == VENDOR) {
        Some(at) => {
            let (data, rest) = data.split_at(at);
            (data, rest.get(VENDOR.len()..))
        }
        None => (data, None),
    };
    let options = Options {
        source: "fuzz",
        format: None,
        variables: Variables {
            machine_name: Some("node-1".to_owned()),
            instance_id: Some("i-1".to_owned()),
            facts: Some(Facts::default()),
        },
        vendor_data: vendor.map(|data| VendorData { source: "vendor", data }),
        renderer: Some(&AsItIs),
    };
    match parse(data, &options) {
        Ok(bootstrap) => plans(&bootstrap),
        Err(error) => assert_shown(&error.to_string()),
    }
}

fn plans(bootstrap: &Bootstrap) {
    for unsupported in &bootstrap.unsupported {
        let _ = bootstrap.sources.place(unsupported.line);
    }
    for commands_as_script in [false, true] {
        let policy = Policy {
            commands_as_script,
            expect_sentinel: commands_as_script,
            ..Policy::default()
        };
        match Plan::new(bootstrap, &policy) {
            Ok(plan) => programs(&plan),
            Err(error) => assert_shown(&error.to_string()),
        }
    }
}

fn programs(plan: &Plan) {
    let order = Order {
        mode: Mode::Apply,
        owner: "fuzz",
        holder: "fuzz",
        time: 0,
        step_limit: 1,
        run_limit: 1,
        keep_going: false,
        rerun: None,
        rerun_interrupted: false,
        facts: true,
        seen: None,
    };
    let program = script::render(plan, &order);
    // Some shells end a text at such a byte, and would run half a program.
    assert!(!program.expose().contains(&0), "a NUL byte in the program");
    let redactor = Redactor::of(plan);
    for step in plan.steps() {
        if let Action::WriteFile(file) = &step.action {
            let path = file.path.as_slice();
            let climbs = path.split(|byte| *byte == b'/').any(|part| part == b"..");
            assert!(path.starts_with(b"/") && !climbs, "{path:?} is not where it seems to be");
        }
    }
    for secret in redactor.secrets() {
        let text = String::from_utf8_lossy(secret.expose());
        // One with a star in it may come out of the mask of another.
        if !text.contains('*') {
            let shown = redactor.redact(&format!("a {text}{text} b"));
            assert!(!shown.contains(text.as_ref()), "a secret is shown");
        }
    }
    let masked = plan.masked(&redactor);
    assert_eq!(masked.steps().len(), plan.steps().len());
    let _ = Intent::of(Some(plan));
}

/// Sources of contents, owners, modes, hashes: a line each.
pub(crate) fn words(data: &[u8]) {
    for line in String::from_utf8_lossy(data).lines() {
        let _ = Location::parse(line);
        url(line);
        if let Some(mode) = mode(line) {
            assert!(mode <= 0o7777, "{mode:o} is no mode");
        }
        if let Some(owner) = Owner::parse(line) {
            let parts = [owner.user, owner.group];
            let odd = |part: &String| part.contains([':', '\n', '\0']) || part.starts_with('-');
            assert!(
                !parts.iter().flatten().any(odd),
                "{parts:?} would mean something else to chown"
            );
        }
        if let Some(hash) = Sha256Hex::parse(line) {
            assert_eq!(hash.as_str().len(), 64);
        }
    }
}
