//! The machine cannot be reached, or is not the one that was meant.

use super::*;

#[test]
fn a_changed_host_key() {
    let (machine, other) = (plain(), plain());
    let mut failure = Failure::new("changed-host-key");
    failure.machine(&machine);
    let known = other.known_hosts_line_at(machine.socket_address());
    failure.lab.file("known_hosts", known);
    failure.apply(1, &target("root", &machine), "--known-hosts known_hosts");
    failure.apply(
        1,
        &target("root", &machine),
        "--known-hosts known_hosts --host-key-checking yes -o json",
    );
    failure.compare();
}

#[test]
fn an_unknown_host_key() {
    let machine = plain();
    let mut failure = Failure::new("unknown-host-key");
    failure.machine(&machine);
    let host_key = machine.host_key().split(' ').nth(1).unwrap().to_owned();
    failure.placeholders.hide(host_key, "<HOST KEY>");
    failure.apply(1, &target("root", &machine), "--host-key-checking yes");
    failure.compare();
}

#[test]
fn a_host_key_that_cannot_be_remembered() {
    on(
        "host-key-not-remembered",
        &plain(),
        "root",
        "--known-hosts /proc/anywhere/known_hosts",
    );
}

/// An address where nothing listens.
fn nobody() -> SocketAddr {
    TcpListener::bind("127.33.0.9:0").unwrap().local_addr().unwrap()
}

#[test]
fn nothing_listens() {
    let mut failure = Failure::new("connection-refused");
    let address = nobody();
    failure.address(address, "<ADDRESS>");
    failure.apply(1, &format!("root@{address}"), "");
    failure.run(1, &format!("reset -i {} root@{address}", key()));
    failure.run(1, &format!("status -i {} root@{address}", key()));
    failure.run(1, &format!("status -i {} root@{address} -o json", key()));
    failure.run(1, &format!("logs -i {} root@{address}", key()));
    failure.compare();
}

#[test]
fn the_server_stalls_after_its_banner() {
    let machine = plain();
    let faults = Faults {
        stall: Stall::AfterBanner,
        ..Faults::default()
    };
    let proxy = Proxy::start(machine.socket_address(), faults).unwrap();
    let mut failure = Failure::new("stalled");
    failure.address(proxy.socket_address(), "<ADDRESS>");
    failure.apply(1, &format!("root@{}", proxy.socket_address()), "--key-exchange-timeout 1");
    failure.compare();
}

#[test]
fn the_server_says_nothing() {
    let listener = TcpListener::bind("127.33.0.9:0").unwrap();
    let address = listener.local_addr().unwrap();
    let mut failure = Failure::new("silent");
    failure.address(address, "<ADDRESS>");
    failure.apply(1, &format!("root@{address}"), "--key-exchange-timeout 1");
    failure.compare();
}

#[test]
fn the_server_does_not_speak_ssh() {
    let listener = TcpListener::bind("127.33.0.9:0").unwrap();
    let address = listener.local_addr().unwrap();
    let serving = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream
            .write_all(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
            .unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        // Until the client hangs up: closing with its words unread would reset the connection.
        let _ = std::io::copy(&mut stream, &mut std::io::sink());
    });
    let mut failure = Failure::new("not-ssh");
    failure.address(address, "<ADDRESS>");
    failure.apply(1, &format!("root@{address}"), "");
    serving.join().unwrap();
    failure.compare();
}

#[test]
fn a_jump_host_in_the_way() {
    let machine = plain();
    let mut failure = Failure::new("jump-hosts");
    failure.machine(&machine);
    let nobody = nobody();
    failure.address(nobody, "<NOBODY>");
    let (jump, to) = (target("root", &machine), format!("root@{nobody}"));
    failure.apply(1, &to, &format!("--host-key-checking no -J {jump}"));
    failure.apply(1, &jump, &format!("--host-key-checking no -J {to}"));
    failure.compare();
}

#[test]
fn one_dead_machine_among_five() {
    let machines: Vec<_> = Machine::start_many(&vec![MachineSpec::default(); 4])
        .into_iter()
        .map(Result::unwrap)
        .collect();
    let lab = Lab::new();
    let data = lab.file("user-data.yaml", "#cloud-config\nruncmd:\n  - echo done >/etc/done\n");
    let dead = format!("root@{}", nobody());
    let mut targets: Vec<_> = machines.iter().map(|machine| target("root", machine)).collect();
    targets.insert(2, dead.clone());
    let more: Vec<_> = targets[1..].iter().map(String::as_str).collect();
    let ran = lab.apply(&targets[0], &data, &more).expect(1);
    let total = ran.out.lines().last().unwrap();
    assert_eq!(total, "5 machines: 4 provisioned, 1 failed");
    let failed: Vec<_> = ran.out.lines().filter(|line| line.contains("failed:")).collect();
    assert!(
        matches!(failed.as_slice(), [line] if line.starts_with(&dead) && line.contains("connection refused")),
        "{ran:?}"
    );
    for machine in &machines {
        let done = machine.root_dir().unwrap().join("etc/done");
        assert_eq!(std::fs::read_to_string(done).unwrap(), "done\n");
    }
}
