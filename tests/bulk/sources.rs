//! Contents from URLs: fetched once, by us, within bounds; whatever a server does, no machine is touched before all is there.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use crate::lab::{Lab, Ran, on, sh, target};
use crate::site::{MB, Site, noise};

/// An HTTP server on a loopback address that answers each path in its own way, and keeps the requests.
struct Server {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    fn start(answer: impl Fn(&str, &mut TcpStream) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (kept, answer) = (requests.clone(), Arc::new(answer));
        // Ends with the test's process: nobody connects any more.
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (kept, answer) = (kept.clone(), answer.clone());
                std::thread::spawn(move || {
                    let mut stream = stream;
                    let request = head(&mut stream);
                    let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
                    kept.lock().unwrap().push(request);
                    answer(&path, &mut stream);
                    let _ = stream.shutdown(Shutdown::Write);
                    let _ = stream.read(&mut [0; 1]);
                });
            }
        });
        Self { address, requests }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    fn paths(&self) -> Vec<String> {
        let requests = self.requests.lock().unwrap();
        requests
            .iter()
            .map(|request| request.split(' ').nth(1).unwrap_or_default().to_owned())
            .collect()
    }
}

fn head(stream: &mut TcpStream) -> String {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|count| count == 1) {
        head.push(byte[0]);
    }
    String::from_utf8_lossy(&head).into_owned()
}

fn say(stream: &mut TcpStream, head: &str, body: &[u8]) {
    let _ = write!(stream, "HTTP/1.1 {head}\r\n\r\n").and_then(|()| stream.write_all(body));
}

fn ok(stream: &mut TcpStream, body: &[u8]) {
    say(stream, &format!("200 OK\r\nContent-Length: {}", body.len()), body);
}

fn sha256(content: &[u8]) -> String {
    let mut child = Command::new("sha256sum")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(content).unwrap();
    let said = child.wait_with_output().unwrap().stdout;
    String::from_utf8(said).unwrap().split(' ').next().unwrap().to_owned()
}

fn user_data(lab: &Lab, source: &str, more: &str) -> std::path::PathBuf {
    let text = format!("#cloud-config\nwrite_files:\n- {{path: /srv/file, permissions: '0755', source: {{{source}}}{more}}}\n");
    lab.file("user-data", text)
}

/// A plan: what cannot be had is found out before any machine is touched.
fn plan(lab: &Lab, data: &Path, more: &[&str]) -> Ran {
    let mut args = vec!["plan", "-b", data.to_str().unwrap(), "root@192.0.2.1"];
    args.extend(more);
    lab.run(&args)
}

#[test]
fn a_url_is_fetched_once_for_all_machines() {
    let content = noise(6 * MB, 40);
    let served = content.clone();
    let server = Server::start(move |path, stream| match path {
        "/a/first" => say(stream, "302 Found\r\nLocation: second?x=y\r\nContent-Length: 0", b""),
        "/a/second?x=y" => ok(stream, &served),
        _ => say(stream, "404 Not Found\r\nContent-Length: 0", b""),
    });
    let (one, two) = (Site::new(), Site::new());
    let source = format!(
        "uri: '{}', headers: {{Authorization: Bearer abc}}, sha256: {}",
        server.url("/a/first"),
        sha256(&content)
    );
    let data = user_data(&one.lab, &source, "");
    let (first, second) = (target("root", &one.machine), target("root", &two.machine));
    one.lab.apply(&first, &data, &[&second]).expect(0);
    for site in [&one, &two] {
        assert!(site.read("srv/file") == content);
        assert_eq!(sh(&site.machine, "stat -c %a /srv/file"), "755\n");
        site.check_clean();
    }
    assert_eq!(server.paths(), ["/a/first", "/a/second?x=y"]);
    let requests = server.requests.lock().unwrap();
    assert!(
        requests.iter().all(|request| request.contains("authorization: Bearer abc")),
        "{requests:?}"
    );
}

#[test]
fn credentials_do_not_follow_a_redirection_to_another_server() {
    let other = Server::start(|_, stream| ok(stream, b"content"));
    let url = other.url("/x");
    let server = Server::start(move |_, stream| say(stream, &format!("301 Moved\r\nLocation: {url}\r\nContent-Length: 0"), b""));
    let lab = Lab::new();
    let source = format!("uri: '{}', headers: {{Authorization: Bearer abc}}", server.url("/x"));
    plan(&lab, &user_data(&lab, &source, ""), &[]).expect(0);
    let requests = other.requests.lock().unwrap();
    assert!(
        requests.len() == 1 && !requests[0].to_lowercase().contains("authorization"),
        "{requests:?}"
    );
}

#[test]
fn what_a_server_does_wrong_is_told_and_no_machine_is_touched() {
    let server = Server::start(|path, stream| match path {
        "/missing" => say(stream, "404 Not Found\r\nContent-Length: 0", b""),
        "/broken" => say(stream, "503 Service Unavailable\r\nContent-Length: 0", b""),
        "/cut" => say(stream, "200 OK\r\nContent-Length: 1000", &[b'x'; 500]),
        "/cut-chunks" => say(stream, "200 OK\r\nTransfer-Encoding: chunked", b"5\r\nhello\r\n"),
        "/loop" => say(stream, "302 Found\r\nLocation: /loop\r\nContent-Length: 0", b""),
        "/file" => say(stream, "302 Found\r\nLocation: file:///etc/passwd\r\nContent-Length: 0", b""),
        "/metadata" => say(
            stream,
            "302 Found\r\nLocation: http://169.254.169.254/x\r\nContent-Length: 0",
            b"",
        ),
        "/noise" => say(stream, "\u{1}\u{2}", b"\xff\xff"),
        _ => ok(stream, b"content"),
    });
    let lab = Lab::new();
    let zeros = "0".repeat(64);
    for (path, more, why) in [
        ("/missing", "", "the server answered 404 Not Found"),
        ("/broken", "", "the server answered 503 Service Unavailable"),
        ("/cut", "", "the transfer broke: "),
        ("/cut-chunks", "", "the transfer broke: "),
        ("/loop", "", "the redirection leads on and on"),
        (
            "/file",
            "",
            "the redirection leads to something that is no http: or https: URL",
        ),
        (
            "/metadata",
            "",
            "its address, 169.254.169.254, is one that bootstrap data must not reach",
        ),
        ("/noise", "", "the transfer broke: "),
        ("/well", &format!(", sha256: '{zeros}'"), "not 0000"),
        ("/well", ", headers: {'a b': c}", "the header field a b has a name"),
    ] {
        let data = user_data(&lab, &format!("uri: '{}'{more}", server.url(path)), "");
        let ran = plan(&lab, &data, &[]).expect(2);
        assert!(
            ran.err.contains(why) && ran.err.contains("write_files[0].source"),
            "{path}: {}",
            ran.err
        );
    }
}

#[test]
fn content_stands_in_for_what_cannot_be_fetched_and_never_for_what_is_wrong() {
    let server = Server::start(|path, stream| match path {
        "/missing" => say(stream, "404 Not Found\r\nContent-Length: 0", b""),
        _ => ok(stream, b"something else"),
    });
    let site = Site::new();
    let fallback = ", content: instead";
    let data = user_data(&site.lab, &format!("uri: '{}'", server.url("/missing")), fallback);
    let ran = site.lab.apply(&target("root", &site.machine), &data, &[]).expect(0);
    assert_eq!(site.read("srv/file"), b"instead");
    assert!(ran.err.contains("`content` is written instead"), "{ran:?}");
    plan(&site.lab, &data, &["--strict"]).expect(2);
    let wrong = format!("uri: '{}', sha256: '{}'", server.url("/x"), "0".repeat(64));
    plan(&site.lab, &user_data(&site.lab, &wrong, fallback), &[]).expect(2);
}

#[test]
fn a_server_that_is_slow_gets_time() {
    let server = Server::start(|_, stream| {
        say(stream, "200 OK\r\nContent-Length: 300", b"");
        for _ in 0..30 {
            std::thread::sleep(std::time::Duration::from_millis(20));
            let _ = stream.write_all(b"0123456789");
        }
    });
    let lab = Lab::new();
    let ran = plan(&lab, &user_data(&lab, &format!("uri: '{}'", server.url("/slow")), ""), &[]).expect(0);
    assert!(ran.out.contains("300 bytes"), "{ran:?}");
}

#[test]
fn https_is_for_servers_that_prove_who_they_are() {
    let lab = Lab::new();
    let extensions = "subjectAltName=IP:127.0.0.1\nbasicConstraints=critical,CA:FALSE\n";
    lab.file(
        "settings",
        format!("[req]\ndistinguished_name=name\nx509_extensions=more\n[name]\n[more]\n{extensions}"),
    );
    let made = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-days",
            "1",
        ])
        .args([
            "-config",
            "settings",
            "-subj",
            "/CN=127.0.0.1",
            "-keyout",
            "key",
            "-out",
            "certificate",
        ])
        .current_dir(lab.path(""))
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    lab.file("served", "over TLS");
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut server = Command::new("openssl")
        .args([
            "s_server",
            "-quiet",
            "-accept",
            &format!("127.0.0.1:{port}"),
            "-cert",
            "certificate",
            "-key",
            "key",
            "-WWW",
        ])
        .current_dir(lab.path(""))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(server.try_wait().unwrap().is_none(), "openssl s_server has ended");
    }
    let data = user_data(&lab, &format!("uri: 'https://127.0.0.1:{port}/served'"), "");
    let args = ["plan", "-b", data.to_str().unwrap(), "root@192.0.2.1"];
    let trusted = crate::lab::Running::start({
        let mut command = lab.anywhere(&args);
        command.env("SSL_CERT_FILE", lab.path("certificate"));
        command
    })
    .end();
    let unknown = lab.run(&args);
    server.kill().unwrap();
    server.wait().unwrap();
    assert!(trusted.expect(0).out.contains("8 bytes"));
    assert!(unknown.expect(2).err.contains("certificate"));
}

#[test]
fn local_sources_are_relative_to_the_file_that_names_them() {
    let site = Site::new();
    std::fs::create_dir(site.lab.path("bin")).unwrap();
    let content = noise(2 * MB, 41);
    site.lab.file("bin/k0s", &content);
    let data = user_data(&site.lab, "uri: bin/k0s", ", append: true");
    let folder = site.lab.path("bin");
    std::fs::write(on(&site.machine, "srv/file"), b"before").unwrap();
    let args = ["--local-files", folder.to_str().unwrap()];
    let target = target("root", &site.machine);
    let denied = site.lab.apply(&target, &data, &[]).expect(2);
    assert!(denied.err.contains("--local-files"), "{denied:?}");
    site.lab.apply(&target, &data, &args).expect(0);
    assert!(site.read("srv/file") == [b"before".as_slice(), &content].concat());
    site.check_clean();
}
