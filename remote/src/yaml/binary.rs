//! Base64 as YAML's `!!binary` and cloud-init's `encoding: b64` have it: broken into lines anywhere.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{GeneralPurpose, GeneralPurposeConfig};

/// RFC 4648 section 4 with padding; the unused bits of the last character may be anything, as in Python and coreutils.
const ENGINE: GeneralPurpose = GeneralPurpose::new(&STANDARD, GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true));

/// Decodes base64, ignoring ASCII white space. Nothing if it is not base64 or its padding is wrong (which is how a cut text shows).
pub(crate) fn decode(text: &[u8]) -> Option<Vec<u8>> {
    let compact: Vec<u8> = text.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
    ENGINE.decode(compact).ok()
}
