//! Files on disk, and what is believed after reading them.

use std::os::unix::fs::PermissionsExt as _;

use super::super::known_hosts::host_name;
use super::*;

fn key(last: u8) -> HostKey {
    let mut blob = b"\0\0\0\x0bssh-ed25519\0\0\0\x20".to_vec();
    blob.extend([last; 32]);
    HostKey::new("ssh-ed25519", blob)
}

fn shown(last: u8) -> Shown {
    Shown::Key(key(last))
}

fn host() -> HostName {
    host_name("host", 22)
}

#[test]
fn a_new_host_is_remembered_once_and_then_held_to_its_key() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("new/known_hosts");
    let known = KnownHosts::new(&file, Unknown::Remember);
    assert_eq!(known.verify(&host(), &shown(1)).unwrap(), Trust::TrustedOnFirstUse);
    assert_eq!(known.verify(&host(), &shown(1)).unwrap(), Trust::Known);
    assert_eq!(fs::read_to_string(&file).unwrap(), format!("host {}\n", key(1).openssh()));
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(
        fs::metadata(file.parent().unwrap()).unwrap().permissions().mode() & 0o777,
        0o700
    );

    let error = known.verify(&host(), &shown(2)).unwrap_err().to_string();
    for part in [
        "host",
        &key(2).fingerprint(),
        &format!("{}:1", file.display()),
        "ssh-keygen -R 'host' -f",
    ] {
        assert!(error.contains(part), "{part} in {error}");
    }
}

#[test]
fn many_tasks_write_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("known_hosts");
    let known = KnownHosts::new(&file, Unknown::Remember);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| known.verify(&host(), &shown(1)).unwrap());
        }
    });
    assert_eq!(fs::read_to_string(&file).unwrap().lines().count(), 1);
}

#[test]
fn a_line_is_never_glued_to_an_unfinished_one() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("known_hosts");
    fs::write(&file, "# no newline").unwrap();
    KnownHosts::new(&file, Unknown::Remember).verify(&host(), &shown(1)).unwrap();
    assert_eq!(
        fs::read_to_string(&file).unwrap(),
        format!("# no newline\nhost {}\n", key(1).openssh())
    );
}

#[test]
fn any_matching_line_will_do_and_a_revoked_one_wins() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("known_hosts");
    fs::write(&file, format!("host {}\nhost {}\n", key(1).openssh(), key(2).openssh())).unwrap();
    let known = KnownHosts::new(&file, Unknown::Refuse);
    assert_eq!(known.verify(&host(), &shown(2)).unwrap(), Trust::Known);

    let more = folder.path().join("more");
    fs::write(&more, format!("@revoked * {}\n", key(2).openssh())).unwrap();
    let known = known.also(&more);
    assert!(matches!(
        known.verify(&host(), &shown(2)),
        Err(HostKeyError::Revoked { line: 1, .. })
    ));
    assert_eq!(known.verify(&host(), &shown(1)).unwrap(), Trust::Known);
}

#[test]
fn an_unknown_host_is_refused_with_the_line_to_add() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("known_hosts");
    let known = KnownHosts::new(&file, Unknown::Refuse);
    let error = known.verify(&host_name("host", 2222), &shown(1)).unwrap_err().to_string();
    assert!(error.contains(&format!("[host]:2222 {}", key(1).openssh())), "{error}");
    assert!(!file.exists());
}

#[test]
fn an_unreadable_file_is_not_an_empty_one() {
    let folder = tempfile::tempdir().unwrap();
    let known = KnownHosts::new(folder.path(), Unknown::Remember);
    assert!(matches!(
        known.verify(&host(), &shown(1)),
        Err(HostKeyError::Unreadable { .. })
    ));
    assert!(matches!(known.expected(&host()), Err(HostKeyError::Unreadable { .. })));
}

#[test]
fn a_host_whose_authority_is_known_is_not_taken_for_a_new_one() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("known_hosts");
    let text = format!("@cert-authority *.example {}\n", key(9).openssh());
    fs::write(&file, &text).unwrap();
    let known = KnownHosts::new(&file, Unknown::Remember);
    let name = host_name("a.example", 2222);
    assert!(known.expected(&name).unwrap().certificate);
    assert!(matches!(
        known.verify(&name, &shown(1)),
        Err(HostKeyError::NotVouchedFor { line: 1, .. })
    ));
    assert_eq!(fs::read_to_string(&file).unwrap(), text);
    assert!(!known.expected(&host()).unwrap().certificate);
    assert_eq!(known.verify(&host(), &shown(1)).unwrap(), Trust::TrustedOnFirstUse);
}
