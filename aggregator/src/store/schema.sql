-- The aggregator's store (SQLite, WAL, secure_delete on). Migration 1.
--
-- Times are integers: milliseconds since 1970-01-01T00:00:00Z. Ids that people or devices make are TEXT;
-- ids that only the store needs are INTEGER. Booleans are 0 or 1.

-- An area that cameras watch. Comes into being with the first camera or employee that names it.
create table area (
    id   text primary key,
    name text not null
) strict;

-- Whoever is registered. Deleting a row deletes all that refers to the person.
create table employee (
    id         text primary key,
    name       text not null check (length(name) between 1 and 100),
    -- The superior; null at the top. Cycles are refused before they get here.
    supervisor text references employee (id) on delete set null,
    phone      text,                       -- E.164, with the plus sign
    badge      text unique,
    language   text not null default 'id' check (language in ('id', 'en')),
    role_title text,
    consent_at integer,                    -- consent to face recognition; null: none, so no template
    created_at integer not null,
    updated_at integer not null,
    check (supervisor is null or supervisor <> id)
) strict;
create index employee_supervisor on employee (supervisor);

-- Where an employee may appear; no row: everywhere.
create table employee_area (
    employee text not null references employee (id) on delete cascade,
    area     text not null references area (id),
    primary key (employee, area)
) strict, without rowid;

-- One enrolled face. Biometric data: nothing else in the store is.
--
-- `embedding` is 4096 zero bytes and then the embedding (unit length, little-endian f32). The padding puts
-- the embedding on an overflow page of its own, which `secure_delete` zeroes when it is freed. In a leaf
-- page it would not be safe: when SQLite moves rows between leaves it leaves stale copies behind (measured:
-- traces of 3 of 6,828 deleted templates).
create table template (
    id         integer primary key,
    employee   text not null references employee (id) on delete cascade,
    model      text not null,              -- the embedding model's id
    embedding  blob not null check (length(embedding) > 4096),
    created_at integer not null
) strict;
create index template_employee on template (employee);

-- One row: counts every change of the templates or of who may appear where.
create table gallery (
    id      integer primary key check (id = 1),
    version integer not null
) strict;
insert into gallery (id, version) values (1, 0);

-- A device beside a camera, from its status messages.
create table agent (
    id              text primary key,
    online          integer not null check (online in (0, 1)),
    version         text not null,
    model           text not null,
    gallery_version integer not null,
    outbox_depth    integer not null,
    outbox_dropped  integer not null,
    clock_offset_ms integer,
    last_heard      integer not null,
    -- Every sighting of this agent up to this seq is stored; what is acknowledged.
    stored_through  integer not null default 0
) strict;

-- A registered camera. `number` is what people call it by: CAM 1.
create table camera (
    id         text primary key,
    number     integer not null unique check (number >= 1),
    label      text not null,
    area       text not null references area (id),
    agent      text not null references agent (id),
    mode       text not null check (mode in ('recognise', 'count', 'off')),
    state      text not null check (state in ('streaming', 'stalled', 'offline', 'disabled')),
    inference  text not null check (inference in ('active', 'offline')),
    fps        real not null,
    last_frame integer,
    problem    text
) strict;

-- When a camera was watching: it streamed, recognition ran, its agent was connected. Blind time, which does
-- not count towards absence, is what these spans leave out. Kept for as long as sightings may come.
create table camera_watch (
    camera  text not null references camera (id) on delete cascade,
    from_at integer not null,
    to_at   integer check (to_at >= from_at),   -- null: still watching
    primary key (camera, from_at)
) strict, without rowid;

-- One row: when the aggregator last did something. After a restart nobody was watching since then.
create table alive (
    id integer primary key check (id = 1),
    at integer not null
) strict;
insert into alive (id, at) values (1, 0);

-- What the agents reported, as they reported it; condensed into attendance and deleted in time.
create table sighting (
    id         text primary key,           -- UUIDv7, made by the agent
    agent      text not null,
    seq        integer not null,
    phase      text not null check (phase in ('began', 'continued', 'ended')),
    employee   text not null references employee (id) on delete cascade,
    camera     text not null,
    method     text not null check (method in ('face', 'qr', 'rfid')),
    track      integer not null,
    first_at   integer not null,
    last_at    integer not null check (last_at >= first_at),
    confidence real not null check (confidence between 0 and 1),
    model      text not null,
    stored_at  integer not null
) strict;
create index sighting_employee_at on sighting (employee, last_at);
create index sighting_agent_seq on sighting (agent, seq);

-- Sightings that could not be taken in, and why, for an administrator to see. No person's data.
create table set_aside (
    id     integer primary key,
    at     integer not null,
    agent  text not null,
    reason text not null,
    count  integer not null
) strict;

-- The state that the presence rules last gave: what a restart begins with. Of whoever is available, `last_seen` is that
-- of their last change: the newest sighting says when they were last seen.
create table employee_status (
    employee  text primary key references employee (id) on delete cascade,
    state     text not null check (state in ('available', 'off', 'absent', 'unknown', 'exempt')),
    since     integer not null,
    last_seen integer
) strict;

-- Where an employee is or was last, and since when.
create table employee_location (
    employee text primary key references employee (id) on delete cascade,
    camera   text not null,
    area     text not null,
    at       integer not null
) strict;

-- A stretch of presence: from the first to the last sighting without a gap longer than the absence
-- threshold. The day's attendance is the sum of its stretches.
create table attendance (
    id       integer primary key,
    employee text not null references employee (id) on delete cascade,
    camera   text not null,
    began_at integer not null,
    ended_at integer not null check (ended_at >= began_at)
) strict;
create index attendance_employee on attendance (employee, began_at);
create index attendance_began on attendance (began_at);

-- One absence that somebody is to be told of.
create table alert (
    id              integer primary key,
    employee        text not null references employee (id) on delete cascade,
    camera          text,
    area            text,
    last_seen       integer not null,
    opened_at       integer not null,
    state           text not null check (state in ('open', 'acknowledged', 'closed')),
    acknowledged_by text,                  -- an employee id, else a user name
    acknowledged_at integer,
    closed_at       integer,
    close_reason    text check (close_reason in ('returned', 'excused', 'deleted', 'off_shift')),
    excused_until   integer
) strict;
-- At most one absence of a person is open at a time.
create unique index alert_open on alert (employee) where state <> 'closed';
create index alert_opened on alert (opened_at);

-- What happened to an alert, in order.
create table alert_event (
    id        integer primary key,
    alert     integer not null references alert (id) on delete cascade,
    at        integer not null,
    what      text not null check (what in
        ('opened', 'message', 'passed_over', 'acknowledged', 'excused', 'returned', 'closed')),
    recipient text references employee (id) on delete set null,
    step      integer,                     -- of the escalation policy
    message   integer references message (id) on delete set null,
    -- A code (no_phone, absent, undeliverable, nobody_left, not_configured) or, of an excuse, the reason.
    detail    text
) strict;
create index alert_event_alert on alert_event (alert);
create index alert_event_message on alert_event (message);

-- The outgoing queue. `dedup` makes each step of each alert go out once, whatever is restarted.
create table message (
    id            integer primary key,
    dedup         text not null unique,
    alert         integer references alert (id) on delete cascade,
    recipient     text references employee (id) on delete cascade,
    phone         text not null,
    form          text not null check (form in ('template', 'text')),
    template      text,                    -- the message template's name; null: text only
    language      text not null,
    parameters    text not null,           -- JSON array of strings
    buttons       text not null,           -- JSON array of quick-reply payloads
    body          text,                    -- of a text message
    state         text not null check (state in
        ('queued', 'sending', 'sent', 'delivered', 'read', 'failed_temporary', 'failed_final')),
    attempts      integer not null default 0,
    due_at        integer not null,
    provider_id   text unique,             -- the provider's message id (wamid)
    error         text,
    created_at    integer not null,
    updated_at    integer not null
) strict;
create index message_alert on message (alert);
create index message_due on message (due_at) where state in ('queued', 'sending', 'failed_temporary');

-- Incoming messages that were dealt with: a repeated webhook changes nothing.
create table incoming (
    provider_id text primary key,
    at          integer not null
) strict, without rowid;

-- People who may log in.
create table user (
    username      text primary key check (length(username) between 1 and 64),
    password_hash text not null,           -- argon2id, PHC string
    role          text not null check (role in ('admin', 'hr', 'supervisor', 'technician')),
    employee      text references employee (id) on delete set null,
    created_at    integer not null
) strict;

-- Login sessions; the cookie holds the token, the store its SHA-256.
create table session (
    token_sha256 blob primary key,
    username     text not null references user (username) on delete cascade,
    created_at   integer not null,
    expires_at   integer not null
) strict;

-- Who changed what. Names no employee: ids only, and none of a deleted person.
create table audit (
    id   integer primary key,
    at   integer not null,
    who  text not null,
    what text not null
) strict;
