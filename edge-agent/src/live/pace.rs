//! How large and how often the frames of a live view are, so that they fit through the link. Pure.
//!
//! A frame that takes longer to be sent than the time until the next one shows that the link is too slow; after a while
//! without such frames more is tried again. First the quality gives way, then the size, then the rate.

use std::time::Duration;

/// What frames look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Level {
    /// The widest picture.
    pub(super) width: u32,
    /// JPEG quality.
    pub(super) quality: u8,
    /// From one frame to the next, at least.
    pub(super) interval: Duration,
}

/// From the best to the least that is of use.
const LEVELS: [Level; 6] = [
    level(960, 75, 80),
    level(960, 55, 80),
    level(640, 55, 100),
    level(640, 40, 200),
    level(480, 40, 330),
    level(320, 35, 1000),
];

/// After so many frames that were no trouble, more is tried; after each try that failed, twice as many are waited for.
const CALM: u32 = 50;
const LONGEST_CALM: u32 = 1600;
/// A frame is no trouble when sending it took at most this part of the interval.
const EASY: f64 = 0.5;

const fn level(width: u32, quality: u8, milliseconds: u64) -> Level {
    Level {
        width,
        quality,
        interval: Duration::from_millis(milliseconds),
    }
}

/// The level that the link bears.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pacer {
    level: usize,
    easy: u32,
    calm: u32,
    /// The level was just raised.
    trying: bool,
}

impl Default for Pacer {
    fn default() -> Self {
        Self {
            level: 0,
            easy: 0,
            calm: CALM,
            trying: false,
        }
    }
}

impl Pacer {
    /// What the next frame looks like.
    pub(super) fn level(&self) -> Level {
        LEVELS[self.level]
    }

    /// A frame took so long to be sent.
    pub(super) fn sent(&mut self, took: Duration) {
        let interval = self.level().interval;
        if took > interval {
            if self.trying {
                self.calm = (2 * self.calm).min(LONGEST_CALM);
            }
            self.easy = 0;
            self.trying = false;
            self.level = (self.level + 1).min(LEVELS.len() - 1);
        } else if took.as_secs_f64() <= EASY * interval.as_secs_f64() {
            self.easy += 1;
            if self.easy >= self.calm && self.level > 0 {
                if self.trying {
                    // The last try has held.
                    self.calm = (self.calm / 2).max(CALM);
                }
                self.easy = 0;
                self.trying = true;
                self.level -= 1;
            }
        } else {
            self.easy = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A link that takes so many bytes a second; a frame has about this many at a level.
    fn run(pacer: &mut Pacer, bytes_a_second: f64, frames: u32) -> Vec<usize> {
        let mut levels = Vec::new();
        for _ in 0..frames {
            let Level { width, quality, .. } = pacer.level();
            let bytes = f64::from(width).powi(2) * 0.56 * f64::from(quality) / 400.0;
            pacer.sent(Duration::from_secs_f64(bytes / bytes_a_second));
            levels.push(pacer.level);
        }
        levels
    }

    #[test]
    fn a_good_link_keeps_the_best() {
        assert!(
            run(&mut Pacer::default(), 10e6, 500)
                .iter()
                .all(|level| *level == 0)
        );
    }

    #[test]
    fn a_slow_link_gets_less_and_a_better_one_more_again() {
        let mut pacer = Pacer::default();
        let levels = run(&mut pacer, 100e3, 300);
        assert!(levels[20..].iter().all(|level| *level >= 2), "{levels:?}");
        let levels = run(&mut pacer, 10e6, 1000);
        assert_eq!(levels.last(), Some(&0), "{levels:?}");
    }

    #[test]
    fn a_level_that_fails_again_and_again_is_tried_less_and_less() {
        let mut pacer = Pacer::default();
        let levels = run(&mut pacer, 300e3, 4000);
        let changes = levels.windows(2).filter(|pair| pair[0] != pair[1]).count();
        assert!(changes < 40, "{changes}");
    }

    #[test]
    fn the_least_is_the_end() {
        let mut pacer = Pacer::default();
        for _ in 0..100 {
            pacer.sent(Duration::from_secs(9));
        }
        assert_eq!(pacer.level(), LEVELS[5]);
    }
}
