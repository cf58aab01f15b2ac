//! Why faces were not used and tracks not named: what a technician looks at.

use std::collections::BTreeMap;

use super::identity::{MARGIN, NAME_AT, Unnamed};
use super::view::{MAX_PITCH, MAX_YAW, MIN_EYE_DISTANCE, MIN_SCORE, MIN_SHARPNESS, ViewError};

/// Why a face was not used, or a track not named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Reason {
    /// A face: too few pixels between the eyes.
    TooSmall,
    /// A face: turned away too far.
    TurnedAway,
    /// A face: no detail left in it.
    Blurred,
    /// A face: perhaps none.
    HardlyAFace,
    /// A track: not enough usable views.
    TooFewViews,
    /// A track: like nobody in the gallery.
    NotInGallery,
    /// A track: like two people.
    ThinMargin,
    /// A track: another one is this person with better reason.
    SeenElsewhere,
    /// A badge that belongs to nobody, or does not any more.
    UnknownBadge,
    /// A badge beside the face of somebody else.
    BadgeConflict,
}

impl Reason {
    /// As it stands in reports.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Reason::TooSmall => "too_small",
            Reason::TurnedAway => "turned_away",
            Reason::Blurred => "blurred",
            Reason::HardlyAFace => "hardly_a_face",
            Reason::TooFewViews => "too_few_views",
            Reason::NotInGallery => "not_in_gallery",
            Reason::ThinMargin => "thin_margin",
            Reason::SeenElsewhere => "seen_elsewhere",
            Reason::UnknownBadge => "unknown_badge",
            Reason::BadgeConflict => "badge_conflict",
        }
    }

    /// What the figure behind it would have to reach; for a turn, what it may not exceed.
    fn limit(self, figure: f32) -> Option<f32> {
        match self {
            Reason::TooSmall => Some(MIN_EYE_DISTANCE),
            // To the side, or up and down.
            Reason::TurnedAway => Some(if figure > MAX_YAW { MAX_YAW } else { MAX_PITCH }),
            Reason::Blurred => Some(MIN_SHARPNESS),
            Reason::HardlyAFace => Some(MIN_SCORE),
            Reason::NotInGallery => Some(NAME_AT),
            Reason::ThinMargin => Some(MARGIN),
            Reason::TooFewViews | Reason::SeenElsewhere | Reason::UnknownBadge | Reason::BadgeConflict => {
                None
            }
        }
    }
}

impl From<Unnamed> for Reason {
    fn from(why: Unnamed) -> Self {
        match why {
            Unnamed::TooFewViews => Reason::TooFewViews,
            Unnamed::NotInGallery => Reason::NotInGallery,
            Unnamed::ThinMargin => Reason::ThinMargin,
            Unnamed::SeenElsewhere => Reason::SeenElsewhere,
        }
    }
}

impl From<ViewError> for Reason {
    fn from(why: ViewError) -> Self {
        match why {
            ViewError::TooSmall(_) => Reason::TooSmall,
            ViewError::TurnedAway(_) => Reason::TurnedAway,
            ViewError::Blurred(_) => Reason::Blurred,
            ViewError::HardlyAFace(_) => Reason::HardlyAFace,
        }
    }
}

/// What one reason turned down.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Rejected {
    /// How often.
    pub(crate) count: u64,
    /// The last figure behind it, and the limit that it missed.
    pub(crate) measured: Option<(f32, f32)>,
}

/// What every reason turned down so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Rejections(BTreeMap<Reason, Rejected>);

impl Rejections {
    /// Something was turned down so many times, with this figure.
    pub(super) fn note(&mut self, reason: Reason, figure: Option<f32>, count: u64) {
        if count == 0 {
            return;
        }
        let rejected = self.0.entry(reason).or_default();
        rejected.count += count;
        rejected.measured = figure
            .and_then(|figure| Some((figure, reason.limit(figure)?)))
            .or(rejected.measured);
    }

    /// By reason.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Reason, Rejected)> {
        self.0.iter().map(|(reason, rejected)| (*reason, *rejected))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_figure_stands_beside_its_limit() {
        let mut rejections = Rejections::default();
        rejections.note(Reason::TooSmall, Some(5.0), 1);
        rejections.note(Reason::TooSmall, Some(6.5), 2);
        rejections.note(Reason::UnknownBadge, None, 0);
        let all: Vec<_> = rejections.iter().collect();
        let measured = Some((6.5, MIN_EYE_DISTANCE));
        assert_eq!(all, [(Reason::TooSmall, Rejected { count: 3, measured })]);
    }
}
