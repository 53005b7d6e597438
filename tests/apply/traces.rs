//! What a run leaves on a machine, and what a reset does.

use std::time::Instant;

use testbed::{Kind, Machine, Shell, SudoRule};

use crate::lab::{Lab, NOT_HELD, Ran, Running, WATCHDOG, apply_json, key, left_over, machine, sh, target, wait_until};
use crate::places::{As, everywhere};

const PLAN: &str = "write_files:\n- {path: ~/new/folder/file, content: x}\nruncmd:\n- X=1; echo out; echo err >&2; [ ! -e ~/broken ]\n- exit 0\n";

/// The last line of the journal is written before the program on the machine ends.
fn wait_for_leaving(machine: &Machine) {
    wait_until(machine, NOT_HELD);
}

#[test]
fn nothing_but_the_memory_of_the_run_stays() {
    everywhere(|place| {
        let base = place.base();
        let owner = format!("mkdir -p {base}; touch {base}/broken; chown -R {0}:{0} {base}", place.id());
        sh(&place.machine, &owner);
        place.apply(PLAN, &[]).expect(1);
        wait_for_leaving(&place.machine);
        let left = left_over(&place.machine);
        assert!(left.lines().all(|path| path.contains("/anywhere/state.")), "{left}");
        sh(&place.machine, &format!("rm {base}/broken"));
        place.apply(PLAN, &[]).expect(0);
        wait_for_leaving(&place.machine);
        assert_eq!(left_over(&place.machine), "");
        place.apply(PLAN, &[]).expect(0);
        wait_for_leaving(&place.machine);
        assert_eq!(left_over(&place.machine), "");
        // A shell may see to its own end only once the command that it waits for has ended.
        let began = Instant::now();
        loop {
            let mut processes = place.machine.processes().unwrap();
            processes.retain(|process| process.argv.join(" ").contains("/run."));
            if processes.is_empty() {
                break;
            }
            assert!(began.elapsed() < WATCHDOG, "{processes:?}");
        }
        let mode = sh(
            &place.machine,
            "ls -ld /var/lib/anywhere /home/admin/.local/state/anywhere 2>/dev/null | cut -c 1-10",
        );
        assert_eq!(mode, "drwx------\n");
    });
}

#[test]
fn on_a_machine_with_systemd_the_run_is_a_unit_that_outlives_the_login() {
    let place = crate::places::Place::new(Kind::Systemd, Shell::Dash, As::Root);
    let data = place.lab.file(
        "data",
        "#cloud-config\nruncmd:\n- cat /proc/self/cgroup >/srv/cgroup; until [ -e /srv/go ]; do sleep 0.05; done\n- echo done >/srv/done\n",
    );
    let (key, root) = (key(), target("root", &place.machine));
    let mut engine = Running::start(place.lab.anywhere(&apply_json(&key, &root, &data, &[])));
    engine.until_step(1);
    let units = sh(&place.machine, "systemctl list-units --no-legend --plain 'anywhere-*'");
    assert_eq!(units.lines().count(), 1, "{units}");
    assert!(units.contains("running anywhere: provisioning run"), "{units}");
    engine.kill();
    place.machine.kill_sshd_sessions().unwrap();
    sh(&place.machine, "systemctl restart ssh; touch /srv/go");
    wait_until(&place.machine, "[ -e /srv/done ]");
    assert!(sh(&place.machine, "cat /srv/cgroup").contains("/anywhere-"));
    let run = place.lab.apply(&root, &data, &[]).expect(0);
    assert!(run.out.contains("unchanged") || run.out.contains("provisioned"), "{run:?}");
    wait_until(
        &place.machine,
        "[ -z \"$(systemctl list-units --all --no-legend --plain 'anywhere-*')\" ]",
    );
    assert_eq!(left_over(&place.machine), "");
}

/// What the machine has where these tests and runs write.
fn listing(machine: &Machine) -> Vec<String> {
    let text = sh(
        machine,
        "find /srv /etc/demo /var/lib/anywhere /root /home/admin /tmp -mindepth 1 2>/dev/null; cat /srv/old 2>/dev/null || :",
    );
    // A standard folder of every user's, which others may be using by now, and what Debian's sudo leaves.
    let mut lines: Vec<_> = text
        .lines()
        .filter(|line| {
            !line.ends_with("/.local") && !line.ends_with("/.local/state") && !line.ends_with("/.sudo_as_admin_successful")
        })
        .map(str::to_owned)
        .collect();
    lines.sort();
    lines
}

fn reset(lab: &Lab, machine: &str, more: &[&str]) -> Ran {
    let key = key();
    let mut args = vec!["reset", "-i", &key, machine];
    args.extend(more);
    lab.run(&args)
}

#[test]
fn a_reset_leaves_nothing_that_was_not_there_before() {
    let lab = Lab::new();
    let machine = machine(Shell::Busybox, SudoRule::NoPassword);
    sh(
        &machine,
        "mkdir /etc/demo /srv/mine; echo old >/srv/old; ln -s /srv/target /etc/demo/link; ln -s /srv/old /srv/link",
    );
    let before = listing(&machine);
    let data = lab.file(
        "data",
        "#cloud-config\nwrite_files:\n\
         - {path: /srv/a/b/c/file, content: x}\n- {path: /srv/a/b/file, content: x}\n- {path: /srv/a/b/file, content: y}\n\
         - {path: /srv/mine/file, content: x}\n- {path: \"/srv/o d'd/n\\nl\", content: x}\n- {path: /srv/old, content: \"old\\n\"}\n\
         - {path: /srv/link, content: \"old\\n\"}\n- {path: /etc/demo/link, content: through}\n- {path: /srv/appended, content: x, append: true}\n",
    );
    for user in ["root", "admin"] {
        let machine_name = target(user, &machine);
        lab.apply(&machine_name, &data, &[]).expect(0);
        assert_ne!(listing(&machine), before);
        let ran = reset(&lab, &machine_name, &[]).expect(0);
        assert!(ran.out.contains("  reset: "), "{ran:?}");
        assert_eq!(listing(&machine), before);
        let again = reset(&lab, &machine_name, &[]).expect(0);
        assert!(again.out.contains("nothing to reset"), "{again:?}");
        lab.run(&["status", "-i", &key(), &machine_name]).expect(0);
        assert_eq!(listing(&machine), before);
        assert_eq!(left_over(&machine), "");
    }
}

#[test]
fn a_reset_of_a_plain_user_leaves_nothing_either() {
    let lab = Lab::new();
    let machine = machine(Shell::Dash, SudoRule::None);
    let before = listing(&machine);
    let data = lab.file(
        "data",
        "#cloud-config\nwrite_files:\n- {path: /home/admin/a/file, content: x}\n",
    );
    let admin = target("admin", &machine);
    lab.apply(&admin, &data, &["--no-sudo"]).expect(0);
    reset(&lab, &admin, &["--no-sudo"]).expect(0);
    assert_eq!(listing(&machine), before);
    reset(&lab, &admin, &["--no-sudo"]).expect(0);
    lab.run(&["status", "-i", &key(), &admin, "--no-sudo"]).expect(0);
    assert_eq!(listing(&machine), before);
}

#[test]
fn a_reset_with_commands_runs_them_all_and_removes_the_files() {
    let lab = Lab::new();
    let machine = machine(Shell::Dash, SudoRule::None);
    let root = target("root", &machine);
    let data = lab.file("data", "#cloud-config\nwrite_files:\n- {path: /srv/file, content: x}\n");
    lab.apply(&root, &data, &[]).expect(0);
    let commands = [
        "--clean-up-command",
        "echo a >>/srv/log; exit 4",
        "--clean-up-command",
        "echo b >>/srv/log",
    ];
    let failed = reset(&lab, &root, &commands).expect(1);
    assert!(failed.out.contains("cleanUpCommands[0]: exit status 4"), "{failed:?}");
    assert_eq!(sh(&machine, "cat /srv/log"), "a\nb\n", "the others run all the same");
    sh(&machine, "[ -e /var/lib/anywhere/owner ]");
    reset(&lab, &root, &["--clean-up-command", "echo c >>/srv/log"]).expect(0);
    assert_eq!(
        sh(&machine, "cat /srv/log; ls /srv; ls -d /var/lib/anywhere || :"),
        "a\nb\nc\nlog\n"
    );
}

#[test]
fn a_machine_without_a_tool_is_told_of_and_left_alone() {
    let machine = machine(Shell::Dash, SudoRule::None);
    sh(&machine, "rm $(command -v setsid)");
    let lab = Lab::new();
    let data = lab.file("data", "#cloud-config\nruncmd: [echo hi]\n");
    let failed = lab.apply(&target("root", &machine), &data, &[]).expect(1);
    assert!(
        failed
            .out
            .contains("the host cannot run a plan: setsid is not installed there"),
        "{failed:?}"
    );
    assert_eq!(left_over(&machine), "");
    sh(&machine, "[ ! -e /var/lib/anywhere ]");
}
