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

-- Whom absences are told to, as JSON: see `Policy` in escalation/policy.rs. The one named `default` holds where no
-- other does; where it is not there either, every superior in turn, and HR at last.
create table policy (
    name       text primary key check (length(name) between 1 and 50),
    definition text not null,
    updated_at integer not null
) strict;
-- For absences in an area, and of an employee and of those below them.
alter table area add column policy text references policy (name);
alter table employee add column policy text references policy (name);

-- The policy that an alert was opened with, as JSON, so that a change in between moves nothing; null: every superior in
-- turn, from before there were policies.
alter table alert add column policy text;
-- When its climb has something to do next; null: nothing before somebody is seen or answers.
alter table alert add column due_at integer;
create index alert_due on alert (due_at) where state = 'open' and due_at is not null;
update alert set due_at = opened_at where state = 'open';

-- One more thing can happen to an alert: nobody answered, and nobody else will be told.
create table alert_event_3 (
    id        integer primary key,
    alert     integer not null references alert (id) on delete cascade,
    at        integer not null,
    what      text not null check (what in
        ('opened', 'message', 'passed_over', 'acknowledged', 'excused', 'returned', 'gave_up', 'closed')),
    recipient text references employee (id) on delete set null,
    step      integer,                     -- of the alert's policy
    message   integer references message (id) on delete set null,
    -- A code (no_phone, absent, on_leave, undeliverable, nobody_left, not_configured, off_shift) or, of an excuse, the
    -- reason.
    detail    text
) strict;
insert into alert_event_3 select id, alert, at, what, recipient, step, message, detail from alert_event;
drop table alert_event;
alter table alert_event_3 rename to alert_event;
create index alert_event_alert on alert_event (alert);
create index alert_event_message on alert_event (message);
