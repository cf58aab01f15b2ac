//! How large the picture is that the detector sees.

/// The longer side of that picture where nothing else is said, in pixels; larger frames have it larger.
const USUAL: u32 = 640;
/// Faces are to be recognised from 48 pixels on. Of sharp faces from the front the detector finds all that are 20 pixels
/// wide in its picture, of those with 16 pixels 88 %, with 12 pixels 60 % (80 of LFW).
const SHRUNK_AT_MOST: f32 = 48.0 / 20.0;

/// The longer side of the picture that the detector sees.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum DetectWidth {
    /// As large as faces of 48 pixels need: 640 pixels, and 800 for a frame of 1920.
    #[default]
    Fitting,
    /// So many pixels.
    Fixed(u32),
}

impl DetectWidth {
    /// In pixels, for a frame of this width and height.
    pub(crate) fn of(self, (width, height): (u32, u32)) -> u32 {
        match self {
            Self::Fixed(pixels) => pixels,
            Self::Fitting => USUAL.max((width.max(height) as f32 / SHRUNK_AT_MOST).round() as u32),
        }
    }
}

impl From<Option<u32>> for DetectWidth {
    fn from(pixels: Option<u32>) -> Self {
        pixels.map_or(Self::Fitting, Self::Fixed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_frames_are_seen_larger() {
        for (frame, expected) in [
            ((640, 360), 640),
            ((480, 270), 640),
            ((1280, 720), 640),
            ((1920, 1080), 800),
            ((1080, 1920), 800),
            ((0, 0), 640),
        ] {
            assert_eq!(DetectWidth::Fitting.of(frame), expected, "{frame:?}");
            assert_eq!(DetectWidth::from(Some(320)).of(frame), 320);
        }
    }
}
