//! Random secrets: device passwords, tokens and gallery keys.
//!
//! They are 256 random bits each, so a plain SHA-256 of one may be stored without stretching.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

/// 256 random bits from the operating system.
///
/// # Errors
/// When the operating system has no randomness to give.
pub fn random() -> Result<Zeroizing<[u8; 32]>, getrandom::Error> {
    let mut bytes = Zeroizing::new([0; 32]);
    getrandom::fill(bytes.as_mut())?;
    Ok(bytes)
}

/// As it stands in a configuration file: URL-safe base64 without padding, 43 characters.
pub fn encode(bytes: &[u8; 32]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Reads what [`encode`] wrote; `None` if it is anything else.
pub fn decode(text: &str) -> Option<Zeroizing<[u8; 32]>> {
    let bytes = Zeroizing::new(URL_SAFE_NO_PAD.decode(text.trim()).ok()?);
    Some(Zeroizing::new(<[u8; 32]>::try_from(bytes.as_slice()).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comes_back_and_differs() {
        let (a, b) = (random().expect("randomness"), random().expect("randomness"));
        assert_ne!(a, b);
        assert_eq!(decode(&encode(&a)).expect("valid"), a);
        assert!(decode("short").is_none() && decode("").is_none());
    }
}
