//! The journal ends in the middle of a line, as it does when the power goes or the disk is full: that line counts for nothing.

use testbed::Kind;

use crate::bench::Bench;
use crate::gates::BELL;
use crate::lab::{on, sh};
use crate::plan::COMMANDS;

/// A machine on which the plan has ended, and its journal.
fn done() -> (Bench, String) {
    let bench = Bench::new(Kind::SshdOnly);
    bench.begin(&[]);
    bench.apply(&[]).expect(0);
    bench.until_done();
    sh(&bench.machine, &format!("rm {BELL}"));
    let journal = bench.journal();
    (bench, journal)
}

impl Bench {
    /// As if the run had come as far as to `last`, of which nothing but `torn` was written.
    fn cut(&self, journal: &str, last: &str, torn: &str) {
        let (whole, _) = journal.split_once(last).unwrap();
        std::fs::write(on(&self.machine, "var/lib/anywhere/journal"), format!("{whole}{torn}")).unwrap();
        std::fs::write(on(&self.machine, "srv/log"), "").unwrap();
    }

    /// The second word but one of the line that ends this step.
    fn id(journal: &str, step: usize) -> String {
        let end = journal
            .lines()
            .find(|line| line.starts_with(&format!("end {step} ")))
            .unwrap();
        end.split(' ').nth(2).unwrap().to_owned()
    }
}

#[test]
fn a_torn_beginning_of_a_run_makes_nothing_run_again() {
    let (bench, journal) = done();
    let run = journal.lines().nth(1).unwrap();
    let again = run.replace(" rerun=0 ", " rerun=1a2b ");
    let words = |line: &str| line.match_indices(' ').map(|(at, _)| at).collect::<Vec<_>>();
    let torn = words(run).into_iter().map(|at| &run[..at]);
    let torn = torn.chain(words(&again).into_iter().map(|at| &again[..=at]));
    for torn in torn.chain(["r", "run "]) {
        bench.cut(&journal, "ran ", torn);
        bench.apply(&[]).expect(0);
        bench.until_done();
        assert_eq!(bench.log(), [0; 0], "{torn}");
    }
}

#[test]
fn a_torn_end_of_a_step_is_no_end_and_a_torn_beginning_no_beginning() {
    let (bench, journal) = done();
    let id = Bench::id(&journal, 8);
    let (_, after) = COMMANDS.split_at(3);
    for torn in [
        format!("end 8 {id}"),
        format!("end 8 {id} "),
        format!("end 8 {id} 0"),
        "e".to_owned(),
    ] {
        bench.cut(&journal, "end 8 ", &torn);
        let status = bench.status();
        assert!(status.contains("\"state\":\"interrupted\""), "{torn}: {status}");
        for _ in 0..2 {
            let named = bench.apply(&[]).expect(1);
            assert!(named.out.contains("step 8, runcmd[1], was under way"), "{torn}: {named:?}");
        }
        bench.apply(&["--rerun-interrupted"]).expect(0);
        bench.until_done();
        assert_eq!(bench.log(), after, "{torn}");
    }
    for torn in [format!("begin 8 {id}"), format!("begin 8 {id} 12.5 runcm"), "b".to_owned()] {
        bench.cut(&journal, "begin 8 ", &torn);
        bench.apply(&[]).expect(0);
        bench.until_done();
        assert_eq!(bench.log(), after, "{torn}");
    }
}

#[test]
fn a_torn_path_is_not_removed_by_a_reset() {
    let (bench, journal) = done();
    sh(&bench.machine, "rm /srv/late; echo precious >/srv/lat");
    bench.cut(&journal, "made 0 /srv/late", "made 0 /srv/lat");
    bench.apply(&[]).expect(0);
    bench.until_done();
    bench.reset().expect(0);
    assert_eq!(sh(&bench.machine, "cd /srv && echo *"), "appended lat log\n");
}
