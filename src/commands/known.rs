//! The facts that `anywhere plan` is given, or asks for.

use std::collections::BTreeMap;
use std::sync::Arc;

use remote::engine;
use remote::facts::Facts;
use serde_json::Value;

use super::{deadlines_of, limits, with_runtime};
use crate::cli::PlanArgs;
use crate::input::{self, Problem};
use crate::machine::{Machine, Planned};
use crate::{credentials, fleet};

/// What is known of a machine.
pub(super) enum Told {
    /// Nothing, as nobody asked.
    Nothing,
    /// This.
    Facts(Box<Facts>),
    /// It did not tell.
    Error(String),
}

/// What is known of each of these machines.
///
/// # Errors
/// All that is wrong with the file, or with how the machines are reached.
pub(super) fn facts(machines: &[Machine], args: &PlanArgs) -> Result<Vec<Told>, Vec<Problem>> {
    if let Some(path) = &args.facts {
        let name = path.display().to_string();
        let text = input::read(path).map_err(|problem| vec![problem])?;
        let file = File::read(text.expose()).map_err(|what| vec![Problem(format!("{name}: {what}"))])?;
        return Ok(machines.iter().map(|machine| file.of(&machine.name)).collect());
    }
    if args.connect {
        return ask(machines, args);
    }
    Ok(machines.iter().map(|_| Told::Nothing).collect())
}

/// Asks the machines whose plans need it.
fn ask(machines: &[Machine], args: &PlanArgs) -> Result<Vec<Told>, Vec<Problem>> {
    let waiting: Vec<_> = machines
        .iter()
        .enumerate()
        .filter(|(_, machine)| matches!(machine.planned, Some(Planned::AfterFacts(_))))
        .collect();
    let those: Vec<_> = waiting.iter().map(|(_, machine)| (*machine).clone()).collect();
    let mut told: Vec<_> = machines.iter().map(|_| Told::Nothing).collect();
    if those.is_empty() {
        return Ok(told);
    }
    let hosts = credentials::hosts(&those, &args.connection)?;
    let (limits, deadlines) = limits(&args.connection);
    let deadlines = deadlines_of(&those, deadlines);
    let answers = with_runtime(|cancel| {
        let cancel = Arc::new(cancel);
        fleet::hosts(hosts, usize::from(args.connection.parallel), move |index, host| {
            let cancel = cancel.clone();
            let deadlines = deadlines(index);
            async move { engine::facts(&host, &limits, &deadlines, &cancel).await }
        })
    })?;
    for ((index, _), answer) in waiting.into_iter().zip(answers) {
        if let Some(told) = told.get_mut(index) {
            *told = match answer {
                Some(Ok(facts)) => Told::Facts(Box::new(facts)),
                Some(Err(error)) => Told::Error(error.to_string()),
                None => Told::Error("it was not asked".to_owned()),
            };
        }
    }
    Ok(told)
}

/// Facts in a file.
enum File {
    /// One object, for all machines.
    All(Box<Facts>),
    /// By the names of machines.
    Named(BTreeMap<String, Facts>),
}

impl File {
    /// JSON objects one after another: those of `anywhere status -o json`, those of a run's report, or one that is the facts
    /// themselves.
    fn read(text: &[u8]) -> Result<Self, String> {
        let mut named = BTreeMap::new();
        let mut bare = None;
        for value in serde_json::Deserializer::from_slice(text).into_iter::<Value>() {
            let mut value = value.map_err(|error| format!("this is no JSON: {error}"))?;
            let machine = value.get("machine").and_then(Value::as_str).map(str::to_owned);
            let (Some(machine), facts) = (machine, value.get_mut("facts").map(Value::take)) else {
                bare = Some(value);
                continue;
            };
            // Other lines of a report, and machines that did not answer, have none.
            if let Some(facts) = facts.filter(Value::is_object) {
                named.insert(machine, read(facts)?);
            }
        }
        match bare {
            Some(facts) if named.is_empty() && facts.get("event").is_none() => Ok(Self::All(Box::new(read(facts)?))),
            Some(_) | None if named.is_empty() => Err("there are no facts in it; anywhere status -o json prints them".to_owned()),
            Some(_) | None => Ok(Self::Named(named)),
        }
    }

    fn of(&self, machine: &str) -> Told {
        match self {
            Self::All(facts) => Told::Facts(facts.clone()),
            Self::Named(named) => named.get(machine).map_or_else(
                || Told::Error("its facts are not in the file".to_owned()),
                |facts| Told::Facts(Box::new(facts.clone())),
            ),
        }
    }
}

fn read(facts: Value) -> Result<Facts, String> {
    serde_json::from_value(facts).map_err(|error| format!("these are no facts: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_of_a_file() {
        for (text, known) in [
            (r#"{"cpus":2}"#, Some("a")),
            (r#"{"machine":"a","facts":{"cpus":2}}"#, Some("a")),
            (
                "{\"machine\":\"b\",\"facts\":{\"cpus\":3}}\n{\"machine\":\"a\",\"facts\":{\"cpus\":2}}",
                Some("a"),
            ),
            (
                "{\"event\":\"facts\",\"machine\":\"a\",\"facts\":{\"cpus\":2}}\n{\"event\":\"total\"}",
                Some("a"),
            ),
            (r#"{"machine":"a","facts":{"cpus":2}}"#, None),
            ("", None),
            ("cpus: 2", None),
            (r#"{"event":"total"}"#, None),
            (r#"{"colour":"blue"}"#, None),
            (r#"{"machine":"a","facts":null,"error":"x"}"#, None),
        ] {
            let told = File::read(text.as_bytes()).map(|file| file.of(known.unwrap_or("c")));
            let cpus = match told {
                Ok(Told::Facts(facts)) => facts.cpus,
                Ok(Told::Nothing | Told::Error(_)) | Err(_) => None,
            };
            assert_eq!(cpus, known.map(|_| 2), "{text}");
        }
    }
}
