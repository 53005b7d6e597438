//! The main job on real OpenSSH servers: files and commands, once, in order.

mod lab;

use lab::{Lab, machine, target};
use testbed::{Shell, SudoRule};

const USER_DATA: &str = r#"#cloud-config
write_files:
  - path: /etc/demo/hello
    permissions: '0640'
    content: |
      hello
runcmd:
  - echo one >>/etc/demo/log
  - cd /etc/demo; X=carried
  - test -e fixed || { echo 'not fixed' >&2; exit 7; }
  - [sh, -c, 'echo "$0" >>/etc/demo/log', "it's"]
  - echo "$X $(pwd)" >>log
"#;

#[test]
fn a_failing_step_is_named_and_the_run_goes_on_there_once_it_is_mended() {
    let lab = Lab::new();
    let machine = machine(Shell::Dash, SudoRule::NoPassword);
    let data = lab.file("user-data.yaml", USER_DATA);
    let root = target("root", &machine);

    let failed = lab.apply(&root, &data, &[]).expect(1);
    assert!(
        failed.out.contains("step 4 of 6, runcmd[2]: exit status 7\n  | not fixed\n"),
        "{failed:?}"
    );
    let log = machine.root_dir().unwrap().join("etc/demo/log");
    assert_eq!(std::fs::read_to_string(&log).unwrap(), "one\n", "later steps are not run");

    machine.run(&["touch", "/etc/demo/fixed"]).unwrap();
    let mended = lab.apply(&root, &data, &[]).expect(0);
    assert!(mended.out.contains("provisioned: 3 steps"), "{mended:?}");
    assert_eq!(std::fs::read_to_string(&log).unwrap(), "one\nit's\ncarried /etc/demo\n");

    let admin = target("admin", &machine);
    let again = lab.apply(&admin, &data, &[]).expect(0);
    assert!(again.out.contains("unchanged"), "{again:?}");
}
