//! passwd(5), group(5) and shadow(5) as sets of lines in which only what is meant to be the same is compared.

use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

/// The files whose lines have no order.
pub(crate) const FILES: [&str; 6] = [
    "/etc/passwd",
    "/etc/group",
    "/etc/shadow",
    "/etc/gshadow",
    "/etc/subuid",
    "/etc/subgid",
];

/// Stands for a password that nobody knows.
pub(crate) const ANY: &str = "RANDOM";

/// A file of accounts with its lines sorted, members of groups sorted, and in shadow(5) the salt of known passwords and the day
/// of today replaced by words.
pub(crate) fn normalised(path: &str, text: &str, passwords: &[(String, String)]) -> String {
    let mut lines: Vec<String> = text.lines().map(|line| self::line(path, line, passwords)).collect();
    lines.sort();
    lines.iter().fold(String::new(), |text, line| text + line + "\n")
}

fn line(path: &str, line: &str, passwords: &[(String, String)]) -> String {
    let mut fields: Vec<String> = line.split(':').map(str::to_owned).collect();
    if path == "/etc/shadow"
        && let [name, hash, day, ..] = fields.as_mut_slice()
    {
        if let Some((_, clear)) = passwords.iter().find(|(user, _)| user == name) {
            let (locked, unlocked) = hash.strip_prefix('!').map_or(("", hash.as_str()), |rest| ("!", rest));
            if clear == ANY && unlocked.len() > 1 {
                *hash = format!("{locked}{ANY}");
            } else if is_of(unlocked, clear) {
                *hash = format!("{locked}{}{clear}", method(unlocked));
            }
        }
        let today = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() / 86_400;
        if day.parse().is_ok_and(|day: u64| today.abs_diff(day) <= 1) {
            "today".clone_into(day);
        }
    }
    if matches!(path, "/etc/group" | "/etc/gshadow")
        && let Some(members) = fields.last_mut()
    {
        let mut names: Vec<&str> = members.split(',').collect();
        names.sort_unstable();
        *members = names.join(",");
    }
    fields.join(":")
}

/// `$6$` of `$6$salt$hash`.
fn method(hash: &str) -> &str {
    hash.match_indices('$')
        .nth(1)
        .map_or("", |(at, _)| hash.get(..=at).unwrap_or_default())
}

/// Whether it is a hash of this password, by crypt(3).
fn is_of(hash: &str, clear: &str) -> bool {
    let said = Command::new("perl")
        .args(["-e", "print crypt($ARGV[0], $ARGV[1])", clear, hash])
        .output()
        .unwrap();
    !hash.is_empty() && said.stdout == hash.as_bytes()
}

#[test]
fn only_what_is_meant_is_the_same() {
    let hash = "$6$saltsalt$Wmv0h1hq6EvEQIIJ8e8Tn9xWHPVoSKBXB1gkmk5bXKMFRPc5Me2JTnCDeTUL2Qk3LVAvmzXMFC4NLZ4fZtIi31";
    assert_eq!(
        line(
            "/etc/shadow",
            &format!("a:!{hash}:1::"),
            &[("a".to_owned(), "wrong".to_owned())]
        ),
        format!("a:!{hash}:1::")
    );
    assert_eq!(line("/etc/group", "a:x:1:c,b", &[]), "a:x:1:b,c");
    assert_eq!(normalised("/etc/passwd", "b:x\na:x\n", &[]), "a:x\nb:x\n");
}
