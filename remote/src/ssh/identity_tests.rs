//! Keys made by the real `ssh-keygen`, in every format it writes.

use std::process::Command;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::*;

/// `(arguments of ssh-keygen, passphrase it is made with)`
const GOOD: &[(&[&str], &str)] = &[
    (&["-t", "ed25519"], ""),
    (&["-t", "ed25519"], "pass word"),
    (&["-t", "ecdsa", "-b", "256"], ""),
    (&["-t", "ecdsa", "-b", "384"], ""),
    (&["-t", "ecdsa", "-b", "521"], "secret"),
    (&["-t", "rsa", "-b", "2048"], ""),
    (&["-t", "rsa", "-b", "2048"], "secret"),
    (&["-t", "ecdsa", "-b", "256", "-m", "PKCS8"], ""),
    (&["-t", "ecdsa", "-b", "384", "-m", "PKCS8"], "secret"),
    (&["-t", "rsa", "-b", "2048", "-m", "PKCS8"], ""),
    (&["-t", "rsa", "-b", "2048", "-m", "PKCS8"], "secret"),
    (&["-t", "rsa", "-b", "2048", "-m", "PEM"], ""),
    (&["-t", "rsa", "-b", "2048", "-m", "PEM"], "secret"),
    (&["-t", "ecdsa", "-b", "256", "-m", "PEM"], ""),
    (&["-t", "ecdsa", "-b", "521", "-m", "PEM"], ""),
];

fn keygen(arguments: &[&str], passphrase: &str) -> (String, String) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key");
    let output = Command::new("ssh-keygen")
        .args(["-q", "-N", passphrase, "-f"])
        .arg(&file)
        .args(arguments)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let public = std::fs::read_to_string(file.with_extension("pub")).unwrap();
    (std::fs::read_to_string(&file).unwrap(), public)
}

fn blob(line: &str) -> Option<&str> {
    line.split(' ').nth(1).map(str::trim)
}

#[test]
fn every_format_with_and_without_passphrase() {
    for (arguments, passphrase) in GOOD {
        let case = format!("{arguments:?} {passphrase:?}");
        let (private, public) = keygen(arguments, passphrase);
        let key = Secret::from(private.as_str());
        let given = Secret::from(*passphrase);
        let decoded = Identity::decode("key", &key, Some(&given)).unwrap_or_else(|error| panic!("{case}: {error}"));
        assert_eq!(blob(&decoded.public_key()), blob(&public), "{case}");
        assert!(!format!("{decoded:?}").contains("PRIVATE"));

        let without = Identity::decode("key", &key, None).map(|_| ());
        let wrong = Identity::decode("key", &key, Some(&Secret::from("something else"))).map(|_| ());
        if passphrase.is_empty() {
            assert_eq!((without, wrong), (Ok(()), Ok(())), "{case}");
        } else {
            let label = "key".to_owned();
            assert_eq!(without, Err(KeyError::PassphraseNeeded { label: label.clone() }), "{case}");
            assert_eq!(wrong, Err(KeyError::WrongPassphrase { label }), "{case}");
        }
    }
}

/// The number of rounds stands in the file, where anybody could have written any.
#[test]
fn a_key_that_would_take_years_to_open_is_not_tried() {
    let (private, _) = keygen(&["-t", "ed25519", "-a", "16"], "secret");
    let (begin, rest) = private.split_once('\n').unwrap();
    let (body, end) = rest.split_once("-----END").unwrap();
    let mut content = STANDARD.decode(body.replace('\n', "")).unwrap();
    // Behind the salt of 16 bytes (PROTOCOL.key, section 2).
    let rounds = content
        .windows(8)
        .position(|window| window == [0, 0, 0, 24, 0, 0, 0, 16])
        .unwrap()
        + 24;
    assert_eq!(content[rounds..rounds + 4], 16_u32.to_be_bytes());
    content[rounds..rounds + 4].copy_from_slice(&u32::MAX.to_be_bytes());
    let endless = format!("{begin}\n{}\n-----END{end}", STANDARD.encode(content));
    let error = Identity::decode("key", &Secret::from(endless.as_str()), Some(&Secret::from("secret"))).unwrap_err();
    assert_eq!(
        error.to_string(),
        "key is a key that is not supported (4294967295 rounds of key derivation; at most 1000); convert it with: ssh-keygen -p -f FILE"
    );
}

/// As `openssl pkcs8 -iter` and `-scrypt` write them.
#[test]
fn a_pkcs8_key_that_takes_too_long_is_not_tried() {
    let folder = tempfile::tempdir().unwrap();
    let openssl = |arguments: &[&str]| {
        let output = Command::new("openssl")
            .args(arguments)
            .current_dir(folder.path())
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
    };
    openssl(&["genpkey", "-algorithm", "ed25519", "-out", "key"]);
    let encrypt = [
        "pkcs8",
        "-topk8",
        "-in",
        "key",
        "-out",
        "encrypted",
        "-v2",
        "aes-256-cbc",
        "-passout",
        "pass:secret",
    ];
    let scrypt = ["-scrypt", "-scrypt_N", "16384", "-scrypt_r", "8", "-scrypt_p", "16"];
    for (how, expected) in [
        (
            &["-iter", "2000001"][..],
            "2000001 iterations of key derivation; at most 2000000",
        ),
        (&scrypt, "scrypt with a cost of 2097152; at most 1048576"),
    ] {
        openssl(&[&encrypt, how].concat());
        let key = Secret::new(std::fs::read(folder.path().join("encrypted")).unwrap());
        let error = Identity::decode("key", &key, Some(&Secret::from("secret"))).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
    }
}

#[test]
fn copies_with_other_line_ends_indentation_and_comments() {
    let (private, _) = keygen(&["-t", "ed25519"], "");
    let indented = private.lines().map(|line| format!("    {line}  \n")).collect::<String>();
    for text in [
        private.replace('\n', "\r\n"),
        indented,
        format!("a comment\n\n{private}\n\n"),
        private.trim_end().to_owned(),
    ] {
        assert!(Identity::decode("key", &Secret::from(text.as_str()), None).is_ok());
    }
}

#[test]
fn what_is_no_key_says_why() {
    let (private, public) = keygen(&["-t", "ed25519"], "");
    let cut = private.get(..private.len() / 2).unwrap().to_owned();
    let (ec_legacy, _) = keygen(&["-t", "ecdsa", "-m", "PEM"], "secret");
    let cases = [
        (String::new(), "no BEGIN line"),
        ("garbage".to_owned(), "no BEGIN line"),
        (public, "public key"),
        (cut, "cut off"),
        (
            "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n".to_owned(),
            "damaged",
        ),
        (
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".to_owned(),
            "certificate",
        ),
        (
            "-----BEGIN DSA PRIVATE KEY-----\nAAAA\n-----END DSA PRIVATE KEY-----\n".to_owned(),
            "ssh-keygen -t ed25519",
        ),
        ("PuTTY-User-Key-File-3: ssh-ed25519\n".to_owned(), "puttygen"),
        (ec_legacy, "ssh-keygen -p"),
        ("x".repeat(LARGEST_KEY + 1), "too large"),
    ];
    for (text, expected) in cases {
        let error = Identity::decode("Secret default/key", &Secret::from(text.as_str()), None)
            .unwrap_err()
            .to_string();
        assert!(
            error.contains(expected) && error.contains("Secret default/key"),
            "{expected}: {error}"
        );
    }
    assert!(Identity::decode("key", &Secret::new([0xff, 0xfe]), None).is_err());
}

proptest::proptest! {
    #[test]
    fn no_content_panics(kind in 0_usize..6, body: Vec<u8>, dek in proptest::option::of("[0-9A-F]{0,40}"), passphrase: Option<String>) {
        use base64::Engine as _;
        let kind = ["OPENSSH ", "RSA ", "EC ", "ENCRYPTED ", "", "DSA "].get(kind).unwrap();
        let dek = dek.map(|iv| format!("Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,{iv}\n\n")).unwrap_or_default();
        let body = base64::engine::general_purpose::STANDARD.encode(body);
        let text = format!("-----BEGIN {kind}PRIVATE KEY-----\n{dek}{body}\n-----END {kind}PRIVATE KEY-----\n");
        let passphrase = passphrase.map(|text| Secret::from(text.as_str()));
        let _ = Identity::decode("key", &Secret::from(text.as_str()), passphrase.as_ref());
    }
}

#[test]
fn errors_never_show_what_may_be_the_key() {
    for (text, expected) in [
        (
            "-----BEGIN OPENSSH PRIVATE KEY----- hunter2 -----END OPENSSH PRIVATE KEY-----\n-----END x",
            "no BEGIN line",
        ),
        (
            "-----BEGIN RS\u{1} PRIVATE KEY-----\nx\n-----END RSA PRIVATE KEY-----",
            "no BEGIN line",
        ),
        (
            "-----BEGIN RSA PRIVATE KEY-----\nDEK-Info: hunter2\u{1b}[2J,00\nx\n-----END RSA PRIVATE KEY-----",
            "encrypted with something",
        ),
    ] {
        let error = Identity::decode("k", &Secret::new(text), None).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
        assert!(!error.contains("hunter2") && !error.contains(char::is_control), "{error}");
    }
}
