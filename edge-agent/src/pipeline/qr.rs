//! Finding and reading QR codes in a picture.

/// Whether a camera reads badges.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum BadgeReading {
    /// It does not, which saves some time.
    #[default]
    No,
    /// It looks for QR codes.
    Qr,
}

/// No code is longer; the aggregator takes no longer one.
const LONGEST: usize = 64;
/// What stands before the badge's own number in the codes that Hadir prints.
const PREFIX: &str = "hadir:";
/// The smallest code has so many modules on a side.
const SMALLEST: usize = 21;

/// The badges' numbers in a picture of this size (width, height) and these grey levels, each with the middle of its
/// code.
pub(crate) fn read(size: (usize, usize), grey: impl FnMut(usize, usize) -> u8) -> Vec<(String, [f32; 2])> {
    let (width, height) = size;
    if width < SMALLEST || height < SMALLEST {
        return Vec::new();
    }
    // The library is given whatever a camera sees; if it should fail on something, that is no reason to stop.
    let found = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let mut image = rqrr::PreparedImage::prepare_from_greyscale(width, height, grey);
        let grids = image.detect_grids();
        let codes = grids.into_iter().filter_map(|grid| {
            let corners = grid.bounds;
            let (_, text) = grid.decode().ok()?;
            let middle = |of: fn(&rqrr::Point) -> i32| {
                corners.iter().map(|corner| of(corner) as f32).sum::<f32>() / 4.0
            };
            let text = text.trim();
            let code = text.strip_prefix(PREFIX).unwrap_or(text);
            let fits = !code.is_empty() && code.len() <= LONGEST;
            fits.then(|| (code.to_owned(), [middle(|p| p.x), middle(|p| p.y)]))
        });
        codes.collect()
    }));
    found.unwrap_or_else(|_| {
        tracing::debug!("a picture could not be searched for badges");
        Vec::new()
    })
}
