//! Signatures by which a webhook knows that a body is ours.

use crate::secret::Secret;
use ring::hmac;

/// `sha256=` and the HMAC-SHA256 of the body in hexadecimal digits, as GitHub signs its own webhooks.
pub(crate) fn signature(key: &Secret, body: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key.expose().as_bytes());
    let tag = hmac::sign(&key, body.as_bytes());
    tag.as_ref().iter().fold("sha256=".to_owned(), |digits, byte| digits + &format!("{byte:02x}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_what_everybody_else_computes() {
        // RFC 4231, test case 2.
        let signed = signature(&Secret::new("Jefe"), "what do ya want for nothing?");
        assert_eq!(signed, "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    }
}
