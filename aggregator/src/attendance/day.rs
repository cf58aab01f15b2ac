//! What a day comes to.

use super::spans::{clip, length, union, without};
use super::{Day, Facts, Figures, Flag, Kind, Methods, PlannedShift, ShiftDay, Span, Status, Stretch};
use crate::presence::Timeline;
use crate::schedule::Exemption;

const MINUTE: i64 = 60_000;

/// Badges that are shown so close together were shown once.
const ONE_SCAN: i64 = 10 * MINUTE;

/// Works out a day.
pub fn day(facts: &Facts<'_>) -> Day {
    let plan = facts.plan;
    let seen = facts.pieces.iter().map(|piece| &piece.stretch);
    let methods = methods_of(seen.clone());
    let mut day = Day::default();
    day.outcome.first_in = seen.clone().map(|stretch| stretch.from).min();
    day.outcome.last_out = seen.clone().map(|stretch| stretch.to).max();
    day.there = seen.clone().map(|stretch| (stretch.from, stretch.to)).collect();
    if methods.only_badge() {
        day.flags.insert(Flag::BadgeOnly);
    } else if methods.face() && seen.clone().any(|stretch| stretch.methods.only_badge()) {
        day.flags.insert(Flag::BadgeWithoutFace);
    }
    let shifts = Shifts { facts };
    for (number, shift) in plan.shifts.iter().enumerate() {
        let came = shifts.shift(number, shift, &mut day);
        day.outcome.figures = day.outcome.figures.plus(came.figures);
        day.shifts.push(came);
    }
    // Without a face nobody can be followed from one scan to the next.
    let whole = day.outcome.first_in.zip(day.outcome.last_out);
    if let (Some(whole), true, false) = (whole, plan.shifts.is_empty(), methods.face()) {
        day.there.push(whole);
        if methods.only_badge() && whole.1 - whole.0 < ONE_SCAN {
            day.flags.insert(Flag::OneScan);
        }
    }
    if plan.kind == Kind::Unplanned {
        shifts.unplanned(&mut day, methods);
    }
    day.unobserved = union(std::mem::take(&mut day.unobserved));
    day.outcome.figures.unobserved_s = length(day.unobserved.iter().copied()) / 1000;
    if day.outcome.figures.unobserved_s * 1000 > MINUTE * i64::from(plan.rules.late_grace_min.max(1)) {
        day.flags.insert(Flag::NotObserved);
    }
    day.outcome.figures.overtime_s = shifts.overtime(&mut day, methods);
    day.outcome.status = status(facts, &day);
    day.there = union(std::mem::take(&mut day.there));
    day
}

struct Shifts<'a> {
    facts: &'a Facts<'a>,
}

/// A part of the planned time in which somebody was not seen.
struct Unseen {
    /// What of it was watched.
    watched: i64,
    /// The rest of it.
    blind: Vec<Span>,
}

fn unseen(watch: &Timeline, parts: &[Span]) -> Unseen {
    let watched = parts.iter().map(|part| watch.watched(part.0, part.1)).sum();
    let blind = parts.iter().flat_map(|part| watch.gaps(part.0, part.1)).collect();
    Unseen { watched, blind }
}

impl Shifts<'_> {
    fn of_shift(&self, number: usize) -> impl Iterator<Item = &Stretch> + Clone {
        let pieces = self.facts.pieces.iter();
        let theirs = pieces.filter(move |piece| piece.shift == Some(number));
        theirs.map(|piece| &piece.stretch)
    }

    fn watch(&self, camera: &hadir_shared::id::CameraId) -> &Timeline {
        // A camera that is gone says nothing; then the others do.
        self.facts.watch.cameras.get(camera).unwrap_or(self.facts.any)
    }

    fn shift(&self, number: usize, shift: &PlannedShift, day: &mut Day) -> ShiftDay {
        let (plan, now) = (self.facts.plan, self.facts.now);
        let exceptions: Vec<Span> = union(plan.exceptions.iter().map(|one| (one.from, one.to)).collect());
        let excepted: Vec<Span> = clip(&exceptions, shift.from, shift.to).collect();
        let required = without(&[(shift.from, shift.to)], &excepted);
        let duty = without(&required, &shift.breaks);
        let stretches: Vec<&Stretch> = self.of_shift(number).collect();
        let methods = methods_of(stretches.iter().copied());
        let scans_only = !methods.face();
        let mut came = ShiftDay {
            name: shift.name.clone(),
            status: Status::Absent,
            first_in: stretches.iter().map(|stretch| stretch.from).min(),
            last_out: stretches.iter().map(|stretch| stretch.to).max(),
            figures: Figures {
                planned_s: length(duty.iter().copied()) / 1000,
                leave_s: length(without(&excepted, &shift.breaks)) / 1000,
                ..Figures::default()
            },
        };
        let on_leave = stretches.iter().any(|stretch| {
            excepted
                .iter()
                .any(|one| stretch.from < one.1 && one.0 < stretch.to)
        });
        if on_leave {
            day.flags.insert(Flag::SeenOnLeave);
        }
        let (Some(&(begins, _)), Some(&(_, ends))) = (duty.first(), duty.last()) else {
            let kind = plan
                .exceptions
                .iter()
                .find(|one| one.from < shift.to && shift.from < one.to);
            came.status = match kind.map(|one| one.kind) {
                Some(Exemption::Excused) => Status::Excused,
                _ => Status::OnLeave,
            };
            return came;
        };
        let touches = |from: i64, to: i64| from <= ends && to >= begins;
        let whole = came.first_in.zip(came.last_out);
        let one_scan = methods.only_badge()
            && whole.is_some_and(|(first, last)| {
                last - first < ONE_SCAN || clip(&duty, first, last).next().is_none()
            });
        let whole = whole.filter(|(first, last)| match scans_only {
            true => touches(*first, *last) || (one_scan && now >= begins),
            false => stretches.iter().any(|stretch| touches(stretch.from, stretch.to)),
        });
        let Some((first, last)) = whole else {
            let unseen = unseen(self.facts.any, &duty);
            let blind = length(unseen.blind.iter().copied());
            came.status = if now < ends {
                Status::Pending
            } else if blind > unseen.watched {
                Status::Unknown
            } else {
                Status::Absent
            };
            if now >= ends {
                day.unobserved.extend(unseen.blind);
            }
            return came;
        };
        came.status = Status::Present;
        let horizon = ends.min(now.max(last));
        let breaks = without(&shift.breaks, &excepted);
        came.figures.break_s = length(clip(&breaks, first, last)) / 1000;
        if one_scan {
            if now >= ends {
                day.flags.insert(Flag::OneScan);
            }
            return came;
        }
        if scans_only {
            day.there.push((first, last));
        }
        // Planned time that does not count as worked.
        let mut lost = 0;
        let grace = |minutes: u32| i64::from(minutes) * MINUTE;
        let before: Vec<Span> = clip(&duty, begins, first).collect();
        if let Some(opening) = stretches.iter().min_by_key(|stretch| stretch.from) {
            let unseen = unseen(self.watch(&opening.first_camera), &before);
            if unseen.watched > grace(plan.rules.late_grace_min) {
                came.figures.late_s = unseen.watched / 1000;
                lost += length(before.iter().copied());
            } else {
                lost += unseen.watched;
            }
            day.unobserved.extend(unseen.blind);
        }
        // Between two scans nobody can be followed.
        if !scans_only {
            for pair in stretches.windows(2) {
                lost += self.gap(
                    day,
                    &mut came,
                    &pair[0].last_camera,
                    &duty,
                    pair[0].to,
                    pair[1].from,
                );
            }
        }
        if let Some(closing) = stretches.iter().max_by_key(|stretch| stretch.to) {
            let camera = &closing.last_camera;
            if now < ends {
                if !scans_only {
                    lost += self.gap(day, &mut came, camera, &duty, last, now);
                }
            } else {
                let behind: Vec<Span> = clip(&duty, last, ends).collect();
                let unseen = unseen(self.watch(camera), &behind);
                if unseen.watched > grace(plan.rules.early_leave_grace_min) {
                    came.figures.early_leave_s = unseen.watched / 1000;
                    lost += length(behind.iter().copied());
                } else {
                    lost += unseen.watched;
                }
                day.unobserved.extend(unseen.blind);
            }
        }
        let until = if scans_only && now < ends { last } else { horizon };
        came.figures.worked_s = (length(clip(&duty, begins, until)) - lost).max(0) / 1000;
        came
    }

    /// They were not seen between two moments. Gives what of it does not count as worked.
    fn gap(
        &self,
        day: &mut Day,
        came: &mut ShiftDay,
        camera: &hadir_shared::id::CameraId,
        duty: &[Span],
        from: i64,
        to: i64,
    ) -> i64 {
        let mut lost = 0;
        // The count begins anew after a break, as that towards an alert does.
        for part in clip(duty, from, to) {
            let unseen = unseen(self.watch(camera), &[part]);
            if unseen.watched > self.facts.away_after(camera) {
                let away = unseen.watched / 1000;
                came.figures.away_s += away;
                *day.away_by_camera.entry(camera.clone()).or_default() += away;
                lost += part.1 - part.0;
            } else {
                day.there.push(part);
            }
            day.unobserved.extend(unseen.blind);
        }
        lost
    }

    /// Without a plan everything between first in and last out is worked, but what they were gone.
    fn unplanned(&self, day: &mut Day, methods: Methods) {
        let Some((first, last)) = day.outcome.first_in.zip(day.outcome.last_out) else {
            return;
        };
        let mut came = ShiftDay::default();
        let mut lost = 0;
        if methods.face() {
            for pair in self.facts.pieces.windows(2) {
                let (gone, back) = (&pair[0].stretch, &pair[1].stretch);
                lost += self.gap(
                    day,
                    &mut came,
                    &gone.last_camera,
                    &[(first, last)],
                    gone.to,
                    back.from,
                );
            }
        }
        day.outcome.figures.away_s = came.figures.away_s;
        day.outcome.figures.worked_s = (last - first - lost).max(0) / 1000;
    }

    /// Seconds outside of shifts that count.
    fn overtime(&self, day: &mut Day, methods: Methods) -> i64 {
        let plan = self.facts.plan;
        if plan.kind == Kind::Unplanned {
            // There is nothing that it would be beyond.
            return 0;
        }
        let outside = self.facts.pieces.iter().filter(|piece| piece.shift.is_none());
        let mut spans: Vec<Span> = outside
            .map(|piece| (piece.stretch.from, piece.stretch.to))
            .collect();
        if !spans.is_empty() {
            day.flags.insert(Flag::OutsideShift);
        }
        if let (Some(last), Some(came)) = (plan.shifts.last(), day.shifts.last()) {
            let of_last = self.of_shift(plan.shifts.len() - 1);
            let followed = methods_of(of_last.clone()).face();
            spans.extend(
                of_last
                    .map(|stretch| (stretch.from.max(last.to), stretch.to))
                    .filter(|(from, to)| from < to),
            );
            // From scans before the end of the shift to the last behind it.
            if let Some(out) = came.last_out
                && !followed
                && came.figures.worked_s > 0
                && last.to < out
            {
                spans.push((last.to, out));
            }
        } else if !methods.face()
            && let Some(whole) = day.outcome.first_in.zip(day.outcome.last_out)
        {
            spans.push(whole);
        }
        // What is no absence within a shift is none beyond it.
        let beyond = |shift: Option<usize>| match shift {
            None => Some(i64::MIN),
            Some(number) => plan
                .shifts
                .get(number)
                .filter(|_| number + 1 == plan.shifts.len())
                .map(|last| last.to),
        };
        for pair in self.facts.pieces.windows(2) {
            let (gone, back) = (&pair[0], &pair[1]);
            let short =
                back.stretch.from - gone.stretch.to <= self.facts.away_after(&gone.stretch.last_camera);
            if let Some(from) = beyond(gone.shift).filter(|_| short && gone.shift == back.shift) {
                let gap = (gone.stretch.to.max(from), back.stretch.from);
                spans.extend(Some(gap).filter(|(from, to)| from < to));
            }
        }
        let spans = union(spans);
        let there = length(spans);
        let least = plan
            .rules
            .overtime_after_min
            .map(|minutes| i64::from(minutes) * MINUTE);
        match least {
            Some(least) if there >= least && there > 0 => {
                let step = i64::from(plan.rules.overtime_step_min.max(1)) * 60;
                let seconds = there / 1000;
                if plan.rules.overtime_step_min > 1 {
                    seconds / step * step
                } else {
                    seconds
                }
            }
            _ => 0,
        }
    }
}

fn methods_of<'a>(stretches: impl IntoIterator<Item = &'a Stretch>) -> Methods {
    let each = stretches.into_iter().map(|stretch| stretch.methods);
    each.fold(Methods::default(), Methods::or)
}

fn status(facts: &Facts<'_>, day: &Day) -> Status {
    let plan = facts.plan;
    if day.shifts.is_empty() {
        return if facts.pieces.is_empty() {
            Status::NotExpected
        } else {
            Status::Present
        };
    }
    let has = |status| day.shifts.iter().any(|shift| shift.status == status);
    if !has(Status::Present) {
        let order = [
            Status::Pending,
            Status::Unknown,
            Status::Absent,
            Status::OnLeave,
            Status::Excused,
        ];
        return order
            .into_iter()
            .find(|status| has(*status))
            .unwrap_or(Status::NotExpected);
    }
    let over = plan.shifts.iter().all(|shift| shift.to <= facts.now);
    let planned = day.outcome.figures.planned_s;
    if !over || day.flags.contains(&Flag::OneScan) || planned == 0 {
        return Status::Present;
    }
    let share = day.outcome.figures.worked_s * 100;
    if share < planned * i64::from(plan.rules.absent_below_percent) {
        Status::Absent
    } else if share < planned * i64::from(plan.rules.half_day_below_percent) {
        Status::HalfDay
    } else {
        Status::Present
    }
}
