//! What it costs to try a passphrase on a private key.
//!
//! The file of a key says itself how much work that is, up to years of it or gigabytes of memory, and the decoder does as it is told. So
//! this is read first. Nobody who waits for a prompt chooses more than the bounds here.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use pkcs8::EncryptedPrivateKeyInfoRef;
use pkcs8::pkcs5::EncryptionScheme;
use pkcs8::pkcs5::pbes2::Kdf;
use russh::keys::PrivateKey;
use russh::keys::ssh_key;
use zeroize::Zeroizing;

/// Rounds of bcrypt-pbkdf (`ssh-keygen -a`, whose default is 16 or 24): some seconds.
const MOST_ROUNDS: u32 = 1000 / SLOWER;
/// Iterations of PBKDF2 (RFC 8018, section 5.2; openssl's default is 2048): about a second.
const MOST_ITERATIONS: u32 = 2_000_000 / SLOWER;
/// N times r times p of scrypt (RFC 7914, section 2; openssl's default is 2^17), which takes 128 bytes of memory for each: 128 MiB.
const MOST_SCRYPT: u64 = (1 << 20) / SLOWER as u64;
/// How many times slower the instrumented code of a fuzzer is, which is not to wait for keys.
const SLOWER: u32 = if cfg!(feature = "fuzzing") { 30 } else { 1 };

/// What is too much about trying a passphrase on this private key, in lines as in the file.
///
/// # Errors
/// It is not base64. What is in it otherwise is for the decoder to say.
pub(super) fn too_much(pem: &str) -> Result<Option<String>, base64::DecodeError> {
    let is_content = |line: &&str| {
        line.bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte))
    };
    let body: Zeroizing<String> = Zeroizing::new(pem.lines().filter(is_content).collect());
    let body = Zeroizing::new(STANDARD.decode(body.as_bytes())?);
    Ok(of_openssh(&body).or_else(|| of_pkcs8(&body)))
}

fn of_openssh(key: &[u8]) -> Option<String> {
    let key = PrivateKey::from_bytes(key).ok()?;
    let ssh_key::Kdf::Bcrypt { rounds, .. } = key.kdf() else {
        return None;
    };
    (*rounds > MOST_ROUNDS).then(|| format!("{rounds} rounds of key derivation; at most {MOST_ROUNDS}"))
}

fn of_pkcs8(key: &[u8]) -> Option<String> {
    let key = EncryptedPrivateKeyInfoRef::try_from(key).ok()?;
    let EncryptionScheme::Pbes2(parameters) = key.encryption_algorithm else {
        return None;
    };
    if let Kdf::Pbkdf2(pbkdf2) = &parameters.kdf {
        let iterations = pbkdf2.iteration_count;
        return (iterations > MOST_ITERATIONS)
            .then(|| format!("{iterations} iterations of key derivation; at most {MOST_ITERATIONS}"));
    }
    let Kdf::Scrypt(scrypt) = &parameters.kdf else {
        return None;
    };
    let per_step = u64::from(scrypt.block_size) * u64::from(scrypt.parallelization);
    let cost = scrypt.cost_parameter.saturating_mul(per_step);
    (cost > MOST_SCRYPT).then(|| format!("scrypt with a cost of {cost}; at most {MOST_SCRYPT}"))
}
