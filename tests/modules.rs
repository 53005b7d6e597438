//! cloud-init's modules on real machines: the state that they ask for is there, and asking again changes nothing.

mod lab;

use lab::{Lab, machine, target};
use testbed::{Shell, SudoRule};

#[test]
fn names_and_time_zone() {
    let lab = Lab::new();
    let machine = machine(Shell::Dash, SudoRule::None);
    let data = lab.file(
        "user-data.yaml",
        "#cloud-config\nhostname: node-1\nfqdn: node-1.example.org\nmanage_etc_hosts: localhost\ntimezone: Europe/Vienna\n",
    );
    for more in [&[][..], &["--rerun"]] {
        lab.apply(&target("root", &machine), &data, more).expect(0);
        let root = machine.root_dir().unwrap();
        assert_eq!(std::fs::read_to_string(root.join("etc/hostname")).unwrap(), "node-1\n");
        assert_eq!(machine.run(&["uname", "-n"]).unwrap().stdout, b"node-1\n");
        let hosts = std::fs::read_to_string(root.join("etc/hosts")).unwrap();
        assert_eq!(hosts.matches("127.0.1.1 node-1.example.org node-1\n").count(), 1, "{hosts}");
        let link = std::fs::read_link(root.join("etc/localtime")).unwrap();
        assert_eq!(link.to_str(), Some("/usr/share/zoneinfo/Europe/Vienna"));
    }
}
