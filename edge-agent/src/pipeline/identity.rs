//! Who a track is: a vote over its views, weighted by their quality.
//!
//! A track keeps its best views. A person's standing is the weighted mean, over those views, of the cosine to
//! the most alike of the person's templates. A name is given when the standing is high, clearly above everybody
//! else's, and carried by several views; it is kept with less, and dropped when fresh good views contradict it.
//! Averaging over the views that are best by *quality* (never by score) keeps a stranger's lucky frame from
//! counting for more than it is worth.
//!
//! The thresholds rest on these measurements (six clips of 3 to 5 s, faces of 48 to 75 px; 44 galleries of 1, 3 or
//! 10 frames of two people, in profile and from the front; SFace on upright crops): standings of the right person
//! 0.49 to 0.81, of a wrong one at most 0.27; among 384 strangers of LFW at once at most 0.32. Pure: time comes in.

use std::cmp::Ordering;
use std::collections::VecDeque;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use hadir_models::detect::Face;
use hadir_models::embed::Embedding;
use hadir_models::{matching, model, quality};
use hadir_shared::sighting::Basis;

use super::people::{self, People, PersonId};
use super::schedule::TrackState;
use super::tracker::{Doubt, Track, TrackId};

/// Views that a track's standing rests on.
const BEST_VIEWS: usize = 8;
/// Latest views, which may contradict.
const RECENT_VIEWS: usize = 3;
/// Standing from which a name is given.
pub(crate) const NAME_AT: f32 = 0.43;
/// What it has to be above the second.
pub(crate) const MARGIN: f32 = 0.08;
/// Views needed, and fewer where standing and margin leave no doubt.
const VIEWS: usize = 3;
const SURE_VIEWS: usize = 2;
const SURE_AT: f32 = 0.55;
const SURE_MARGIN: f32 = 0.2;
/// Two enrolled people this much alike are told apart as usual; by what they are more, their thresholds rise.
const ALIKE_FROM: f32 = 0.38;
/// A given name is kept down to these.
const KEEP_AT: f32 = 0.36;
const KEEP_MARGIN: f32 = 0.04;
/// A fresh good view below this contradicts; above the other it confirms.
const CONTRADICTS_BELOW: f32 = 0.2;
const CONFIRMS_FROM: f32 = 0.3;
/// Contradicting views that take a name away.
const CONTRADICTIONS: usize = 2;
/// From so many views on, none of whose standings is above this, a track is most likely nobody; unless the face has
/// become so many times as wide. (Standings of strangers were 0.0 to 0.2 then, of those who were named 0.45 and more.)
const STRANGE_VIEWS: usize = 3;
const STRANGE_BELOW: f32 = 0.25;
const NEARER: f32 = 1.25;
/// Or is turned by so much otherwise than in every view, in degrees: more than the estimate is off.
const TURNED_ANEW: f32 = 15.0;
/// A fresh view that is like somebody is followed by others soon, however many came before: as after so many.
const PROMISING_ATTEMPTS: u32 = 3;
/// Two tracks with mean views this alike are the same face.
const SAME_FACE: f32 = 0.55;
/// And a track whose mean view is this much like how somebody looked to another camera just now is theirs, by so much more
/// than anybody else's who is expected; who has the name keeps it with a little less.
const EXPECTED_FACE: f32 = SAME_FACE;
const EXPECTED_KEPT: f32 = 0.48;
/// How much stronger a challenger must be to take a name from another track.
const HOLDER_BONUS: f32 = 0.05;

/// One embedded view of a face.
#[derive(Clone, Debug)]
pub(crate) struct View {
    /// What it is compared by.
    pub(crate) embedding: Embedding,
    /// Its weight in the vote: above 0, at most 1.
    pub(crate) weight: f32,
}

#[derive(Clone, Debug)]
struct Scored {
    view: View,
    /// For each person, in the order of [`People`].
    scores: Vec<f32>,
}

impl Scored {
    /// Whether it is more like this person than like anybody else, and as much as the model takes for the same.
    fn is_like(&self, place: usize) -> bool {
        let own = self.scores[place];
        own >= model::EMBEDDER.threshold && own > best_but(&self.scores, place)
    }

    fn like_somebody(&self) -> bool {
        let first = self.scores.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1));
        first.is_some_and(|(place, _)| self.is_like(place))
    }
}

/// A name that a track has.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Identity {
    /// Who.
    pub(crate) person: PersonId,
    /// Their standing: a weighted mean cosine.
    pub(crate) standing: f32,
}

impl Identity {
    /// How sure it is, 0 to 1: even odds half-way between the highest standing of a wrong person and the lowest
    /// of the right one, as measured.
    pub(crate) fn confidence(&self) -> f32 {
        1.0 / (1.0 + (-25.0 * (self.standing - 0.36)).exp())
    }
}

/// What a fresh view says about the views before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Checked {
    /// It is the same face.
    Confirmed,
    /// It says nothing.
    Open,
    /// It may be another face: look again at once.
    Suspicious,
    /// It is another face. What was known before is forgotten.
    Another,
}

/// How somebody looks now, to a camera that knows them by their enrolled faces.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    /// Who.
    pub(crate) person: PersonId,
    /// The weighted mean of their views.
    pub(crate) mean: Embedding,
}

/// Why a track has no name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Unnamed {
    /// Not enough usable views yet.
    TooFewViews,
    /// Like nobody in the gallery.
    NotInGallery,
    /// Like two people.
    ThinMargin,
    /// Another track is this person with better reason.
    SeenElsewhere,
}

/// That the person whose name a track has was there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Asserted {
    /// When.
    pub(crate) at: DateTime<Utc>,
    /// By what.
    pub(crate) basis: Basis,
    /// When their face was last seen with this name.
    pub(crate) verified_at: DateTime<Utc>,
}

/// Everything known about who one track is.
#[derive(Clone, Debug, Default)]
pub(crate) struct Evidence {
    best: Vec<Scored>,
    recent: VecDeque<Scored>,
    identity: Option<Identity>,
    /// Whom other cameras saw just now.
    expected: Arc<[Known]>,
    /// The name rests on that.
    was_expected: bool,
    why_not: Option<Unnamed>,
    /// When a view was last tried.
    pub(crate) last_view_at: Option<DateTime<Utc>>,
    /// How often a view was tried.
    pub(crate) attempts: u32,
    /// When the identity was last both held and not in doubt, with the person in the picture.
    pub(crate) asserted: Option<Asserted>,
    /// When a view last said that it is who the name says.
    pub(crate) confirmed_at: Option<DateTime<Utc>>,
    /// The highest standing of anybody, named or not.
    pub(crate) nearest: f32,
    /// What it is above the second.
    pub(crate) margin: f32,
    /// It had a name at some time.
    pub(crate) was_named: bool,
    /// At the last try it was too small.
    pub(crate) too_small: bool,
    /// The last try gave no view.
    pub(crate) unusable: bool,
    /// What was known before a view showed that it is another face: of whom had the name until then.
    before: Option<Box<Evidence>>,
    /// The widest that it was in a view, in pixels.
    widest: f32,
    /// How it was turned in views that differ in that: yaw and pitch in degrees.
    poses: Vec<[f32; 2]>,
}

impl Evidence {
    /// What was known of somebody with a name, before it turned out that this is another face.
    pub(crate) fn take_before(&mut self) -> Option<Evidence> {
        self.before.take().map(|before| *before)
    }

    /// Other cameras saw these people just now. By whom a track was named once goes on to count.
    pub(crate) fn expect(&mut self, expected: &Arc<[Known]>) {
        if !self.was_expected {
            self.expected = expected.clone();
        }
    }

    /// Who it is and how they look, where that is sure by their enrolled faces.
    pub(crate) fn known(&self) -> Option<Known> {
        let sure = !self.was_expected && self.best.len() >= VIEWS;
        let identity = self.identity.as_ref().filter(|_| sure)?;
        Some(Known {
            person: identity.person.clone(),
            mean: self.mean()?,
        })
    }

    /// The name that the track has.
    pub(crate) fn identity(&self) -> Option<&Identity> {
        self.identity.as_ref()
    }

    /// Why it has none.
    pub(crate) fn why_not(&self) -> Unnamed {
        self.why_not.unwrap_or(Unnamed::TooFewViews)
    }

    /// Notes how the face looks of which a view is taken.
    pub(crate) fn looks(&mut self, face: &Face) {
        self.widest = self.widest.max(face.bounds[2]);
        if self.is_turned_anew(face) {
            self.poses.push(quality::turn(face));
        }
    }

    /// Whether the face is turned as in no view before: whoever was like nobody from the side may be known from the
    /// front.
    pub(crate) fn is_turned_anew(&self, face: &Face) -> bool {
        let turn = quality::turn(face);
        self.poses.iter().all(|pose| {
            let mut apart = pose.iter().zip(turn).map(|(a, b)| (a - b).abs());
            apart.any(|apart| apart > TURNED_ANEW)
        })
    }

    /// What decides when the next view of this track, whose evidence it is, is due.
    pub(crate) fn state(&self, track: &Track) -> TrackState {
        // A last view that is like somebody says more than the mean with those before it; and who has perhaps taken
        // this track over is another face than these views show.
        let unlike = self.best.len() >= STRANGE_VIEWS
            && self.nearest < STRANGE_BELOW
            && !self.recent.back().is_some_and(Scored::like_somebody)
            && track.doubt != Doubt::Break;
        let [_, _, width, _] = track.bounds();
        TrackState {
            attempts: self.attempts,
            last_view_at: self.last_view_at,
            named: self.identity.is_some(),
            stranger: unlike && self.identity.is_none() && width < NEARER * self.widest,
            unusable: self.unusable,
            doubt: track.doubt,
        }
    }

    /// Notes that a view was tried.
    pub(crate) fn tried(&mut self, now: DateTime<Utc>) {
        self.last_view_at = Some(now);
        self.attempts += 1;
    }

    /// Takes a view in and judges anew; says whether the face is still the one it was.
    pub(crate) fn add(&mut self, view: View, people: &People, doubt: Doubt, now: DateTime<Utc>) -> Checked {
        self.tried(now);
        (self.too_small, self.unusable) = (false, false);
        let scored = Scored {
            scores: people.scores(&view.embedding),
            view,
        };
        let checked = self.check_against(&scored, people, doubt);
        if checked == Checked::Another {
            let before = std::mem::take(self);
            self.attempts = 1;
            self.last_view_at = Some(now);
            self.before = before.identity.is_some().then(|| Box::new(before));
        }
        if self.recent.len() == RECENT_VIEWS {
            self.recent.pop_front();
        }
        self.recent.push_back(scored.clone());
        let promising = scored.like_somebody();
        self.best.push(scored);
        self.best.sort_by(|a, b| b.view.weight.total_cmp(&a.view.weight));
        self.best.truncate(BEST_VIEWS);
        self.judge(people);
        if checked == Checked::Confirmed && self.identity.is_some() {
            self.confirmed_at = Some(now);
        }
        // Whoever was seen badly for a while, and is seen well now, does not wait for a name.
        if self.identity.is_none() && promising {
            self.attempts = self.attempts.min(PROMISING_ATTEMPTS);
        }
        checked
    }

    /// The gallery changed: whoever is not in it any more loses the name at once, and everything is judged anew.
    pub(crate) fn regallery(&mut self, people: &People) {
        for scored in self.best.iter_mut().chain(&mut self.recent) {
            scored.scores = people.scores(&scored.view.embedding);
        }
        self.expected = registered(&self.expected, people);
        self.judge(people);
    }

    /// Takes over what another track of the same face knew.
    pub(crate) fn absorb(&mut self, other: Evidence, people: &People) {
        self.best.extend(other.best);
        self.best.sort_by(|a, b| b.view.weight.total_cmp(&a.view.weight));
        self.best.truncate(BEST_VIEWS);
        self.identity = self.identity.take().or(other.identity);
        self.was_named |= other.was_named;
        if other.was_expected {
            (self.expected, self.was_expected) = (other.expected, true);
        }
        self.attempts += other.attempts;
        self.asserted = [self.asserted, other.asserted]
            .into_iter()
            .flatten()
            .max_by_key(|asserted| asserted.at);
        self.judge(people);
    }

    /// Gives the name up, because the face was not seen for too long.
    pub(crate) fn expire(&mut self) {
        *self = Self {
            was_named: true,
            attempts: 1,
            last_view_at: self.last_view_at,
            ..Self::default()
        };
    }

    /// Gives the name up, because another track has it with better reason.
    pub(crate) fn yield_name(&mut self) {
        self.identity = None;
        self.why_not = Some(Unnamed::SeenElsewhere);
    }

    /// Whether both are views of the same face; needs two views on each side.
    pub(crate) fn same_face(&self, other: &Evidence) -> bool {
        match (self.mean(), other.mean()) {
            (Some(a), Some(b)) => matching::cosine(&a, &b) >= SAME_FACE,
            _ => false,
        }
    }

    fn mean(&self) -> Option<Embedding> {
        if self.best.len() < 2 {
            return None;
        }
        people::mean(
            self.best
                .iter()
                .map(|scored| (&scored.view.embedding, scored.view.weight)),
        )
    }

    /// Compares a fresh view with what is known: with the name, or where there is none with the views before.
    fn check_against(&self, fresh: &Scored, people: &People, doubt: Doubt) -> Checked {
        let half = 0.5 * self.mean_weight();
        let good = |scored: &Scored| scored.view.weight >= half;
        let held = self
            .identity
            .as_ref()
            .and_then(|identity| people.place(&identity.person));
        let Some(place) = held else {
            // Nothing is claimed that could be wrong. But after a break the old views may be another face's.
            return match doubt == Doubt::Break && !self.best.is_empty() && !self.resembles(fresh) {
                true if good(fresh) => Checked::Another,
                true => Checked::Open,
                false => Checked::Confirmed,
            };
        };
        // In doubt, somebody else need not be ahead by as much.
        let lead = match doubt {
            Doubt::None => 2.0 * MARGIN,
            Doubt::Crossing | Doubt::Break => MARGIN,
        };
        let own_and_other = |scored: &Scored| {
            let own = scored.scores.get(place).copied().unwrap_or(-1.0);
            let own = own.max(self.as_expected(scored, people.id(place)));
            (own, best_but(&scored.scores, place))
        };
        let contradicts = |scored: &Scored| {
            let (own, other) = own_and_other(scored);
            own < CONTRADICTS_BELOW || (other >= NAME_AT && other > own + lead)
        };
        if !contradicts(fresh) {
            let (own, other) = own_and_other(fresh);
            return if own >= CONFIRMS_FROM && own >= other {
                Checked::Confirmed
            } else {
                Checked::Open
            };
        }
        let before =
            |count: &dyn Fn(&Scored) -> bool| self.recent.iter().rev().take_while(|s| count(s)).count();
        let good_ones = before(&|s| good(s) && contradicts(s));
        let any = before(&contradicts);
        match (doubt, good(fresh)) {
            (Doubt::Crossing | Doubt::Break, true) => Checked::Another,
            (Doubt::None, true) if good_ones + 1 >= CONTRADICTIONS => Checked::Another,
            (Doubt::None, true) => Checked::Suspicious,
            // In doubt even poor views are believed when they agree.
            (Doubt::Crossing | Doubt::Break, false) if any + 1 >= RECENT_VIEWS => Checked::Another,
            _ => Checked::Open,
        }
    }

    /// How much a view is like how this person looked to another camera, if the name rests on that; -1 if not.
    fn as_expected(&self, scored: &Scored, person: &PersonId) -> f32 {
        let theirs = self.expected.iter().filter(|known| known.person == *person);
        let theirs = theirs.filter(|_| self.was_expected);
        theirs
            .map(|known| matching::cosine(&scored.view.embedding, &known.mean))
            .fold(-1.0, f32::max)
    }

    /// Whether a view is like the best views so far.
    fn resembles(&self, fresh: &Scored) -> bool {
        let alike = |s: &Scored| matching::cosine(&s.view.embedding, &fresh.view.embedding);
        self.best.iter().map(alike).fold(-1.0, f32::max) >= CONFIRMS_FROM
    }

    fn mean_weight(&self) -> f32 {
        let sum: f32 = self.best.iter().map(|s| s.view.weight).sum();
        sum / self.best.len().max(1) as f32
    }

    /// The person whose face this is by how it looked to another camera just now, where the gallery says of nobody more, and
    /// their standing.
    fn expected_among(
        &self,
        standings: &[f32],
        first: Option<usize>,
        people: &People,
    ) -> Option<(usize, f32)> {
        if self.expected.is_empty() {
            return None;
        }
        let mean = self.mean()?;
        let mut likeness: Vec<(f32, &PersonId)> = self
            .expected
            .iter()
            .map(|known| (matching::cosine(&mean, &known.mean), &known.person))
            .collect();
        likeness.sort_by(|a, b| b.0.total_cmp(&a.0));
        let (most, person) = *likeness.first()?;
        let second = likeness.iter().find(|(_, other)| *other != person);
        let held = self.was_expected && self.identity.as_ref().is_some_and(|held| held.person == *person);
        let enough = if held { EXPECTED_KEPT } else { EXPECTED_FACE };
        let place = people.place(person).filter(|place| first == Some(*place))?;
        let alone = second.is_none_or(|(other, _)| most - other >= MARGIN);
        let by_gallery = held || standings[place] >= STRANGE_BELOW && self.margin >= KEEP_MARGIN;
        (most >= enough + rise(people, place) && alone && by_gallery).then(|| (place, standings[place]))
    }

    fn judge(&mut self, people: &People) {
        let held = self
            .identity
            .as_ref()
            .and_then(|identity| people.place(&identity.person));
        let standings = standings(&self.best, people.len());
        self.nearest = standings.iter().copied().fold(0.0, f32::max);
        let first = standings.iter().position(|standing| *standing == self.nearest);
        self.margin = first.map_or(0.0, |first| self.nearest - best_but(&standings, first));
        // What rests on another camera has yet to be earned by the enrolled pictures.
        let earned = held.filter(|_| !self.was_expected);
        let by_gallery = verdict(&self.best, &standings, earned, people);
        let verdict = match by_gallery {
            Ok(_) | Err(Unnamed::ThinMargin | Unnamed::SeenElsewhere) => by_gallery,
            Err(why) => self.expected_among(&standings, first, people).ok_or(why),
        };
        self.was_expected = by_gallery.is_err() && verdict.is_ok();
        match verdict {
            Ok((place, standing)) => {
                self.identity = Some(Identity {
                    person: people.id(place).clone(),
                    standing,
                });
                self.why_not = None;
                self.was_named = true;
            }
            Err(why) => {
                self.identity = None;
                self.why_not = Some(why);
            }
        }
    }
}

/// Those of them who are in the gallery.
pub(crate) fn registered(known: &Arc<[Known]>, people: &People) -> Arc<[Known]> {
    let is_in = |known: &&Known| people.place(&known.person).is_some();
    match known.iter().all(|known| is_in(&known)) {
        true => known.clone(),
        false => known.iter().filter(is_in).cloned().collect(),
    }
}

/// Each person's weighted mean score over the views.
fn standings(views: &[Scored], people: usize) -> Vec<f32> {
    let total: f32 = views.iter().map(|s| s.view.weight).sum();
    let standing = |p: usize| views.iter().map(|s| s.view.weight * s.scores[p]).sum::<f32>() / total;
    (0..people).map(standing).collect()
}

/// The person whom these views and standings name, and their standing. `held`: who has the name already.
fn verdict(
    views: &[Scored],
    standings: &[f32],
    held: Option<usize>,
    people: &People,
) -> Result<(usize, f32), Unnamed> {
    if views.len() < SURE_VIEWS {
        return Err(Unnamed::TooFewViews);
    }
    let Some((first, &best)) = standings.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1)) else {
        return Err(Unnamed::NotInGallery);
    };
    let margin = best - best_but(standings, first);
    let rise = rise(people, first);
    if held == Some(first) && best >= KEEP_AT + rise && margin >= KEEP_MARGIN {
        return Ok((first, best));
    }
    let supporting = views.iter().filter(|scored| scored.is_like(first));
    let support = supporting.clone().count();
    // Poor views from before somebody came near need not be outvoted one by one.
    let weight = |scored: &Scored| scored.view.weight;
    let half = views.iter().map(weight).sum::<f32>() / 2.0;
    if best < NAME_AT + rise || supporting.map(weight).sum::<f32>() < half {
        Err(Unnamed::NotInGallery)
    } else if margin < MARGIN {
        Err(Unnamed::ThinMargin)
    } else if support >= VIEWS || (support >= SURE_VIEWS && best >= SURE_AT + rise && margin >= SURE_MARGIN) {
        Ok((first, best))
    } else {
        Err(Unnamed::TooFewViews)
    }
}

/// By how much a person's thresholds are higher than usual, because somebody else is much like them.
pub(crate) fn rise(people: &People, place: usize) -> f32 {
    people
        .look_alike(place)
        .map_or(0.0, |(_, cosine)| (cosine - ALIKE_FROM).max(0.0))
}

/// The highest score of anybody but one; -1 where there is nobody else.
fn best_but(scores: &[f32], but: usize) -> f32 {
    scores
        .iter()
        .enumerate()
        .filter(|(p, _)| *p != but)
        .map(|(_, s)| *s)
        .fold(-1.0, f32::max)
}

/// A track that says that it is somebody.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Claim {
    /// Which track.
    pub(crate) track: TrackId,
    /// Who it says it is.
    pub(crate) person: PersonId,
    /// With what standing.
    pub(crate) standing: f32,
    /// It is in the picture now.
    pub(crate) visible: bool,
    /// It may be another face by now.
    pub(crate) in_doubt: bool,
    /// It had this name in the frame before.
    pub(crate) held: bool,
}

/// The claims that have to be given up, because one person can be on one track of a camera only. A track in the
/// picture goes before one that is lost, one whose face is sure before one in doubt, then the stronger wins, with an
/// advantage for the holder.
pub(crate) fn losers(claims: &[Claim]) -> Vec<TrackId> {
    let strength = |claim: &Claim| claim.standing + if claim.held { HOLDER_BONUS } else { 0.0 };
    let order = |a: &Claim, b: &Claim| -> Ordering {
        let by_strength = || strength(a).total_cmp(&strength(b));
        a.visible
            .cmp(&b.visible)
            .then(b.in_doubt.cmp(&a.in_doubt))
            .then_with(by_strength)
            .then(b.track.cmp(&a.track))
    };
    claims
        .iter()
        .filter(|claim| {
            claims
                .iter()
                .any(|other| other.person == claim.person && order(other, claim).is_gt())
        })
        .map(|claim| claim.track)
        .collect()
}

#[cfg(test)]
#[path = "identity_tests.rs"]
mod tests;
