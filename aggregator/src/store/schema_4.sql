-- An employee's e-mail address, for steps of a policy that go there.
alter table employee add column email text check (email like '%_@_%');
create index employee_phone on employee (phone) where phone is not null;

-- The outgoing queue. `dedup` makes each step of each alert go out once, whatever is restarted. Content is blanked a day
-- after a message went out.
create table message_4 (
    -- Never used again: buttons and webhooks name it.
    id            integer primary key autoincrement,
    dedup         text not null unique,
    channel       text not null check (channel in ('whatsapp', 'email')),
    recipient     text references employee (id) on delete cascade,
    address       text not null,           -- E.164, or an e-mail address
    -- `template`: only the message template may be sent; `text`: text, filled in from the template if there is one.
    form          text not null check (form in ('template', 'text')),
    template      text,                    -- the message template's name; null: text only
    language      text not null,
    -- Of an absence, what is said is made when it goes out, from `message_about`.
    parameters    text not null,           -- JSON array of strings
    buttons       text not null,           -- JSON array of quick-reply payloads
    body          text,                    -- of a text message
    state         text not null check (state in
        ('queued', 'sending', 'sent', 'delivered', 'read', 'failed_temporary', 'failed_final')),
    attempts      integer not null default 0,
    due_at        integer not null,
    wanted_at     integer not null,        -- from when on it should have gone out: what its age is counted from
    sent_at       integer,                 -- when it went out, for limits
    -- A try had no answer: it may have gone out.
    uncertain     integer not null default 0 check (uncertain in (0, 1)),
    provider_id   text unique,             -- the provider's message id (wamid)
    error         text,
    created_at    integer not null,
    updated_at    integer not null
) strict;
insert into message_4 (id, dedup, channel, recipient, address, form, template, language, parameters, buttons, body, state,
        attempts, due_at, wanted_at, sent_at, provider_id, error, created_at, updated_at)
    select id, dedup, 'whatsapp', recipient, phone, form, template, language, parameters, buttons, body, state,
        attempts, due_at, created_at, null, provider_id, error, created_at, updated_at from message;
-- Which alerts a message is about: several absences become one message.
create table message_about (
    message integer not null references message_4 (id) on delete cascade,
    alert   integer not null references alert (id) on delete cascade,
    primary key (message, alert)
) strict, without rowid;
insert into message_about select id, alert from message where alert is not null;

create table alert_event_4 (
    id        integer primary key,
    alert     integer not null references alert (id) on delete cascade,
    at        integer not null,
    what      text not null check (what in
        ('opened', 'message', 'passed_over', 'acknowledged', 'excused', 'returned', 'gave_up', 'closed')),
    recipient text references employee (id) on delete set null,
    step      integer,                     -- of the alert's policy
    message   integer references message_4 (id) on delete set null,
    -- A code (no_phone, no_email, absent, on_leave, undeliverable, nobody_left, not_configured, cancelled, not_reachable,
    -- off_shift, excused) or, of an excuse, the reason.
    detail    text
) strict;
insert into alert_event_4 select id, alert, at, what, recipient, step, message, detail from alert_event;
drop table alert_event;
drop table message;
alter table message_4 rename to message;
alter table alert_event_4 rename to alert_event;
create index alert_event_alert on alert_event (alert);
create index alert_event_message on alert_event (message);
create index message_about_alert on message_about (alert);
create index message_due on message (due_at) where state in ('queued', 'sending', 'failed_temporary');
create index message_waiting on message (address) where state in ('queued', 'sending', 'failed_temporary');
create index message_recipient on message (recipient);
create index message_sent on message (channel, sent_at) where sent_at is not null;
create index message_address_sent on message (address, sent_at) where sent_at is not null;

-- When somebody registered last wrote to us: for 24 hours from then, text may be sent.
create table conversation (
    phone      text primary key,           -- E.164
    written_at integer not null
) strict, without rowid;

-- From when to when no message goes out, for maintenance.
create table silence (
    id         integer primary key,
    from_at    integer not null,
    to_at      integer not null check (to_at >= from_at),
    reason     text not null,
    created_by text not null,              -- a user's name
    created_at integer not null
) strict;
create index silence_to on silence (to_at);

-- Digests that were told: each time of each kind once.
create table digest (
    kind    text not null check (kind in ('hr', 'teams')),
    due_at  integer not null,
    told_at integer not null,
    primary key (kind, due_at)
) strict, without rowid;

-- One row: when somebody is off and absent, where it was set otherwise than in the configuration.
create table site_threshold (
    id             integer primary key check (id = 1),
    off_after_s    integer check (off_after_s > 0),
    absent_after_s integer check (absent_after_s > 0)
) strict;
insert into site_threshold (id) values (1);
