//! `bootcmd`, `runcmd` and scripts: once, in order, with cloud-init's environment and the shell state of the entry before.

use std::os::unix::fs::MetadataExt;

use crate::lab::sh;
use crate::places::{As, everywhere};

const COMMANDS: &str = r#"
bootcmd:
  - mkdir -p ~; echo boot >>~/log; echo "$INSTANCE_ID" >~/instance
  - [sh, -c, 'echo "$INSTANCE_ID" >~/instance-exported']
  - IN_BOOT=1
write_files:
  - {path: "~/file", content: "written\n"}
runcmd:
  - echo one >>~/log
  - env >~/env; pwd >~/cwd; umask >~/umask; cat >~/stdin; >~/made; cat ~/file >>~/log
  - echo "${INSTANCE_ID-none} ${IN_BOOT-none}" >~/not-of-boot
  - [sh, -c, 'printf "<%s>" "$@" >~/args', name, "it's", '$HOME `id` \', 'a  b', '', "c\nd", '*', 7, -x]
  - echo same >>~/log
  - echo same >>~/log
  - |
    X='a  b'; Q="it's \"quoted\"
    \$HOME"; export Y=exported; unset LANG
    cd ~; umask 027
    f() { echo function; }
  - echo "$X|$Q|$(pwd)|$(umask)|$(env | grep -c '^Y=exported$')|${LANG-unset}" >state; >masked; Z=later
  - echo "$X|$Z|$Y" >>state
  - echo last >>log
"#;

#[test]
fn commands_run_once_in_order_as_cloud_init_runs_them() {
    everywhere(|place| {
        place.apply(COMMANDS, &[]).expect(0);
        assert_eq!(place.read("~/log"), "boot\none\nwritten\nsame\nsame\nlast\n");
        assert_eq!(place.read("~/cwd"), "/\n");
        assert_eq!(place.read("~/umask"), "0022\n".replace("0022", place.read("~/umask").trim()));
        assert!(
            place.read("~/umask").trim_start_matches('0') == "22\n",
            "{}",
            place.read("~/umask")
        );
        assert_eq!(place.read("~/stdin"), "");
        assert_eq!(place.read("~/instance"), "cli\n");
        assert_eq!(place.read("~/instance-exported"), "cli\n");
        assert_eq!(place.read("~/not-of-boot"), "none none\n");
        assert_eq!(place.read("~/args"), "<it's><$HOME `id` \\><a  b><><c\nd><*><7><-x>");
        let state = place.read("~/state");
        let first = format!(
            "a  b|it's \"quoted\"\n$HOME|{}|0027|1|unset\na  b|later|exported\n",
            place.base()
        );
        assert_eq!(state.replace("|027|", "|0027|"), first);
        let mode = |path| std::fs::metadata(place.path(path)).unwrap().mode() & 0o777;
        assert_eq!((mode("~/made"), mode("~/masked")), (0o644, 0o640));

        let home = if place.who == As::Plain { "/home/admin" } else { "/root" };
        let env = place.read("~/env");
        let path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
        for line in env.lines() {
            let (name, value) = line.split_once('=').unwrap();
            match name {
                "PATH" => assert_eq!(value, path),
                "HOME" => assert_eq!(value, home),
                "LANG" => assert_eq!(value, "C.UTF-8"),
                // What shells set by themselves.
                "PWD" | "OLDPWD" => assert_eq!(value, "/"),
                "SHLVL" | "_" => {}
                _ => panic!("{line} is not in cloud-init's environment"),
            }
        }
        for name in ["PATH=", "HOME=", "LANG="] {
            assert!(env.contains(name), "{env}");
        }
    });
}

#[test]
fn functions_are_kept_where_sh_can_tell_them() {
    everywhere(|place| {
        let is_bash = sh(&place.machine, "echo \"${BASH_VERSION:+yes}\"") == "yes\n";
        if !is_bash {
            return;
        }
        place
            .apply("runcmd:\n- mkdir -p ~; f() { echo \"f $1\"; }\n- f x >~/out\n", &[])
            .expect(0);
        assert_eq!(place.read("~/out"), "f x\n");
    });
}

#[test]
fn options_of_the_shell_are_kept() {
    everywhere(|place| {
        let failed = place
            .apply(
                "runcmd:\n- mkdir -p ~; set -e\n- \"false; echo not reached >~/log\"\n- echo no >~/log\n",
                &[],
            )
            .expect(1);
        assert!(failed.out.contains("runcmd[1]: exit status 1"), "{failed:?}");
        assert!(!place.path("~/log").exists());
        let config = "runcmd:\n- mkdir -p ~; X=kept; set -C\n- Y=$X; echo first >~/once\n- echo $Y >~/kept\n- echo no >~/once\n";
        let failed = place.apply(config, &[]).expect(1);
        assert!(failed.out.contains("runcmd[3]: exit status"), "{failed:?}");
        assert_eq!(
            (place.read("~/once"), place.read("~/kept")),
            ("first\n".to_owned(), "kept\n".to_owned())
        );
        let failed = place
            .apply(
                "runcmd:\n- mkdir -p ~; set -u -f\n- echo * >~/glob\n- echo $missing; echo no >~/log\n",
                &[],
            )
            .expect(1);
        assert!(failed.out.contains("runcmd[2]: exit status"), "{failed:?}");
        assert_eq!(place.read("~/glob"), "*\n");
        assert!(!place.path("~/log").exists());
    });
}

#[test]
fn a_script_runs_with_its_own_interpreter_and_argument() {
    everywhere(|place| {
        if place.who == As::Plain {
            return;
        }
        sh(&place.machine, "mkdir -p /etc/demo");
        let text = "#!/usr/bin/awk -f\nBEGIN { print \"awk \" ARGC >\"/etc/demo/out\"; while ((getline line) > 0) exit 1 }\n";
        let data = place.lab.file("script", text);
        let user = if place.who == As::Root { "root" } else { "admin" };
        let password = place.lab.file("password", "correct horse\n");
        place
            .lab
            .apply(
                &crate::lab::target(user, &place.machine),
                &data,
                &["--sudo-password-file", password.to_str().unwrap()],
            )
            .expect(0);
        assert_eq!(place.read("~/out"), "awk 1\n");
        let made = std::fs::metadata(place.path("~/out")).unwrap();
        assert_eq!(made.mode() & 0o777, 0o644, "scripts run with umask 022 as commands do");
    });
}

#[test]
fn commands_as_script_is_one_step_in_the_working_folder() {
    everywhere(|place| {
        let script = "runcmd:\n- mkdir -p ~; X=1\n- [sh, -c, 'echo \"$0\" >~/list', \"it's\"]\n- echo \"$X\" >~/out\n";
        let folder = format!("{}/work dir/", place.base());
        let options = ["--commands-as-script", "--working-dir", &folder];
        let ran = place.apply(script, &options).expect(0);
        assert!(ran.out.contains("provisioned: 2 steps"), "{ran:?}");
        assert_eq!(place.read("~/out"), "1\n");
        assert_eq!(place.read("~/list"), "it's\n");
        let file = place.path("~/work dir/k0s_install.sh");
        assert_eq!(std::fs::metadata(&file).unwrap().mode() & 0o7777, 0o700);
        let made = std::fs::metadata(place.path("~/out")).unwrap();
        assert_eq!(made.mode() & 0o777, 0o644, "it runs with umask 022 as commands do");
        assert!(place.apply(script, &options).expect(0).out.contains("unchanged"));

        let failing = "runcmd:\n- echo begun >~/begun\n- sh -c 'echo why >&2; exit 9'\n- echo no >~/out\n";
        let failed = place.apply(failing, &options).expect(1);
        assert!(
            failed.out.contains("commandsAsScript, run: exit status 9\n  | why\n"),
            "{failed:?}"
        );
        assert_eq!(place.read("~/out"), "1\n", "set -e");
    });
}

#[test]
fn what_a_command_leaves_in_the_background_neither_holds_the_run_nor_is_lost() {
    everywhere(|place| {
        let config = "runcmd:\n- mkdir -p ~; (while [ ! -e ~/go ]; do sleep 0.05; done; echo daemon >~/out) & echo $! >~/pid\n\
            - setsid sh -c 'while [ ! -e ~/go ]; do sleep 0.05; done; echo session >~/out2' &\n- echo foreground\n";
        place.apply(config, &[]).expect(0);
        sh(&place.machine, &format!("kill -0 $(cat {0}/pid); touch {0}/go", place.base()));
        crate::lab::wait_until(&place.machine, &format!("[ -s {0}/out ] && [ -s {0}/out2 ]", place.base()));
    });
}

#[test]
fn ten_megabytes_of_output_are_no_hindrance() {
    everywhere(|place| {
        let config = "runcmd:\n- mkdir -p ~; yes 'a line of output' | head -c 10000000; yes 'an error' | head -c 10000000 >&2\n\
            - echo after >~/after\n";
        place.apply(config, &[]).expect(0);
        assert_eq!(place.read("~/after"), "after\n");
    });
}
