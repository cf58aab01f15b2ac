//! From linear light to the picture that a camera gives: its tones, and the noise of its sensor.

use super::scene::{self, HEIGHT, Vec3, WIDTH};

/// Steps of the table from linear light to what a screen shows.
const TONES: usize = 8191;
const TONES_PER_UNIT: f32 = 2400.0;

/// Length of the noise that frames are laid over, at a place of each frame's own.
const GRAIN: usize = 2 * 3 * WIDTH * HEIGHT + 7;

/// What frames are exposed on. The same noise in every run.
pub struct Film {
    tones: Vec<u8>,
    grain: Vec<i8>,
    random: Xorshift,
}

impl Film {
    /// A new one.
    pub fn new() -> Self {
        Self {
            tones: (0..=TONES)
                .map(|i| scene::develop(i as f32 / TONES_PER_UNIT) as u8)
                .collect(),
            grain: grain(),
            random: Xorshift(0x9E37_79B9_7F4A_7C15),
        }
    }

    /// Makes RGB bytes of a frame of linear light, multiplied by `light`.
    pub fn expose(&mut self, frame: &[Vec3], light: f32, bytes: &mut [u8]) {
        let start = (self.random.next() as usize) % (GRAIN / 2);
        for ((pixel, out), grain) in frame
            .iter()
            .zip(bytes.chunks_exact_mut(3))
            .zip(self.grain[start..].chunks_exact(3))
        {
            // Noise of the sensor: mostly the same in all three channels.
            let shared = i16::from(grain[0]);
            for channel in 0..3 {
                let tone = self.tones[((pixel[channel] * light * TONES_PER_UNIT) as usize).min(TONES)];
                let noise = shared + i16::from(grain[channel]) / 2;
                out[channel] = (i16::from(tone) + noise).clamp(0, 255) as u8;
            }
        }
    }
}

impl Default for Film {
    fn default() -> Self {
        Self::new()
    }
}

/// About normal, with a standard deviation of 3 grey levels.
fn grain() -> Vec<i8> {
    let mut random = Xorshift(0x2545_F491_4F6C_DD1D);
    let mut four = || {
        let bits = random.next();
        // The sum of four even numbers is close enough to normal.
        let sum: i32 = (0..4).map(|i| ((bits >> (16 * i)) & 0xff) as i32 - 128).sum();
        (sum / 49) as i8
    };
    (0..GRAIN).map(|_| four()).collect()
}

struct Xorshift(u64);

impl Xorshift {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}
