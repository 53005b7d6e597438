//! What a container of a Job wrote before it ended, and what that says of why: pure.

use remote::engine;
use remote::event::printable;

use super::Errand;
use super::failure::{Failure, JobError};
use super::outcome::Ended;
use crate::controllers::api::ApiError;
use crate::controllers::work::WorkError;

/// How many of the last lines of a log are shown.
const SHOWN: usize = 20;

/// What a container wrote before it ended.
pub(super) struct LastWords {
    /// Which one.
    pub(super) ended: Ended,
    /// The end of its log, or why it cannot be read.
    pub(super) log: Result<String, ApiError>,
}

impl LastWords {
    /// What the run itself says went wrong, if it came to its end.
    fn run_error(&self, errand: &Errand) -> Option<engine::Error> {
        let log = self.log.as_ref().ok()?;
        let result = engine::carried(log, &|text| errand.redactor.redact(text))?;
        // That it was stopped is said by who has stopped it.
        result.err().filter(|error| !matches!(error, engine::Error::Stopped))
    }

    /// Whether it can be read, and the program has not come to a good end there.
    fn is_of_another(&self, errand: &Errand) -> bool {
        let carried = |log: &String| engine::carried(log, &|text| errand.redactor.redact(text));
        self.log.as_ref().is_ok_and(|log| !matches!(carried(log), Some(Ok(_))))
    }

    fn ended(&self) -> String {
        let Ended {
            pod,
            container,
            exit_code,
            reason,
            ..
        } = &self.ended;
        let reason = if reason.is_empty() {
            String::new()
        } else {
            format!(" ({reason})")
        };
        format!("Pod {pod}, container {container}: exit status {exit_code}{reason}")
    }

    /// The last lines of the log, without secrets; or why there are none.
    fn said(&self, errand: &Errand) -> Vec<String> {
        match &self.log {
            Ok(log) => {
                let lines: Vec<&str> = log.lines().collect();
                let shown = lines.get(lines.len().saturating_sub(SHOWN)..).unwrap_or_default();
                shown
                    .iter()
                    .map(|line| errand.redactor.redact(&printable(line.as_bytes())))
                    .collect()
            }
            Err(error) => vec![format!("its log cannot be read: {error}")],
        }
    }

    /// In one line, or as many as the run itself takes.
    pub(super) fn in_words(&self, errand: &Errand) -> String {
        match self.run_error(errand) {
            Some(error) => error.to_string(),
            None => {
                let last = self.said(errand).pop();
                last.map_or_else(|| self.ended(), |last| format!("{}: {last}", self.ended()))
            }
        }
    }
}

/// Why a Job has given up: what the run said of itself, if that is why.
pub(super) fn failed(errand: &Errand, reason: String, message: String, last: Option<LastWords>) -> WorkError {
    let by_itself = reason != "DeadlineExceeded";
    if let Some(error) = last.as_ref().filter(|_| by_itself).and_then(|last| last.run_error(errand)) {
        return WorkError::Run(error);
    }
    WorkError::Job(JobError::Failed(Box::new(Failure {
        job: errand.shaped.key.clone(),
        reason,
        message,
        ended: last.as_ref().map(LastWords::ended),
        said: last.map(|last| last.said(errand)).unwrap_or_default(),
    })))
}

/// Why a Job that is complete is not believed: a command that does not run its arguments, such as `sh -c`, ends well, too. A log that
/// cannot be read says nothing, and is as if there were none.
pub(super) fn not_run(errand: &Errand, last: LastWords) -> Option<WorkError> {
    let message = "its first container has ended well without having run its args, which are the program: see to \
                   spec.provisionJob.jobSpecTemplate.spec.template.spec.containers[0].command, and to the image's entrypoint";
    last.is_of_another(errand)
        .then(|| failed(errand, "ArgsNotRun".to_owned(), message.to_owned(), Some(last)))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test that cannot be set up fails
mod tests {
    use remote::plan::Plan;
    use remote::redact::Redactor;
    use remote::script::Mode;
    use remote::secret::Secret;
    use serde_json::Value;

    use super::super::Shaped;
    use super::*;
    use crate::manifest::Key;

    fn failure(reason: &str, log: Result<&str, &str>) -> String {
        let errand = Errand {
            shaped: Shaped {
                key: Key {
                    namespace: "n".to_owned(),
                    name: "j".to_owned(),
                },
                job: Value::Null,
                secret: k8s_openapi::api::core::v1::Secret::default(),
            },
            mode: Mode::Apply,
            run_limit: std::time::Duration::from_secs(60),
            redactor: Redactor::of(&Plan::reset(&[]).unwrap()).and([Secret::from("hunter2")]),
        };
        let last = LastWords {
            ended: Ended {
                id: "1".to_owned(),
                pod: "p".to_owned(),
                container: "c".to_owned(),
                is_former: false,
                exit_code: 1,
                reason: "Error".to_owned(),
            },
            log: log.map(str::to_owned).map_err(|why| ApiError::NotFound(why.to_owned())),
        };
        failed(&errand, reason.to_owned(), "m".to_owned(), Some(last)).to_string()
    }

    #[test]
    fn the_run_says_it_or_the_job_does() {
        let step = "  | no hunter2\nstep 2 of 3 failed: exit status 7\nanywhere: failed at step 2 of 3, exit status 7: b";
        let of_run = "step 2 of 3, b: exit status 7\n  | no ********";
        let head = |reason: &str| format!("Job n/j failed: {reason}: m\nPod p, container c: exit status 1 (Error)\n  | ");
        for (reason, log, expected) in [
            ("BackoffLimitExceeded", Ok(step), of_run.to_owned()),
            (
                "BackoffLimitExceeded",
                Ok("tsh: no hunter2\u{1b}\nanywhere: cut copying failed: exit status 1"),
                head("BackoffLimitExceeded") + "tsh: no ********?\n  | anywhere: cut copying failed: exit status 1",
            ),
            // It was stopped because the Job was, and that says why.
            (
                "DeadlineExceeded",
                Ok("anywhere: stopped"),
                head("DeadlineExceeded") + "anywhere: stopped",
            ),
            (
                "BackoffLimitExceeded",
                Ok("anywhere: stopped"),
                head("BackoffLimitExceeded") + "anywhere: stopped",
            ),
            (
                "BackoffLimitExceeded",
                Err("the log"),
                head("BackoffLimitExceeded") + "its log cannot be read: the log is not there",
            ),
        ] {
            assert_eq!(failure(reason, log), expected);
        }
        let many: String = (0..40).map(|number| format!("line {number}\n")).collect();
        assert_eq!(failure("R", Ok(&many)).matches("| line").count(), SHOWN);
    }
}
