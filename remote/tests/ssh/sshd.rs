//! Real servers for one test: own configuration, keys and port on 127.0.0.1, gone when dropped.
//!
//! They run as root, because sshd logs in only as the user that it runs as, or as any if that is root.

use std::fs;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use remote::secret::Secret;
use remote::ssh::{Credentials, Hop, HostKeys, Identity, JumpHosts, KnownHosts, Pins, Target, Unknown, UserCertificate};

/// Exactly these keys, and those that exactly these authorities vouch for.
pub(crate) fn pinned(keys: &[&str], authorities: &[&str]) -> HostKeys {
    let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    HostKeys::Pinned(Arc::new(Pins::parse(&owned(keys), &owned(authorities)).unwrap()))
}

/// A folder with keys made by `ssh-keygen`, and the servers' files.
pub(crate) struct Lab {
    pub(crate) folder: tempfile::TempDir,
}

impl Lab {
    pub(crate) fn new() -> Self {
        // sshd wants it, and it is lost at each boot.
        fs::create_dir_all("/run/sshd").expect("/run/sshd can be made: these tests run as root");
        let lab = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        lab.key("user", &["-t", "ed25519"], "");
        lab.key("host", &["-t", "ed25519"], "");
        lab
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Makes the key pair `name` and `name.pub`.
    pub(crate) fn key(&self, name: &str, arguments: &[&str], passphrase: &str) {
        let mut command = Command::new("ssh-keygen");
        command
            .args(["-q", "-C", name, "-N", passphrase, "-f"])
            .arg(self.path(name))
            .args(arguments);
        let output = command.output().expect("ssh-keygen is installed");
        assert!(output.status.success(), "{output:?}");
    }

    pub(crate) fn public(&self, name: &str) -> String {
        fs::read_to_string(self.path(&format!("{name}.pub")))
            .unwrap()
            .trim_end()
            .to_owned()
    }

    /// The fingerprint of the key `name`, as ssh-keygen prints it.
    pub(crate) fn fingerprint(&self, name: &str) -> String {
        let output = Command::new("ssh-keygen")
            .arg("-lf")
            .arg(self.path(&format!("{name}.pub")))
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        text.split(' ').nth(1).unwrap().to_owned()
    }

    /// Signs the key `name` with the authority's key; `arguments` say for whom and for how long. Makes `name-cert.pub`.
    pub(crate) fn sign(&self, authority: &str, name: &str, arguments: &[&str]) {
        let output = Command::new("ssh-keygen")
            .args(["-q", "-s"])
            .arg(self.path(authority))
            .args(["-I", &format!("id of {name}")])
            .args(arguments)
            .arg(self.path(&format!("{name}.pub")))
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
    }

    pub(crate) fn certificate(&self, name: &str) -> UserCertificate {
        let file = format!("{name}-cert.pub");
        UserCertificate::decode(&file, &fs::read(self.path(&file)).unwrap()).unwrap()
    }

    pub(crate) fn identity(&self, name: &str, passphrase: Option<&str>) -> Identity {
        let key = Secret::new(fs::read(self.path(name)).unwrap());
        Identity::decode(name, &key, passphrase.map(Secret::from).as_ref()).unwrap()
    }

    /// A server with the host key `host` that lets the key `user` in.
    pub(crate) fn sshd(&self) -> Sshd {
        self.sshd_with(&["host"], &["user"], "")
    }

    /// A server with these host keys, that lets these user keys in; `more` are further lines of its configuration.
    pub(crate) fn sshd_with(&self, host_keys: &[&str], user_keys: &[&str], more: &str) -> Sshd {
        let folder = tempfile::tempdir_in(self.folder.path()).unwrap().keep();
        let authorized: String = user_keys.iter().map(|name| self.public(name) + "\n").collect();
        fs::write(folder.join("authorized_keys"), authorized).unwrap();
        let keys: String = host_keys
            .iter()
            .map(|name| format!("HostKey {}\n", self.path(name).display()))
            .collect();
        // Another process may take the port between here and sshd's bind; sshd then ends, and the next one is tried.
        for _ in 0..5 {
            let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
                .unwrap()
                .local_addr()
                .unwrap()
                .port();
            let config = format!(
                "{more}\nPort {port}\nListenAddress 127.0.0.1\n{keys}AuthorizedKeysFile {0}/authorized_keys\nPidFile none\n\
                 StrictModes no\nUsePAM no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n",
                folder.display()
            );
            fs::write(folder.join("sshd_config"), config).unwrap();
            let log = fs::File::create(folder.join("log")).unwrap();
            let child = tied("/usr/sbin/sshd")
                .args(["-D", "-e", "-f"])
                .arg(folder.join("sshd_config"))
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(log)
                .spawn()
                .expect("openssh-server is installed");
            let mut sshd = Sshd {
                child,
                port,
                log: folder.join("log"),
            };
            if sshd.answers() {
                return sshd;
            }
            assert!(
                !fs::read_to_string(folder.join("log")).unwrap().contains("rror in"),
                "{}",
                log_of(&folder)
            );
        }
        panic!("no sshd came up: {}", log_of(&folder));
    }

    /// A Dropbear server (Debian: dropbear-bin) with the host key `host`, and its port on 127.0.0.1. It knows only the keys of root's
    /// own `authorized_keys`, so it lets nobody in: enough for what happens before.
    pub(crate) fn dropbear(&self) -> Sshd {
        let key = self.path("dropbear_host");
        let converted = Command::new("dropbearconvert")
            .args(["openssh", "dropbear"])
            .arg(self.path("host"))
            .arg(&key)
            .output();
        let converted = converted.expect("dropbear-bin is installed");
        assert!(converted.status.success(), "{converted:?}");
        for _ in 0..5 {
            let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
                .unwrap()
                .local_addr()
                .unwrap()
                .port();
            let child = tied("dropbear")
                .args(["-F", "-E", "-s", "-P", "", "-p", &format!("127.0.0.1:{port}"), "-r"])
                .arg(&key)
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            let mut server = Sshd {
                child,
                port,
                log: PathBuf::new(),
            };
            if server.answers() {
                return server;
            }
        }
        panic!("no dropbear came up");
    }

    /// The server as a target for `root` with these keys, any host key being fine.
    pub(crate) fn target(&self, sshd: &Sshd, keys: &[&str]) -> Target {
        Target {
            host: "127.0.0.1".to_owned(),
            port: sshd.port,
            user: "root".to_owned(),
            credentials: Credentials {
                identities: keys.iter().map(|name| self.identity(name, None)).collect(),
                ..Credentials::default()
            },
            host_keys: pinned(&[&self.public("host")], &[]),
            jump: Vec::new(),
            jump_hosts: JumpHosts::default(),
        }
    }

    pub(crate) fn hop(&self, sshd: &Sshd, keys: &[&str]) -> Hop {
        let Target {
            host,
            port,
            user,
            credentials,
            host_keys,
            jump: _,
            jump_hosts: _,
        } = self.target(sshd, keys);
        Hop {
            host,
            port,
            user,
            credentials,
            host_keys,
        }
    }

    pub(crate) fn known_hosts(&self, name: &str, unknown: Unknown) -> HostKeys {
        HostKeys::KnownHosts(Arc::new(KnownHosts::new(self.path(name), unknown)))
    }

    /// An SSH agent holding these keys.
    pub(crate) fn agent(&self, keys: &[&str]) -> Agent {
        let socket = self.path("agent");
        let child = tied("ssh-agent")
            .arg("-D")
            .arg("-a")
            .arg(&socket)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let agent = Agent { child, socket };
        eventually("the agent listens", || agent.socket.exists());
        for key in keys {
            let added = Command::new("ssh-add")
                .arg("-q")
                .arg(self.path(key))
                .env("SSH_AUTH_SOCK", &agent.socket)
                .status()
                .unwrap();
            assert!(added.success());
        }
        agent
    }
}

/// A command that the kernel ends with this process, even if a test run is killed and nothing is dropped.
fn tied(program: &str) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", program]);
    command
}

fn log_of(folder: &Path) -> String {
    fs::read_to_string(folder.join("log")).unwrap_or_default()
}

/// Waits until `condition` holds; fails after five seconds.
pub(crate) fn eventually(what: &str, condition: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_secs(5);
    while !condition() {
        assert!(Instant::now() < end, "not within five seconds: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

pub(crate) struct Sshd {
    child: Child,
    pub(crate) port: u16,
    /// What it says, in a file.
    pub(crate) log: PathBuf,
}

impl Sshd {
    fn answers(&mut self) -> bool {
        let end = Instant::now() + Duration::from_secs(5);
        while self.child.try_wait().unwrap().is_none() && Instant::now() < end {
            if TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_ok() {
                return true;
            }
            thread::sleep(Duration::from_millis(5));
        }
        false
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) struct Agent {
    child: Child,
    pub(crate) socket: PathBuf,
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
