-- A week of shifts, as JSON: see `Schedule` in schedule/mod.rs.
create table schedule (
    name       text primary key check (length(name) between 1 and 50),
    definition text not null,
    updated_at integer not null
) strict;

-- The days on which no shift begins, but of schedules that work on holidays.
create table holiday (
    date text primary key check (date glob '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]'),
    name text not null
) strict;

-- The schedule that an employee works by; null: they have to be there always.
alter table employee add column schedule text references schedule (name);

-- From when to when an employee need not be there.
create table exemption (
    id         integer primary key,
    employee   text not null references employee (id) on delete cascade,
    kind       text not null check (kind in ('on_leave', 'excused')),
    from_at    integer not null,
    to_at      integer not null check (to_at > from_at),
    reason     text not null,
    -- Who is told of absences in their place meanwhile.
    deputy     text references employee (id) on delete set null,
    created_by text not null,               -- a user's name
    created_at integer not null
) strict;
create index exemption_employee on exemption (employee, to_at);
insert into exemption (employee, kind, from_at, to_at, reason, created_by, created_at)
    select employee, 'excused', closed_at, excused_until, '', '', closed_at from alert
    where excused_until > closed_at;
alter table alert drop column excused_until;

-- Why somebody is exempt, where they are.
alter table employee_status add column exemption text
    check (exemption in ('off_shift', 'on_break', 'on_leave', 'excused'));

-- Who is responsible for an area, and when somebody last seen there is off and absent; null: as at the site.
alter table area add column supervisor text references employee (id) on delete set null;
alter table area add column off_after_s integer check (off_after_s > 0);
alter table area add column absent_after_s integer check (absent_after_s > off_after_s);
