//! The gallery: the templates that an agent matches faces against, sealed to that one device.
//!
//! Sealed with XChaCha20-Poly1305 under the device's gallery key, in transit and on the device's disk.
//! Layout: `"HGAL1"`, 24 bytes of nonce, ciphertext with tag. The device's name is authenticated with it,
//! so a gallery sealed for one device cannot be given to another. Names of people are not part of it:
//! a device knows employees by id.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chacha20poly1305::aead::{Aead, AeadCore, KeyInit, OsRng, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

use crate::id::EmployeeId;

const MAGIC: &[u8; 5] = b"HGAL1";
const NONCE_LEN: usize = 24;

/// The templates of everybody who may appear at one agent's areas.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Gallery {
    /// Grows with every change of the site's templates.
    pub version: u64,
    /// The embedding model's id; templates of another model never match.
    pub model: String,
    /// In order of employee id.
    pub people: Vec<GalleryEntry>,
    /// The badges of everybody who may appear there; their owners need no template.
    #[serde(default)]
    pub badges: Vec<Badge>,
}

/// Somebody's badge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Badge {
    /// Whose.
    pub employee: EmployeeId,
    /// Its number, as its QR code or its chip says it.
    pub code: String,
}

/// One person of a gallery.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GalleryEntry {
    /// Who.
    pub employee: EmployeeId,
    /// Their templates, one for each enrolled photo.
    pub templates: Vec<Template>,
}

/// One enrolled face: an embedding of unit length, little-endian `f32` as base64 in JSON.
#[derive(Clone, Debug, PartialEq)]
pub struct Template(pub Vec<f32>);

impl Template {
    /// The embedding as it is stored: little-endian `f32`.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.0.iter().flat_map(|x| x.to_le_bytes()).collect()
    }

    /// Reads what [`Self::to_bytes`] wrote; `None` if the length is no multiple of four or a number is not
    /// finite.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (chunks, rest) = bytes.as_chunks::<4>();
        let values: Vec<f32> = chunks.iter().map(|c| f32::from_le_bytes(*c)).collect();
        (rest.is_empty() && values.iter().all(|x| x.is_finite())).then_some(Self(values))
    }
}

impl Serialize for Template {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&STANDARD.encode(self.to_bytes()))
    }
}

impl<'de> Deserialize<'de> for Template {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        let bytes = STANDARD
            .decode(text)
            .map_err(|_| D::Error::custom("a template is not base64"))?;
        Self::from_bytes(&bytes).ok_or_else(|| D::Error::custom("a template is damaged"))
    }
}

/// Why a sealed gallery could not be opened, or not sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// Not a sealed gallery, or cut short.
    #[error("this is not a sealed gallery")]
    Format,
    /// Another device's gallery, another key, or changed on the way.
    #[error("the gallery was sealed for another device or was changed")]
    Authentication,
    /// The gallery inside cannot be read.
    #[error("the gallery inside the seal cannot be read; agent and aggregator may be of different versions")]
    Content,
}

/// Seals a gallery for the device `user_name` (see [`crate::topic::user_name`]).
///
/// # Errors
/// [`SealError::Content`] when the gallery cannot be serialised or encrypted, which no gallery of finite
/// templates causes.
pub fn seal(gallery: &Gallery, user_name: &str, key: &[u8; 32]) -> Result<Vec<u8>, SealError> {
    let plain = zeroize::Zeroizing::new(serde_json::to_vec(gallery).map_err(|_| SealError::Content)?);
    let nonce = XChaCha20Poly1305::generate_nonce(&mut OsRng);
    let cipher = XChaCha20Poly1305::new(key.into());
    let sealed = cipher
        .encrypt(
            &nonce,
            Payload {
                msg: &plain,
                aad: user_name.as_bytes(),
            },
        )
        .map_err(|_| SealError::Content)?;
    Ok([MAGIC.as_slice(), nonce.as_slice(), &sealed].concat())
}

/// Opens what [`seal`] made.
///
/// # Errors
/// See [`SealError`].
pub fn open(sealed: &[u8], user_name: &str, key: &[u8; 32]) -> Result<Gallery, SealError> {
    let rest = sealed.strip_prefix(MAGIC).ok_or(SealError::Format)?;
    let (nonce, ciphertext) = rest.split_at_checked(NONCE_LEN).ok_or(SealError::Format)?;
    let cipher = XChaCha20Poly1305::new(key.into());
    let plain = cipher
        .decrypt(
            XNonce::from_slice(nonce),
            Payload {
                msg: ciphertext,
                aad: user_name.as_bytes(),
            },
        )
        .map_err(|_| SealError::Authentication)?;
    let plain = zeroize::Zeroizing::new(plain);
    serde_json::from_slice(&plain).map_err(|_| SealError::Content)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gallery() -> Gallery {
        let templates = vec![Template(vec![0.6, -0.8]), Template(vec![1.0, 0.0])];
        Gallery {
            version: 3,
            model: "sface-2021dec".into(),
            people: vec![GalleryEntry {
                employee: EmployeeId::new("EMP001").expect("id"),
                templates,
            }],
            badges: vec![Badge {
                employee: EmployeeId::new("EMP001").expect("id"),
                code: "7341".into(),
            }],
        }
    }

    #[test]
    fn opens_only_for_its_device_and_unchanged() {
        let key = [7; 32];
        let sealed = seal(&gallery(), "cikarang.gate-1", &key).expect("seals");
        assert_eq!(open(&sealed, "cikarang.gate-1", &key), Ok(gallery()));
        assert_eq!(
            open(&sealed, "cikarang.gate-2", &key),
            Err(SealError::Authentication)
        );
        assert_eq!(
            open(&sealed, "cikarang.gate-1", &[8; 32]),
            Err(SealError::Authentication)
        );
        for cut in [0, 4, 5, 28] {
            assert_eq!(
                open(&sealed[..cut], "cikarang.gate-1", &key),
                Err(SealError::Format)
            );
        }
        for i in [29, sealed.len() - 1] {
            let mut changed = sealed.clone();
            changed[i] ^= 1;
            assert_eq!(
                open(&changed, "cikarang.gate-1", &key),
                Err(SealError::Authentication)
            );
        }
    }

    #[test]
    fn no_employee_id_can_be_read_in_the_seal() {
        let sealed = seal(&gallery(), "a.b", &[1; 32]).expect("seals");
        assert!(!sealed.windows(6).any(|w| w == b"EMP001"));
    }

    #[test]
    fn damaged_templates_are_refused() {
        assert!(Template::from_bytes(&[0; 5]).is_none());
        assert!(Template::from_bytes(&f32::NAN.to_le_bytes()).is_none());
        assert!(serde_json::from_str::<Template>("\"AAAA\"").is_err());
    }
}
