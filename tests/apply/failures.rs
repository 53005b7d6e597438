//! Steps that fail: named and explained, nothing after them runs, and the next run goes on there.

use testbed::{Shell, SudoRule};

use crate::lab::{Lab, machine, sh, target};
use crate::places::everywhere;

const USER_DATA: &str = r#"
write_files:
  - {path: "~/hello", content: "hello\n"}
runcmd:
  - echo one >>~/log
  - cd ~; X=carried; Y='a "quoted" $value'; umask 077
  - "echo out; test -e fixed || { i=0; while [ $i -lt 20 ]; do i=$((i + 1)); echo line $i >&2; done; printf 'not fixed' >&2; X=lost; exit 7; }"
  - [sh, -c, 'echo "$0" >>~/log', "it's"]
  - echo "$X $Y $(pwd) $(umask)" | sed 's/ 0*77$/ 077/' >>log
"#;

#[test]
fn a_failing_step_is_named_and_the_run_goes_on_there_once_it_is_mended() {
    everywhere(|place| {
        let base = place.base();
        let failed = place.apply(USER_DATA, &[]).expect(1);
        let mut said: Vec<_> = (12..=20).map(|n| format!("  | line {n}\n")).collect();
        said.push("  | not fixed\n".to_owned());
        let explained = format!("step 4 of 6, runcmd[2]: exit status 7\n{}", said.concat());
        assert!(failed.out.contains(&explained), "{failed:?}");
        assert_eq!(place.read("~/log"), "one\n", "later steps are not run");
        let again = place.apply(USER_DATA, &[]).expect(1);
        assert!(again.out.contains("runcmd[2]: exit status 7"), "{again:?}");
        assert_eq!(place.read("~/log"), "one\n", "what ended well is not run again");

        sh(&place.machine, &format!("touch {base}/fixed"));
        let mended = place.apply(USER_DATA, &[]).expect(0);
        assert!(mended.out.contains("provisioned: 3 steps"), "{mended:?}");
        let log = format!("one\nit's\ncarried a \"quoted\" $value {base} 077\n");
        assert_eq!(
            place.read("~/log"),
            log,
            "the shell state is that of the steps before the failed one"
        );
        assert!(place.apply(USER_DATA, &[]).expect(0).out.contains("unchanged"));
    });
}

#[test]
fn a_changed_plan_runs_only_what_is_new() {
    let lab = Lab::new();
    let machine = machine(Shell::Dash, SudoRule::None);
    let root = target("root", &machine);
    let plan = |steps: &[&str]| {
        let list: String = steps.iter().map(|step| format!("- echo {step} >>/srv/log\n")).collect();
        lab.file("data", format!("#cloud-config\nruncmd:\n{list}"))
    };
    lab.apply(&root, &plan(&["a", "b", "b"]), &[]).expect(0);
    let changed = lab.apply(&root, &plan(&["new", "a", "b", "c", "b", "b"]), &[]).expect(0);
    assert!(changed.out.contains("provisioned: 3 steps"), "{changed:?}");
    assert_eq!(sh(&machine, "cat /srv/log"), "a\nb\nb\nnew\nc\nb\n");
    let before = lab.apply(&root, &plan(&["a", "b", "b"]), &[]).expect(0);
    assert!(before.out.contains("provisioned: 0 steps"), "{before:?}");
}

#[test]
fn a_rerun_runs_all_again_once() {
    let lab = Lab::new();
    let machine = machine(Shell::Bash, SudoRule::None);
    let root = target("root", &machine);
    let data = lab.file(
        "data",
        "#cloud-config\nwrite_files:\n- {path: /srv/file, content: \"x\\n\", append: true}\nruncmd:\n- echo a >>/srv/log\n- '[ ! -e /srv/broken ]'\n",
    );
    lab.apply(&root, &data, &[]).expect(0);
    let again = lab.apply(&root, &data, &["--rerun"]).expect(0);
    assert!(again.out.contains("provisioned: 3 steps"), "{again:?}");
    assert_eq!(sh(&machine, "cat /srv/log /srv/file"), "a\na\nx\nx\n");
    // Also where the run before failed, and left what an interrupted step would need.
    sh(&machine, "touch /srv/broken");
    lab.apply(&root, &data, &["--rerun"]).expect(1);
    assert_eq!(sh(&machine, "cat /srv/log /srv/file"), "a\na\na\nx\nx\nx\n");
    lab.apply(&root, &data, &["--rerun"]).expect(1);
    assert_eq!(sh(&machine, "cat /srv/log /srv/file"), "a\na\na\na\nx\nx\nx\nx\n");
}

#[test]
fn keep_going_runs_the_steps_after_a_failed_one_and_still_fails() {
    let lab = Lab::new();
    let machine = machine(Shell::Dash, SudoRule::None);
    let root = target("root", &machine);
    let data = lab.file(
        "data",
        "#cloud-config\nruncmd:\n- echo a >>/srv/log\n- echo first >&2; exit 3\n- echo b >>/srv/log\n- kill -9 $$\n- echo c >>/srv/log\n",
    );
    let failed = lab.apply(&root, &data, &["--keep-going"]).expect(1);
    assert!(
        failed.out.contains("step 2 of 5, runcmd[1]: exit status 3\n  | first\n"),
        "{failed:?}"
    );
    assert!(failed.out.contains("step 4 of 5, runcmd[3]: exit status 137"), "{failed:?}");
    assert_eq!(sh(&machine, "cat /srv/log"), "a\nb\nc\n");
    let again = lab.apply(&root, &data, &["--keep-going", "-v"]).expect(1);
    assert_eq!(sh(&machine, "cat /srv/log"), "a\nb\nc\n", "what ended well is not run again");
    assert!(!again.out.contains("runcmd[0]"), "{again:?}");
}

#[test]
fn a_command_that_no_shell_can_read_is_a_failed_step() {
    everywhere(|place| {
        let failed = place
            .apply("runcmd:\n- mkdir -p ~\n- \"if true; then\"\n- echo no >~/log\n", &[])
            .expect(1);
        assert!(failed.out.contains("step 2 of 3, runcmd[1]: exit status "), "{failed:?}");
        assert!(!place.path("~/log").exists());
    });
}
