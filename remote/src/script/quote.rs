//! Any bytes as text of a POSIX shell program.
//!
//! Text that every shell reads alike stands in single quotes, readable as it is. Anything else (NUL, control characters, bytes
//! that are no UTF-8) goes through the octal escapes of printf(1), so that a program is always plain text and no shell's idea
//! of character sets matters (POSIX.1-2024, "Shell Command Language" 2.2.2, and "printf").

use std::fmt::Write;

/// The most bytes that one `printf` format stands for: shells hold a format several times over.
const PIECE: usize = 64 * 1024;

/// A word in single quotes. The caller sees to it that there is no NUL.
#[must_use]
pub(super) fn word(bytes: &[u8]) -> Vec<u8> {
    let mut quoted = Vec::with_capacity(bytes.len() + 2);
    quoted.push(b'\'');
    for &byte in bytes {
        match byte {
            b'\'' => quoted.extend_from_slice(b"'\\''"),
            _ => quoted.push(byte),
        }
    }
    quoted.push(b'\'');
    quoted
}

/// The argument of a command, as one word: in single quotes where it is plain, else put into a variable first by `setup`, a line
/// that must stand before.
pub(super) struct Argument {
    /// Lines to stand before the command; may be empty.
    pub(super) setup: Vec<u8>,
    /// The word itself.
    pub(super) word: Vec<u8>,
}

/// See [`Argument`]. `number` tells the arguments of one command apart.
#[must_use]
pub(super) fn argument(bytes: &[u8], number: usize) -> Argument {
    if is_plain(bytes) {
        return Argument {
            setup: Vec::new(),
            word: word(bytes),
        };
    }
    // Command substitution drops newlines at the end, so a letter guards them.
    let setup = format!(
        "A_WORD{number}=$(printf '{}x')\nA_WORD{number}=${{A_WORD{number}%x}}\n",
        octal(bytes)
    );
    Argument {
        setup: setup.into_bytes(),
        word: format!("\"$A_WORD{number}\"").into_bytes(),
    }
}

/// Commands that print exactly these bytes, each ended by `end` (a redirection and what follows it).
#[must_use]
pub(super) fn print(bytes: &[u8], end: &str) -> Vec<u8> {
    if is_plain(bytes) {
        return [b"printf '%s' ".as_slice(), &word(bytes), b" ", end.as_bytes(), b"\n"].concat();
    }
    bytes
        .chunks(PIECE)
        .flat_map(|piece| format!("printf '{}' {end}\n", octal(piece)).into_bytes())
        .collect()
}

/// Whether all shells read these bytes alike in single quotes: UTF-8 without control characters but tab and newline.
fn is_plain(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_ok_and(|text| {
        text.bytes()
            .all(|byte| byte == b'\n' || byte == b'\t' || (byte >= b' ' && byte != 0x7f))
    })
}

/// A format for printf(1) that prints these bytes; without quotes, blanks or anything a journal line could not hold, and not
/// with the look of an option.
#[must_use]
pub(super) fn octal(bytes: &[u8]) -> String {
    let mut format = String::with_capacity(bytes.len() * 2);
    for &byte in bytes {
        let is_option = byte == b'-' && format.is_empty();
        if !is_option && (byte.is_ascii_alphanumeric() || b"/._-+=:,@".contains(&byte)) {
            format.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(format, "\\{byte:03o}");
        }
    }
    format
}

#[cfg(test)]
mod tests {
    use super::octal;

    #[test]
    fn a_format_is_never_taken_for_an_option() {
        for (bytes, format) in [
            (b"-".as_slice(), "\\055"),
            (b"-----BEGIN\r\n", "\\055----BEGIN\\015\\012"),
            (b"a-b", "a-b"),
        ] {
            assert_eq!(octal(bytes), format);
        }
    }
}
