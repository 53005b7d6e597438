//! Listeners that are no SSH servers, and banners.

use std::io::Write;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use testbed::{Machine, MachineSpec};

use crate::lab::{on, target};
use crate::{Watched, end_of, honest};

/// Says this again and again to whoever connects.
struct Flood {
    address: SocketAddr,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Flood {
    fn start(text: &'static [u8]) -> Self {
        let listener = TcpListener::bind("127.33.0.10:0").unwrap();
        let (address, over) = (listener.local_addr().unwrap(), Arc::new(AtomicBool::new(false)));
        let is_over = over.clone();
        let thread = std::thread::spawn(move || {
            let many = text.repeat(64 * 1024 / text.len());
            while let Ok((mut stream, _)) = listener.accept() {
                if is_over.load(Ordering::SeqCst) {
                    break;
                }
                // Until the client hangs up.
                while stream.write_all(&many).is_ok() {}
            }
        });
        Self {
            address,
            over,
            thread: Some(thread),
        }
    }
}

impl Drop for Flood {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        let _ = std::net::TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[test]
fn floods_before_the_first_word_of_ssh() {
    let watched = Watched::new();
    let honest = honest();
    let floods = [
        Flood::start(b"x"),
        Flood::start(b"Welcome \x1b[2J\r\n"),
        Flood::start(b"SSH-2.0-x\r\n"),
        Flood::start(b"\0"),
    ];
    let good = target("root", &honest);
    let mut machines: Vec<_> = floods.iter().map(|flood| format!("root@{}", flood.address)).collect();
    machines.push(good.clone());
    let ran = watched.apply(&machines, &["-o", "json"]).expect(1);
    for flood in &floods {
        let end = end_of(&ran, &format!("root@{}", flood.address));
        assert_eq!(end["result"], "failed", "{end}");
    }
    assert_eq!(end_of(&ran, &good)["result"], "provisioned");
}

#[test]
fn a_banner_is_not_shown_however_long_it_is() {
    let watched = Watched::new();
    let machine = Machine::start(&MachineSpec {
        sshd_config: vec!["Banner /etc/banner".to_owned()],
        ..MachineSpec::default()
    })
    .unwrap();
    std::fs::write(on(&machine, "etc/banner"), "\x1b[2Jbanner\n".repeat(15_000)).unwrap();
    let ran = watched.apply(&[target("root", &machine)], &[]).expect(0);
    assert!(!ran.all().contains("banner"), "{}", ran.all());
}
