-- Of a stretch of presence: the camera that saw them last, and by what they were seen: the sum of 1 (face), 2 (QR badge)
-- and 4 (badge at a reader).
alter table attendance add column last_camera text not null default '';
alter table attendance add column methods integer not null default 1 check (methods between 1 and 7);
update attendance set last_camera = camera;

-- Sightings without what cost more than the row itself: a list in a check makes SQLite build a table with every insert,
-- and the reference was looked up with each (half of the time of an insert, measured). Phase and method are written from
-- enumerations, and who is deleted has theirs deleted by `delete_employee`.
create table sighting_5 (
    id         text primary key,           -- UUIDv7, made by the agent
    agent      text not null,
    seq        integer not null,
    phase      text not null,              -- began, continued, ended
    employee   text not null,
    camera     text not null,
    method     text not null,              -- face, qr, rfid
    track      integer not null,
    first_at   integer not null,
    last_at    integer not null check (last_at >= first_at),
    confidence real not null check (confidence >= 0 and confidence <= 1),
    model      text not null,
    stored_at  integer not null
) strict;
insert into sighting_5 select id, agent, seq, phase, employee, camera, method, track, first_at, last_at, confidence,
    model, stored_at from sighting order by rowid;
drop table sighting;
alter table sighting_5 rename to sighting;
create index sighting_employee_at on sighting (employee, last_at);
create index sighting_agent_seq on sighting (agent, seq);

-- What was to be on a day, as JSON: see `Plan` in attendance/mod.rs. One for all who work by the same schedule.
create table day_plan (
    id         integer primary key,
    definition text not null unique
) strict;

-- A day of an employee: planned when it begins, final some time after it has ended, from then on changed by HR alone.
create table attendance_day (
    employee      text not null references employee (id) on delete cascade,
    date          text not null check (date glob '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]'),
    plan          integer not null references day_plan (id),
    state         text not null check (state in ('provisional', 'final', 'corrected')),
    -- What came of it; null while it is provisional, then worked out whenever it is asked for.
    status        text check (status in
        ('present', 'half_day', 'absent', 'on_leave', 'excused', 'not_expected', 'pending', 'unknown')),
    first_in      integer,
    last_out      integer,
    planned_s     integer,
    worked_s      integer,
    break_s       integer,
    away_s        integer,
    late_s        integer,
    early_leave_s integer,
    overtime_s    integer,
    unobserved_s  integer,
    leave_s       integer,
    flags         text,                -- JSON array: see `Flag`
    pattern       text,                -- JSON: minutes there by hour, seconds away by area; see `Pattern`
    difference    text,                -- JSON: what would come of it with what arrived since, if something else
    dismissed     text,                -- JSON: a difference that HR has left
    check (state = 'provisional' or status is not null),
    primary key (employee, date)
) strict, without rowid;
create index attendance_day_date on attendance_day (date);
create index attendance_day_provisional on attendance_day (date) where state = 'provisional';
create index attendance_day_difference on attendance_day (date) where difference is not null;

-- Out of what a final day was worked out, as JSON: see `Evidence`. Stays when sightings and stretches are gone.
create table attendance_evidence (
    employee text not null references employee (id) on delete cascade,
    date     text not null,
    evidence text not null,
    primary key (employee, date)
) strict, without rowid;

-- What HR did to a day, in order; the newest `corrected` or `withdrawn` holds.
create table attendance_decision (
    id         integer primary key,
    employee   text not null references employee (id) on delete cascade,
    date       text not null,
    at         integer not null,
    who        text not null,          -- a user's name
    what       text not null check (what in ('corrected', 'withdrawn', 'accepted', 'dismissed')),
    reason     text not null,
    correction text,                   -- JSON: see `Correction`
    before     text                    -- JSON: what counted until then
) strict;
create index attendance_decision_day on attendance_decision (employee, date);

-- Final days for which something arrived since, to be looked at.
create table attendance_arrival (
    employee text not null references employee (id) on delete cascade,
    date     text not null,
    primary key (employee, date)
) strict, without rowid;
