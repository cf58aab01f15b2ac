//! What is known of each model: the labels of its file. The model cards in `weights/` say more.

use sha2::{Digest as _, Sha256};

/// The labels of a model.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct ModelInfo {
    /// Stored with every template; templates of another model never match.
    pub id: &'static str,
    /// Its name.
    pub name: &'static str,
    /// The publisher's version.
    pub version: &'static str,
    /// sha256 of the weights, in hexadecimal.
    pub sha256: &'static str,
    /// SPDX identifier of its licence.
    pub licence: &'static str,
    /// What it takes.
    pub input: &'static str,
    /// Length of an embedding; 0 for a detector.
    pub embedding_len: usize,
    /// The published threshold: of the score for a detector, of the cosine for an embedder.
    pub threshold: f32,
}

/// YuNet, which finds faces.
pub const DETECTOR: ModelInfo = ModelInfo {
    id: "yunet-2023mar",
    name: "YuNet",
    version: "2023mar",
    sha256: "92db6cc68a8d0afc25eef6d5c736c525ea4a89fe71b3036394f44baddbf6c53e",
    licence: "MIT",
    input: "RGB of any size, 0 to 255",
    embedding_len: 0,
    threshold: 0.6,
};

/// SFace, which makes embeddings.
pub const EMBEDDER: ModelInfo = ModelInfo {
    id: "sface-2021dec",
    name: "SFace",
    version: "2021dec",
    sha256: "abe5907e28764928d3c8d7a0687288b570fd97d899b8b89dbc33eeb9a071d435",
    licence: "Apache-2.0",
    input: "RGB, an aligned face of 112x112 pixels, 0 to 255",
    embedding_len: 128,
    threshold: 0.363,
};

/// NanoDet-g, which finds people.
pub const PERSON_DETECTOR: ModelInfo = ModelInfo {
    id: "nanodet-g-person",
    name: "NanoDet-g",
    version: "person",
    sha256: "7e510dc4620791da34482954ff735a4e28e3f3cdc5510b732401658c5358832a",
    licence: "Apache-2.0",
    input: "RGB of any size, 0 to 255",
    embedding_len: 0,
    threshold: 0.4,
};

impl ModelInfo {
    /// sha256 of the weights as they are in this program, which must be that of the label.
    pub fn weights_sha256(&self) -> String {
        let weights = match self.id {
            id if id == DETECTOR.id => DETECTOR_WEIGHTS,
            id if id == PERSON_DETECTOR.id => PERSON_DETECTOR_WEIGHTS,
            _ => EMBEDDER_WEIGHTS,
        };
        Sha256::digest(weights)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }
}

pub(crate) const DETECTOR_WEIGHTS: &[u8] = include_bytes!("../weights/yunet-2023mar.safetensors");
pub(crate) const EMBEDDER_WEIGHTS: &[u8] = include_bytes!("../weights/sface-2021dec.safetensors");
pub(crate) const PERSON_DETECTOR_WEIGHTS: &[u8] = include_bytes!("../weights/nanodet-g-person.safetensors");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_compiled_in_weights_are_the_labelled_ones() {
        for info in [DETECTOR, EMBEDDER, PERSON_DETECTOR] {
            assert_eq!(info.weights_sha256(), info.sha256, "{}", info.id);
        }
    }
}
