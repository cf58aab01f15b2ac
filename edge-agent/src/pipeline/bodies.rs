//! Bodies: which person that was found in this frame is which of the frames before, and whether that is certain.
//!
//! A body is followed like a face, by place and motion, with the look of its torso beside. It carries a name only while it
//! is certain that it is still the same: what crosses another body, jumps, comes back after a gap or is perhaps a thing
//! left behind is in doubt, and says nothing until its torso or, outside of this module, a face settles it. Pure: time
//! and what was found come in.

use chrono::{DateTime, TimeDelta, Utc};
use hadir_models::appearance::Appearance;

use super::kalman::{Agility, BoxFilter};
use super::tracker::{TrackId, centre, intersection, iou, seconds};

/// A body's id, unique for the camera while the agent runs.
pub(super) type BodyId = u64;

/// A body that is found with less is not begun to be followed.
const BEGINS_AT: f32 = 0.4;
/// And not followed further with less than this.
pub(super) const GOES_ON_AT: f32 = 0.25;
/// Found with at least this, it is hardly a thing. (Of headless torsos put on chairs, as jackets hang there, a quarter got
/// 0.4 and more, the highest 0.57; of people 95 % were above 0.42, seated ones all above 0.57.)
pub(super) const STRONG: f32 = 0.55;
/// A body found with less has to have moved within this time, or not to have changed at all since it was strong, or to
/// have its head where it was.
const MOVES_WITHIN: TimeDelta = TimeDelta::seconds(3);
/// Seated and walking people: what may happen to a box within a second squared, in its sizes.
const AGILITY: Agility = Agility {
    centre: 2.0,
    size: 0.7,
};
/// Farthest place of a match, in widths of the body from the predicted one: right away, and more for each second.
/// (A walking person moves by three widths a second.)
const GATE: f32 = 0.6;
const GATE_PER_S: f32 = 3.0;
const GATE_MOST: f32 = 2.5;
/// Farthest place at which somebody comes out again who was out of sight for longer than a gap.
const COMES_OUT_WITHIN: f32 = 6.0;
/// What was found weakly is the body in its place rather than what was found strongly elsewhere, but not by a little.
const WEAK_COSTS: f32 = 0.2;
/// Heights that differ by more are two bodies'. Who sits down or bends loses a third within a second.
const HEIGHTS: std::ops::RangeInclusive<f32> = 0.5..=2.0;
/// A body that was not found again is looked for in every frame this long.
const SOUGHT_FOR: TimeDelta = TimeDelta::milliseconds(1500);
/// A doubt that a torso can settle is mostly settled this soon.
const SETTLES_SOON: TimeDelta = TimeDelta::milliseconds(2000);
/// A longer time without a match than this is a gap.
const GAP: TimeDelta = TimeDelta::milliseconds(1200);
/// Less overlap with the predicted place than this is a jump.
const JUMP_IOU: f32 = 0.15;
/// Two bodies cross whose middles are nearer to each other than this, in their mean width and height.
const CROSSING: f32 = 0.5;
/// Or of which one lies in the other with so much of its area.
const COVERED: f32 = 0.65;
/// A new body of which so much lies in a followed one, or the other way round, may have come out of it.
const SPLIT: f32 = 0.35;
/// A body that moves by less than so many of its widths a second stays where it is.
const SEATED: f32 = 0.2;
/// A body that was found no more often than this was none.
const PHANTOM_HITS: u32 = 3;
/// Nobody who sits or stands is exchanged for somebody who passes within this time.
const PASSES_WITHIN: TimeDelta = TimeDelta::milliseconds(2500);
/// And is where they were, if the boxes overlap so much.
const SAME_PLACE_IOU: f32 = 0.6;
/// What is found with less than [`STRONG`] counts as a person only if something moved there within this time: nobody sits
/// quite still for a minute.
const STIRS_WITHIN: TimeDelta = TimeDelta::seconds(60);
/// A body without a name is remembered this long after it was last found.
const NAMELESS_KEPT: TimeDelta = TimeDelta::seconds(2);
/// Of a body that was in doubt for longer than this nobody says any more who it was, unless a face does.
pub(super) const DOUBT_LASTS: TimeDelta = TimeDelta::minutes(10);
/// A box within this share of the frame's side of its border is at the border.
const BORDER: f32 = 0.02;
/// Torsos this alike are the same person's, where nobody else here looks like it. (Of the same person, a second apart,
/// 99 % are above 0.87; of two people half are below 0.78, but 1 % above 0.94; where somebody was, the background is below
/// 0.72.)
const SAME_TORSO: f32 = 0.88;
/// After a gap a torso has to be this much like it at least.
const LIKE_TORSO: f32 = 0.75;
/// A torso less alike than this to all that is known of it, and to the look before, is another one.
const OTHER_TORSO: f32 = 0.55;
/// A head this much like it was is there still.
const SAME_HEAD: f32 = 0.8;
/// By how much a torso has to be more like itself than like anybody else's.
const TORSO_LEAD: f32 = 0.06;
/// By how much, summed over two bodies, one way to tell them apart has to be better than the other. (The wrong one was
/// never ahead by more than 0.11, also where half of a body was covered.)
const EXCHANGE_LEAD: f32 = 0.12;
/// So many looks in a row have to settle a doubt in the same way.
const AGREEING: u32 = 2;
/// A gap longer than this is not settled by a torso: too many people wear the same.
const TORSO_SETTLES_WITHIN: TimeDelta = TimeDelta::seconds(15);
/// How much of a fresh look's width and height is taken over.
const LEARN_SIZE: f32 = 0.3;
/// Views of a torso or head that are kept: from the front, the back, the sides.
const VIEWS: usize = 4;
/// One less alike than this to the known views is one more.
const NEW_VIEW: f32 = 0.9;
/// Whoever overlaps with others by more than this is not learnt from.
const STANDS_FREE: f32 = 0.2;
/// How much of a fresh look's torso is taken over into the view that it is most like.
const LEARN: f32 = 0.1;

/// A person who was found in a frame.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Seen {
    /// Left, top, width, height in pixels.
    pub(super) bounds: [f32; 4],
    /// How sure the detector is.
    pub(super) score: f32,
    /// How the torso and the head look, where enough of them is in the picture.
    pub(super) torso: Option<Appearance>,
    pub(super) head: Option<Appearance>,
}

/// Why a body is perhaps not who it was.
#[derive(Clone, Debug, PartialEq)]
struct Doubt {
    since: DateTime<Utc>,
    why: Why,
    /// Looks in a row that would settle it in the same way.
    agreeing: u32,
    /// Where the body was when it began.
    before: [f32; 4],
    /// Whether it stayed there then.
    stayed: bool,
    /// When it was last across another one.
    crossed_at: DateTime<Utc>,
    /// The other bodies, one of which it may be, with their torsos.
    others: Vec<(BodyId, Views)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Why {
    /// It crossed others.
    Crossing,
    /// It was not seen for a while, or is elsewhere than expected.
    Break,
    /// Somebody has come out of it: it, or they, may be what was left behind.
    Split,
    /// The whole view changed.
    View,
}

/// A face that belongs to a body.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Owner {
    /// The track that the face has.
    pub(super) track: TrackId,
    /// In so many looks the face was on this body.
    votes: u32,
    /// Where the body was then, seen from the face: left and top in heights of the face, width and height.
    around: [f32; 4],
}

/// In so many looks a face has to be on a body before the body stands in for it.
const VOTES: u32 = 2;

/// How a part of a body looks, from several sides.
#[derive(Clone, Debug, Default, PartialEq)]
struct Views(Vec<Appearance>);

impl Views {
    /// How like it this is, 0 to 1; `None` where one of the two is not known.
    fn likeness(&self, seen: Option<&Appearance>) -> Option<f32> {
        let seen = seen?;
        self.0.iter().map(|view| view.likeness(seen)).reduce(f32::max)
    }

    fn learn(&mut self, seen: &Appearance) {
        let most = self.0.iter_mut().map(|view| (view.likeness(seen), view));
        match most.max_by(|a, b| a.0.total_cmp(&b.0)) {
            Some((likeness, view)) if likeness >= NEW_VIEW => view.blend(seen, LEARN),
            _ => {
                if self.0.len() == VIEWS {
                    self.0.remove(0);
                }
                self.0.push(seen.clone());
            }
        }
    }
}

/// One body followed over the frames.
#[derive(Clone, Debug)]
pub(super) struct Body {
    pub(super) id: BodyId,
    /// Whose it is.
    pub(super) owner: Option<Owner>,
    pub(super) last_at: DateTime<Utc>,
    first_at: DateTime<Utc>,
    /// Bodies that it was over when it was first found, and has not parted from.
    over: Vec<BodyId>,
    filter: BoxFilter,
    /// Its width and height where nothing hides it.
    size: [f32; 2],
    /// Looks at its place since it was last found.
    misses: u32,
    hits: u32,
    doubt: Option<Doubt>,
    torso: Views,
    head: Views,
    /// As they were last seen.
    last_torso: Option<Appearance>,
    last_head: Option<Appearance>,
    /// How much the torso of somebody who was in the picture at the same time is like its own, at most.
    twin: f32,
    /// When it was last found strongly, and when something last changed where it is.
    strong_at: DateTime<Utc>,
    moved_at: DateTime<Utc>,
    weak: bool,
}

impl Body {
    fn new(id: BodyId, seen: &Seen, now: DateTime<Utc>) -> Self {
        Self {
            id,
            owner: None,
            last_at: now,
            first_at: now,
            over: Vec::new(),
            filter: BoxFilter::new(seen.bounds, now),
            size: [seen.bounds[2], seen.bounds[3]],
            misses: 0,
            hits: 1,
            doubt: None,
            torso: Views(seen.torso.iter().cloned().collect()),
            head: Views(seen.head.iter().cloned().collect()),
            last_torso: seen.torso.clone(),
            last_head: seen.head.clone(),
            twin: 0.0,
            strong_at: now,
            moved_at: now,
            weak: false,
        }
    }

    /// Left, top, width, height, where it is or is expected.
    pub(super) fn bounds(&self) -> [f32; 4] {
        self.filter.bounds()
    }

    /// Where it is looked for: whoever sits is where they sat while somebody passes, although a box around both was found
    /// that went on with the other.
    fn expected(&self, now: DateTime<Utc>) -> [f32; 4] {
        let sits = self
            .doubt
            .as_ref()
            .filter(|doubt| doubt.why == Why::Crossing && doubt.stayed && now - doubt.since <= PASSES_WITHIN);
        sits.map_or_else(|| self.bounds(), |doubt| doubt.before)
    }

    /// Whether it was found in this very frame (or nothing has changed since), and is surely the one that it was.
    pub(super) fn is_certain(&self, now: DateTime<Utc>) -> bool {
        self.last_at == now && self.is_settled() && self.lives(now)
    }

    /// Whether it is surely the one that it was, and was found at the last look.
    pub(super) fn is_settled(&self) -> bool {
        self.doubt.is_none() && self.misses == 0
    }

    /// Since when it may be another one.
    pub(super) fn doubtful_since(&self) -> Option<DateTime<Utc>> {
        self.doubt.as_ref().map(|doubt| doubt.since)
    }

    /// Whether it stays where it is, and was found there at the last look.
    fn is_seated(&self) -> bool {
        self.is_settled() && self.is_slow()
    }

    /// Whether the next frames will say more of it than later ones: it was not looked for in vain for long, nor since the
    /// view changed, and is not alone and long in doubt. (Two who cross do so within half a second.)
    fn is_urgent(&self, alone: bool, now: DateTime<Utc>) -> bool {
        let lost = self.misses > 0 && now - self.last_at > SOUGHT_FOR;
        let old = |doubt: &Doubt| alone && now - doubt.since.max(doubt.crossed_at) > SETTLES_SOON;
        let doubtful = self.doubt.as_ref();
        !lost && !doubtful.is_some_and(|doubt| old(doubt) || self.misses > 0 && doubt.why == Why::View)
    }

    /// Whether a closer look is worth it: it was found at the last look or the one before.
    pub(super) fn is_just_lost(&self) -> bool {
        self.misses <= 1
    }

    fn is_slow(&self) -> bool {
        let [vx, vy] = self.filter.velocity();
        vx.hypot(vy) < SEATED * self.size[0]
    }

    /// Whether it can be a person: found strongly; or moving; or not changed since it was found strongly; or with its head
    /// where it was.
    fn lives(&self, now: DateTime<Utc>) -> bool {
        let head = || {
            self.head
                .likeness(self.last_head.as_ref())
                .is_some_and(|likeness| likeness >= SAME_HEAD)
        };
        !self.weak || now - self.moved_at <= MOVES_WITHIN || self.moved_at <= self.strong_at || head()
    }

    fn is_nameless_person(&self) -> bool {
        self.owner.is_none() && self.hits > PHANTOM_HITS
    }

    /// Whether it counts as one of the people in the picture.
    pub(super) fn counts(&self, now: DateTime<Utc>) -> bool {
        self.misses == 0 && (!self.weak || now - self.moved_at <= STIRS_WITHIN || self.lives(now))
    }

    fn hold(&mut self, now: DateTime<Utc>) {
        if self.misses == 0 {
            self.last_at = now;
            self.filter.hold(now);
        }
    }

    /// It was found again as this.
    fn take(&mut self, seen: &Seen, now: DateTime<Utc>) {
        let jumped = iou(self.bounds(), seen.bounds) < JUMP_IOU;
        let gap = now - self.last_at;
        let other = is_other(&self.torso, &self.last_torso, &seen.torso);
        self.filter.update(seen.bounds);
        if self.hits > 1 && (jumped || gap > GAP || other) {
            self.doubt(Why::Break, now);
        }
        self.last_at = now;
        self.misses = 0;
        self.hits += 1;
        self.weak = seen.score < STRONG;
        if !self.weak {
            self.strong_at = now;
        }
        self.last_torso = seen.torso.clone().or(self.last_torso.take());
        self.last_head = seen.head.clone().or(self.last_head.take());
    }

    /// Takes over how it looks now.
    fn learn(&mut self) {
        let [_, _, width, height] = self.bounds();
        for (known, seen) in self.size.iter_mut().zip([width, height]) {
            *known += LEARN_SIZE * (seen - *known);
        }
        self.last_torso.iter().for_each(|torso| self.torso.learn(torso));
        self.last_head.iter().for_each(|head| self.head.learn(head));
    }

    fn doubt(&mut self, why: Why, now: DateTime<Utc>) -> &mut Doubt {
        let stayed = self.is_slow() && self.misses == 0;
        let doubt = self.doubt.get_or_insert_with(|| Doubt {
            since: now,
            why,
            agreeing: 0,
            before: self.filter.bounds(),
            stayed,
            crossed_at: now,
            others: Vec::new(),
        });
        doubt.agreeing = 0;
        doubt
    }

    fn doubt_between(&mut self, why: Why, other: (BodyId, Views), now: DateTime<Utc>) {
        let doubt = self.doubt(why, now);
        doubt.crossed_at = now;
        if doubt.others.iter().all(|(id, _)| *id != other.0) {
            doubt.others.push(other);
        }
    }

    /// Whether it goes out of the frame, so wide, to a side where it is expected. (Above and below, somebody who is half
    /// hidden seems to go out, too.)
    fn leaves(&self, width: f32) -> bool {
        let [left, _, w, _] = self.bounds();
        let [vx, _] = self.filter.velocity();
        let x = BORDER * width;
        // A third of its width a second.
        let outwards = 0.33 * self.size[0];
        (left <= x && vx < -outwards) || (left + w >= width - x && vx > outwards)
    }
}

/// All bodies of one camera.
#[derive(Clone, Debug, Default)]
pub(super) struct Bodies {
    bodies: Vec<Body>,
    last_id: BodyId,
}

impl Bodies {
    pub(super) fn iter(&self) -> impl Iterator<Item = &Body> {
        self.bodies.iter()
    }

    /// Whether a body need not be looked for in the very next frames: it stays where it is, or those would say no more.
    pub(super) fn can_wait(&self, body: &Body, now: DateTime<Utc>) -> bool {
        let alone = self
            .bodies
            .iter()
            .all(|other| other.id == body.id || other.misses > 0);
        body.is_seated() || !body.is_urgent(alone, now)
    }

    /// The body that belongs to a track.
    pub(super) fn of(&self, track: TrackId) -> Option<&Body> {
        self.bodies
            .iter()
            .find(|body| body.owner.is_some_and(|owner| owner.track == track))
    }

    /// Takes the people of one frame in, which is so many pixels wide. `kept`: how long one with a name is remembered
    /// after it was last found. Says how many without a name have gone.
    pub(super) fn update(&mut self, seen: &[Seen], width: f32, kept: TimeDelta, now: DateTime<Utc>) -> u64 {
        for body in &mut self.bodies {
            body.filter.predict(AGILITY, body.misses > 0, now);
        }
        let mut taken = vec![false; self.bodies.len()];
        let mut assigned = vec![false; seen.len()];
        for (_, b, s) in self.costs(seen, now) {
            if !taken[b] && !assigned[s] {
                (taken[b], assigned[s]) = (true, true);
                self.bodies[b].take(&seen[s], now);
            }
        }
        for (body, _) in self.bodies.iter_mut().zip(&taken).filter(|(_, taken)| !**taken) {
            body.misses += 1;
        }
        for (seen, _) in seen
            .iter()
            .zip(&assigned)
            .filter(|(seen, assigned)| !**assigned && seen.score >= BEGINS_AT)
        {
            self.begin(seen, now);
        }
        self.part(now);
        self.compare(now);
        self.mistrust(now);
        self.learn(now);
        self.settle(now);
        self.hand_over(now);
        self.come_out(now);
        let mut phantoms = Vec::new();
        let mut gone = 0;
        self.bodies.retain(|body| {
            let keep = if body.owner.is_some() { kept } else { NAMELESS_KEPT };
            let stays = !(body.misses > 0 && body.leaves(width)) && now - body.last_at <= keep;
            if !stays && body.hits <= PHANTOM_HITS {
                phantoms.push(body.id);
            }
            gone += u64::from(!stays && body.is_nameless_person());
            stays
        });
        // A box around two people at once was nobody with whom one could have been exchanged.
        for doubt in self.bodies.iter_mut().filter_map(|body| body.doubt.as_mut()) {
            doubt.others.retain(|(id, _)| !phantoms.contains(id));
        }
        gone
    }

    /// Notes where something has changed in the picture, as this says of a box.
    pub(super) fn note_changes(&mut self, changed: impl Fn([f32; 4]) -> bool, now: DateTime<Utc>) {
        for body in &mut self.bodies {
            if changed(body.bounds()) {
                body.moved_at = now;
            }
        }
    }

    /// Nothing moved since the last look: who was found then is where they were.
    pub(super) fn hold(&mut self, now: DateTime<Utc>) {
        for body in &mut self.bodies {
            body.hold(now);
        }
    }

    /// The whole view changed: nobody is surely who they were.
    pub(super) fn view_changed(&mut self, now: DateTime<Utc>) {
        for body in &mut self.bodies {
            body.doubt(Why::View, now);
        }
    }

    /// A face on this track's body is perhaps somebody else's.
    pub(super) fn suspect(&mut self, track: TrackId, now: DateTime<Utc>) {
        if let Some(body) = self.owned(track) {
            body.doubt(Why::Break, now);
        }
    }

    /// A face has said whose this body is.
    pub(super) fn confirm(&mut self, track: TrackId) {
        if let Some(body) = self.owned(track) {
            body.doubt = None;
        }
    }

    /// The track that a body belongs to.
    pub(super) fn owner(&self, id: BodyId) -> Option<TrackId> {
        let body = self.bodies.iter().find(|body| body.id == id)?;
        body.owner.map(|owner| owner.track)
    }

    /// A face (left, top, width, height) with this track is on this body in this frame.
    pub(super) fn own(&mut self, id: BodyId, track: TrackId, face: [f32; 4]) {
        // A face is on one body only.
        for body in &mut self.bodies {
            let other = body.id != id;
            body.owner = body.owner.filter(|owner| owner.track != track || !other);
        }
        if let Some(body) = self.bodies.iter_mut().find(|body| body.id == id) {
            let [x, y, w, h] = body.bounds();
            let around = [
                (x - face[0]) / face[3],
                (y - face[1]) / face[3],
                w / face[3],
                h / face[3],
            ];
            let votes = body
                .owner
                .filter(|owner| owner.track == track)
                .map_or(0, |owner| owner.votes);
            let votes = votes.saturating_add(1);
            body.owner = Some(Owner { track, votes, around });
        }
    }

    /// The face of this track was found here: its body is where it is.
    pub(super) fn follow_face(&mut self, track: TrackId, face: [f32; 4], now: DateTime<Utc>) {
        if let Some(body) = self.owned(track)
            && let Some(Owner { around, .. }) = body.owner
            && body.last_at < now
        {
            let [x, y, w, h] = around.map(|length| length * face[3]);
            body.filter = BoxFilter::new([face[0] + x, face[1] + y, w, h], now);
            (body.last_at, body.misses) = (now, 0);
        }
    }

    /// Whether it is known on which body a track's face is.
    pub(super) fn is_known(&self, track: TrackId) -> bool {
        self.of(track)
            .is_some_and(|body| body.owner.is_some_and(|owner| owner.votes >= VOTES))
    }

    /// The track has no body any more, or no name.
    pub(super) fn disown(&mut self, track: TrackId) {
        if let Some(body) = self.owned(track) {
            body.owner = None;
        }
    }

    /// The track has another id from now on.
    pub(super) fn rename(&mut self, track: TrackId, new: TrackId) {
        if let Some(owner) = self.owned(track).and_then(|body| body.owner.as_mut()) {
            owner.track = new;
        }
    }

    /// Forgets all; says how many without a name there were.
    pub(super) fn clear(&mut self) -> u64 {
        let gone = self.bodies.drain(..).filter(Body::is_nameless_person);
        gone.count() as u64
    }

    fn owned(&mut self, track: TrackId) -> Option<&mut Body> {
        let of = |body: &&mut Body| body.owner.is_some_and(|owner| owner.track == track);
        self.bodies.iter_mut().find(of)
    }

    /// Possible matches, cheapest first: cost, body, what was seen.
    fn costs(&self, seen: &[Seen], now: DateTime<Utc>) -> Vec<(f32, usize, usize)> {
        let mut costs = Vec::new();
        for (b, body) in self.bodies.iter().enumerate() {
            for (s, seen) in seen.iter().enumerate() {
                costs.extend(cost(body, seen, now).map(|cost| (cost, b, s)));
            }
        }
        costs.sort_by(|a, b| a.0.total_cmp(&b.0));
        costs
    }

    /// Somebody is in the picture who was not there before.
    fn begin(&mut self, seen: &Seen, now: DateTime<Utc>) {
        self.last_id += 1;
        let mut new = Body::new(self.last_id, seen, now);
        // A second box around part of somebody; or whoever comes out of them, which will be seen when they part.
        let over = self
            .bodies
            .iter()
            .filter(|body| covered(body.bounds(), seen.bounds) > SPLIT);
        new.over = over.map(|body| body.id).collect();
        self.bodies.push(new);
    }

    /// Notes who has come out of whom: one of the two may be what was left behind.
    fn part(&mut self, now: DateTime<Utc>) {
        for n in 0..self.bodies.len() {
            for id in self.bodies[n].over.clone() {
                let Some(b) = self.bodies.iter().position(|body| body.id == id) else {
                    continue;
                };
                let [new, body] = [&self.bodies[n], &self.bodies[b]];
                let both = new.last_at == now && body.last_at == now;
                if !both || covered(new.bounds(), body.bounds()) > SPLIT {
                    continue;
                }
                let (new, body) = ((new.id, new.torso.clone()), (body.id, body.torso.clone()));
                self.bodies[b].doubt_between(Why::Split, new, now);
                self.bodies[n].doubt_between(Why::Split, body, now);
                self.bodies[n].over.retain(|over| *over != id);
            }
        }
    }

    /// Notes who crosses whom, and who looks like whom.
    fn compare(&mut self, now: DateTime<Utc>) {
        for a in 0..self.bodies.len() {
            for b in 0..a {
                let [one, other] = [&self.bodies[a], &self.bodies[b]];
                if now - one.last_at > GAP || now - other.last_at > GAP {
                    continue;
                }
                if one.over.contains(&other.id) || other.over.contains(&one.id) {
                    continue;
                }
                if cross(one.bounds(), other.bounds()) {
                    let (one, other) = ((one.id, one.torso.clone()), (other.id, other.torso.clone()));
                    self.bodies[a].doubt_between(Why::Crossing, other, now);
                    self.bodies[b].doubt_between(Why::Crossing, one, now);
                } else if one.last_at == now
                    && other.last_at == now
                    && one.doubt.is_none()
                    && other.doubt.is_none()
                {
                    let likeness = one.torso.likeness(other.last_torso.as_ref()).unwrap_or(0.0);
                    for body in [a, b] {
                        self.bodies[body].twin = self.bodies[body].twin.max(likeness);
                    }
                }
            }
        }
    }

    /// Whoever looks more like somebody else here than like themselves may be that one, although nobody saw them cross.
    fn mistrust(&mut self, now: DateTime<Utc>) {
        for b in 0..self.bodies.len() {
            let body = &self.bodies[b];
            let Some(own) = body.torso.likeness(body.last_torso.as_ref()) else {
                continue;
            };
            if body.last_at != now || body.doubt.is_some() {
                continue;
            }
            let other = self.bodies.iter().find(|other| {
                let likeness = other.torso.likeness(body.last_torso.as_ref()).unwrap_or(0.0);
                other.id != body.id && likeness >= LIKE_TORSO && likeness >= own + TORSO_LEAD
            });
            if let Some(other) = other {
                let other = (other.id, other.torso.clone());
                self.bodies[b].doubt_between(Why::Crossing, other, now);
            }
        }
    }

    /// Takes over how those look who are surely themselves and stand free.
    fn learn(&mut self, now: DateTime<Utc>) {
        for b in 0..self.bodies.len() {
            let body = &self.bodies[b];
            let free = || {
                let mut others = self.bodies.iter().enumerate().filter(|(o, _)| *o != b);
                others.all(|(_, other)| covered(body.bounds(), other.bounds()) <= STANDS_FREE)
            };
            if body.last_at == now && body.doubt.is_none() && !body.weak && free() {
                self.bodies[b].learn();
            }
        }
    }

    /// Ends doubts that the torsos settle.
    fn settle(&mut self, now: DateTime<Utc>) {
        for b in 0..self.bodies.len() {
            let body = &self.bodies[b];
            let Some(doubt) = &body.doubt else { continue };
            if body.last_at != now || body.last_torso.is_none() {
                continue;
            }
            let crossing = self.bodies.iter().enumerate().any(|(o, other)| {
                o != b && now - other.last_at <= GAP && cross(body.bounds(), other.bounds())
            });
            let own = body.torso.likeness(body.last_torso.as_ref()).unwrap_or(0.0);
            let of_others = doubt
                .others
                .iter()
                .map(|(_, torso)| torso.likeness(body.last_torso.as_ref()).unwrap_or(1.0));
            let other = of_others.fold(0.0, f32::max);
            // Whoever looks like somebody else who was here may be that one, unless it is known which two it was.
            let alone = doubt.why == Why::Crossing || own - body.twin >= TORSO_LEAD;
            let sure = !crossing
                && own >= SAME_TORSO
                && own - other >= TORSO_LEAD
                && alone
                && now - doubt.since <= TORSO_SETTLES_WITHIN;
            let sure = sure && (doubt.why != Why::Split || body.moved_at == now);
            // Who passes goes on, or is gone; who sits stays where they sat.
            let passed = doubt.others.iter().all(|(id, _)| {
                let other = self.bodies.iter().find(|other| other.id == *id);
                other.is_none_or(|other| !other.is_slow())
            });
            let stayed = !crossing
                && doubt.why == Why::Crossing
                && doubt.stayed
                && passed
                && doubt.crossed_at - doubt.since <= PASSES_WITHIN
                && iou(doubt.before, body.bounds()) >= SAME_PLACE_IOU
                && own >= LIKE_TORSO;
            let sure = sure || stayed;
            // It looks like one of those with whom it may have been exchanged, and that one like it.
            let exchanged = doubt.others.iter().find_map(|(id, torso)| {
                let o = self.bodies.iter().position(|other| other.id == *id)?;
                let partner = &self.bodies[o];
                let there = torso.likeness(body.last_torso.as_ref())?;
                let back = body.torso.likeness(partner.last_torso.as_ref())?;
                let stayed = partner.torso.likeness(partner.last_torso.as_ref())?;
                let sure = !crossing
                    && partner.last_at == now
                    && doubt.why == Why::Crossing
                    && there.min(back) >= SAME_TORSO
                    && there + back - own - stayed >= EXCHANGE_LEAD;
                sure.then_some(o)
            });
            let Some(doubt) = &mut self.bodies[b].doubt else {
                continue;
            };
            match (sure, exchanged) {
                (false, None) => doubt.agreeing = 0,
                _ => doubt.agreeing += 1,
            }
            if doubt.agreeing < AGREEING {
                continue;
            }
            match exchanged {
                None => self.bodies[b].doubt = None,
                Some(o) => self.exchange(b, o),
            }
        }
    }

    /// Two bodies are each other.
    fn exchange(&mut self, a: usize, b: usize) {
        let (a, b) = (a.max(b), a.min(b));
        let (before, after) = self.bodies.split_at_mut(a);
        let (one, other) = (&mut before[b], &mut after[0]);
        std::mem::swap(&mut one.id, &mut other.id);
        std::mem::swap(&mut one.owner, &mut other.owner);
        std::mem::swap(&mut one.torso, &mut other.torso);
        std::mem::swap(&mut one.head, &mut other.head);
        std::mem::swap(&mut one.twin, &mut other.twin);
        (one.doubt, other.doubt) = (None, None);
    }

    /// Whoever was out of sight and comes out again elsewhere has been taken for somebody new: by the torso they are known,
    /// in doubt until that is seen again.
    fn come_out(&mut self, now: DateTime<Utc>) {
        let lost = |body: &Body| body.owner.is_some() && body.misses > 0 && now - body.last_at > GAP;
        let new = |body: &Body| body.owner.is_none() && body.last_at == now && body.hits > 1;
        let likeness = |lost: &Body, new: &Body| {
            let ([x0, y0], [x1, y1]) = (centre(lost.bounds()), centre(new.bounds()));
            let near = (x1 - x0).hypot(y1 - y0) <= COMES_OUT_WITHIN * lost.size[0];
            let likeness = lost.torso.likeness(new.last_torso.as_ref())?;
            (near && new.first_at > lost.last_at && likeness >= SAME_TORSO).then_some(likeness)
        };
        let mut pairs = Vec::new();
        for (l, old) in self.bodies.iter().enumerate().filter(|(_, body)| lost(body)) {
            for (n, fresh) in self.bodies.iter().enumerate().filter(|(_, body)| new(body)) {
                pairs.extend(likeness(old, fresh).map(|likeness| (likeness, l, n)));
            }
        }
        let clear = pairs.iter().filter(|(likeness, l, n)| {
            pairs
                .iter()
                .filter(|other| (other.1 == *l) != (other.2 == *n))
                .all(|other| likeness - other.0 >= TORSO_LEAD)
        });
        let mut gone: Vec<usize> = Vec::new();
        for &(_, l, n) in &clear.copied().collect::<Vec<_>>() {
            let fresh = self.bodies[n].clone();
            let body = &mut self.bodies[l];
            body.doubt(Why::Break, body.last_at);
            (body.filter, body.last_at, body.misses) = (fresh.filter, now, 0);
            (body.last_torso, body.last_head) = (fresh.last_torso, fresh.last_head);
            (body.weak, body.strong_at, body.moved_at) = (fresh.weak, fresh.strong_at, fresh.moved_at);
            gone.push(n);
        }
        gone.sort_unstable();
        for n in gone.into_iter().rev() {
            self.bodies.remove(n);
        }
    }

    /// What somebody left behind when they got up has their name still: whoever came out of it has it, in doubt.
    fn hand_over(&mut self, now: DateTime<Utc>) {
        for b in 0..self.bodies.len() {
            let body = &self.bodies[b];
            let Some(Doubt {
                why: Why::Split,
                others,
                ..
            }) = &body.doubt
            else {
                continue;
            };
            let gone = now - body.last_at > GAP || !body.lives(now);
            if body.owner.is_none() || !gone {
                continue;
            }
            let heir = others.iter().find_map(|(id, _)| {
                self.bodies.iter().position(|other| {
                    let there = other.last_at == now && other.hits > PHANTOM_HITS;
                    other.id == *id && other.owner.is_none() && there
                })
            });
            if let Some(heir) = heir {
                let (owner, torso, head, twin) =
                    (body.owner, body.torso.clone(), body.head.clone(), body.twin);
                self.bodies[b].owner = None;
                let heir = &mut self.bodies[heir];
                (heir.owner, heir.torso, heir.head, heir.twin) = (owner, torso, head, twin);
                heir.doubt = None;
                heir.doubt(Why::Break, now);
            }
        }
    }
}

/// Whether a torso looks otherwise than from every side that is known, and than just before.
fn is_other(known: &Views, before: &Option<Appearance>, seen: &Option<Appearance>) -> bool {
    let like_before = before
        .as_ref()
        .zip(seen.as_ref())
        .map(|(before, seen)| before.likeness(seen));
    let likeness = known
        .likeness(seen.as_ref())
        .into_iter()
        .chain(like_before)
        .reduce(f32::max);
    likeness.is_some_and(|likeness| likeness < OTHER_TORSO)
}

/// What it costs to say that this is that body; `None` if it cannot be.
fn cost(body: &Body, seen: &Seen, now: DateTime<Utc>) -> Option<f32> {
    let expected = body.expected(now);
    let gap = now - body.last_at;
    let ([x0, y0], [x1, y1]) = (centre(expected), centre(seen.bounds));
    let width = (body.size[0] + seen.bounds[2]) / 2.0;
    let heights = seen.bounds[3] / body.size[1].max(1.0);
    let overlap = iou(expected, seen.bounds);
    let distance = (x1 - x0).hypot(y1 - y0) / width;
    let most = if gap > GAP { COMES_OUT_WITHIN } else { GATE_MOST };
    let gate = (GATE + GATE_PER_S * seconds(gap)).min(most);
    if distance > gate || !HEIGHTS.contains(&heights) {
        return None;
    }
    let likeness = body.torso.likeness(seen.torso.as_ref());
    // After a gap place and motion say little.
    if gap > GAP && likeness.is_none_or(|likeness| likeness < LIKE_TORSO) {
        return None;
    }
    let weak = if seen.score < STRONG { WEAK_COSTS } else { 0.0 };
    Some(1.0 - overlap + 0.4 * distance + 0.6 * (1.0 - likeness.unwrap_or(0.5)) + weak)
}

/// Whether two bodies may be taken for each other.
fn cross(a: [f32; 4], b: [f32; 4]) -> bool {
    let ([x0, y0], [x1, y1]) = (centre(a), centre(b));
    let apart = ((x1 - x0) / ((a[2] + b[2]) / 2.0)).hypot((y1 - y0) / ((a[3] + b[3]) / 2.0));
    apart < CROSSING || covered(a, b) > COVERED
}

/// How much of the smaller box lies in the other.
fn covered(a: [f32; 4], b: [f32; 4]) -> f32 {
    intersection(a, b) / (a[2] * a[3]).min(b[2] * b[3]).max(1.0)
}

#[cfg(test)]
#[path = "bodies_tests.rs"]
mod tests;
