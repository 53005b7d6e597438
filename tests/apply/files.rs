//! `write_files`: exact bytes, mode and owner.

use std::os::unix::fs::{MetadataExt, symlink};

use crate::lab::sh;
use crate::places::{Place, everywhere};

/// A file as it has to be on the machine.
struct Want {
    path: &'static str,
    content: Vec<u8>,
    mode: u32,
    /// UID and GID; those of who runs the steps if none is given.
    owner: Option<(u32, u32)>,
}

const FILES: &str = r#"
write_files:
  - {path: "~/plain", content: "one\ntwo\n"}
  - {path: "~/no-newline", content: "no newline"}
  - {path: "~/empty"}
  - {path: "~/backslashes", content: "a\\nb %s %% \\0 \\c $HOME `id` \"'\n"}
  - path: "~/block"
    content: |
      #!/bin/sh
      echo 'it''s' "$1"

  - {path: "~/binary", content: !!binary BINARY}
  - {path: "~/base64", encoding: b64, content: BINARY}
  - {path: "~/gzip-base64", encoding: gz+b64, content: H4sIAAAAAAACA8tIzcnJBwCGphA2BQAAAA==}
  - {path: "~/gzip", encoding: gzip, content: !!binary H4sIAAAAAAACA8tIzcnJBwCGphA2BQAAAA==}
  - {path: "~/appended", content: "more\n", append: true}
  - {path: "~/append-made", content: "first\n", append: true}
  - {path: "~/append-made", content: "again\n", append: true}
  - {path: "~/append-made", content: "again\n", append: true}
  - {path: "~/a/b/c/deep", content: deep}
  - {path: "~/setuid", permissions: '4755', content: x}
  - {path: "~/sticky", permissions: '3711', content: x}
  - {path: "~/none", permissions: '0000', content: x}
  - {path: "~/link", content: through the link}
  - {path: "~/replaced", content: new}
  - {path: "~/deferred", content: late, defer: true}
  - {path: "~/deferred", content: early}
  - {path: "~/it's a \"näme\" $HOME `x` \\", content: odd}
  - {path: "~/-n", content: dash}
  - {path: "~/trailing ", content: blank}
  - {path: "~/line\nbreak\n", content: newline}
runcmd:
  - cat ~/deferred >~/seen-by-runcmd
"#;

fn all_bytes() -> Vec<u8> {
    (0..=u8::MAX).cycle().take(1000).collect()
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

fn want() -> Vec<Want> {
    let want = |path, content: &[u8], mode| Want {
        path,
        content: content.to_vec(),
        mode,
        owner: None,
    };
    vec![
        want("~/plain", b"one\ntwo\n", 0o644),
        want("~/no-newline", b"no newline", 0o644),
        want("~/empty", b"", 0o644),
        want("~/backslashes", b"a\\nb %s %% \\0 \\c $HOME `id` \"'\n", 0o644),
        want("~/block", b"#!/bin/sh\necho 'it''s' \"$1\"\n", 0o644),
        want("~/binary", &all_bytes(), 0o644),
        want("~/base64", &all_bytes(), 0o644),
        want("~/gzip-base64", b"hello", 0o644),
        want("~/gzip", b"hello", 0o644),
        want("~/appended", b"here before\nmore\n", 0o644),
        want("~/append-made", b"first\nagain\nagain\n", 0o644),
        want("~/a/b/c/deep", b"deep", 0o644),
        want("~/setuid", b"x", 0o4755),
        want("~/sticky", b"x", 0o3711),
        want("~/none", b"x", 0o000),
        want("~/target", b"through the link", 0o644),
        want("~/replaced", b"new", 0o644),
        want("~/deferred", b"late", 0o644),
        want("~/seen-by-runcmd", b"late", 0o644),
        want("~/it's a \"näme\" $HOME `x` \\", b"odd", 0o644),
        want("~/-n", b"dash", 0o644),
        want("~/trailing ", b"blank", 0o644),
        want("~/line\nbreak\n", b"newline", 0o644),
    ]
}

#[track_caller]
fn check(place: &Place, want: &Want) {
    let Want {
        path,
        content,
        mode,
        owner,
    } = want;
    assert!(place.bytes(path) == *content, "{path:?}: {:?}", place.bytes(path));
    let metadata = std::fs::metadata(place.path(path)).unwrap();
    assert_eq!(metadata.mode() & 0o7777, *mode, "{path:?}: {:o}", metadata.mode());
    let own = (place.id(), place.id());
    assert_eq!((metadata.uid(), metadata.gid()), owner.unwrap_or(own), "{path:?}");
}

#[test]
fn every_form_of_write_files_gives_exact_bytes_modes_and_owners() {
    everywhere(|place| {
        let base = place.base();
        sh(
            &place.machine,
            &format!(
                "umask 022; mkdir {base}; echo here before >{base}/appended; echo old >{base}/replaced; echo old >{base}/target
                 chmod 600 {base}/replaced; chown -R {0}:{0} {base}",
                place.id()
            ),
        );
        symlink(format!("{base}/target"), place.path("~/link")).unwrap();
        place.apply(&FILES.replace("BINARY", &base64(&all_bytes())), &[]).expect(0);
        want().iter().for_each(|want| check(place, want));
        let link = std::fs::symlink_metadata(place.path("~/link")).unwrap();
        assert!(link.is_symlink(), "a link is followed, not replaced");
        for folder in ["~/a", "~/a/b", "~/a/b/c"] {
            let metadata = std::fs::metadata(place.path(folder)).unwrap();
            assert_eq!((metadata.mode() & 0o7777, metadata.uid()), (0o755, place.id()), "{folder}");
        }
    });
}

const OWNED: &str = r#"
write_files:
  - {path: /srv/user-and-group, owner: "admin:nogroup", permissions: '06750', content: x}
  - {path: /srv/user, owner: admin, content: x}
  - {path: /srv/group, owner: ":nogroup", content: x}
  - {path: /srv/number, owner: "1234:5678", content: x}
  - {path: /srv/theirs/deep/file, owner: "admin:admin", content: x}
  - {path: /srv/group-of-folder/file, content: x}
"#;

#[test]
fn root_gives_files_and_the_folders_made_for_them_away() {
    everywhere(|place| {
        if place.id() != 0 {
            return;
        }
        sh(
            &place.machine,
            "mkdir -p /srv/group-of-folder; chmod 2775 /srv/group-of-folder; chgrp 1000 /srv/group-of-folder",
        );
        place.apply(OWNED, &[]).expect(0);
        let nogroup = 65534;
        for (path, owner, mode) in [
            ("/srv/user-and-group", (1000, nogroup), 0o6750),
            ("/srv/user", (1000, 0), 0o644),
            ("/srv/group", (0, nogroup), 0o644),
            ("/srv/number", (1234, 5678), 0o644),
            ("/srv/theirs/deep/file", (1000, 1000), 0o644),
            ("/srv/group-of-folder/file", (0, 0), 0o644),
        ] {
            let want = Want {
                path,
                content: b"x".to_vec(),
                mode,
                owner: Some(owner),
            };
            check(place, &want);
        }
        for folder in ["/srv/theirs", "/srv/theirs/deep"] {
            let metadata = std::fs::metadata(place.path(folder)).unwrap();
            assert_eq!((metadata.uid(), metadata.gid()), (1000, 1000), "{folder}");
        }
    });
}

#[test]
fn a_large_file_arrives_whole() {
    everywhere(|place| {
        let content: Vec<u8> = (0..300_000_u32)
            .flat_map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes())
            .collect();
        let text = "0123456789abcdef".repeat(20_000);
        place
            .apply(
                &format!(
                    "write_files:\n- {{path: '~/large', encoding: b64, content: {}}}\n- {{path: '~/text', content: {text}}}\n",
                    base64(&content)
                ),
                &[],
            )
            .expect(0);
        assert!(place.bytes("~/large") == content);
        assert!(place.bytes("~/text") == text.as_bytes());
    });
}
