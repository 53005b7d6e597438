//! `phone_home` on real machines: a server on this host is told, once, when everything else is done.
#![allow(clippy::unwrap_used)] // a test that cannot be set up fails

mod lab;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::thread;

use lab::{Lab, machine, says, sh, target};
use testbed::{Shell, SudoRule};

/// Answers requests with these statuses, one after the other, and gives what was posted in each: the request line and the body.
fn server(statuses: &'static [&'static str]) -> (String, thread::JoinHandle<Vec<(String, String)>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let answer = move || {
        statuses
            .iter()
            .map(|status| {
                let (mut stream, _) = listener.accept().unwrap();
                stream.set_read_timeout(Some(lab::WATCHDOG)).unwrap();
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                let (mut request, mut length) = (String::new(), 0);
                reader.read_line(&mut request).unwrap();
                loop {
                    let mut line = String::new();
                    reader.read_line(&mut line).unwrap();
                    if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
                        length = value.trim().parse().unwrap();
                    }
                    if line.trim().is_empty() {
                        break;
                    }
                }
                let mut body = vec![0; length];
                reader.read_exact(&mut body).unwrap();
                write!(stream, "HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").unwrap();
                (request.trim().to_owned(), String::from_utf8(body).unwrap())
            })
            .collect()
    };
    (address, thread::spawn(answer))
}

#[test]
fn a_server_is_told_and_asked_again_when_it_fails() {
    let lab = Lab::new();
    let machine = machine(Shell::Busybox, SudoRule::None);
    sh(
        &machine,
        "printf 'ssh-rsa AA+/= me@here\\n' >/etc/ssh/ssh_host_rsa_key.pub; rm -f /etc/ssh/ssh_host_ecdsa_key.pub",
    );
    let (address, told) = server(&["503 Not now", "200 OK"]);
    let data = lab.file(
        "user-data.yaml",
        format!(
            "#cloud-config\nphone_home:\n  url: {address}/a/$INSTANCE_ID/\n  post: [pub_key_rsa, pub_key_ecdsa, instance_id, hostname]\n  \
             tries: 2\n"
        ),
    );
    lab.apply(&target("root", &machine), &data, &["--owner", "default/my node"])
        .expect(0);
    let told = told.join().unwrap();
    let hostname = says(&machine, &["uname", "-n"]);
    let form = format!(
        "pub_key_rsa=ssh-rsa%20AA%2B%2F%3D%20me%40here&pub_key_ecdsa=N%2FA&instance_id=my%20node&hostname={}",
        hostname.trim()
    );
    let request = "POST /a/my%20node/ HTTP/1.1".to_owned();
    assert_eq!(told, [(request.clone(), form.clone()), (request, form)]);
    assert_eq!(lab::left_over(&machine), "");
}

#[test]
fn nobody_there_is_an_error() {
    let lab = Lab::new();
    let machine = machine(Shell::Dash, SudoRule::None);
    // Nobody listens where somebody has just stopped to.
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let data = lab.file(
        "user-data.yaml",
        format!("#cloud-config\nphone_home: {{url: 'http://{address}/', tries: 1}}\n"),
    );
    let ran = lab.apply(&target("root", &machine), &data, &[]).expect(1);
    assert!(ran.all().contains("nobody was reached in 1 tries"), "{}", ran.all());
}
