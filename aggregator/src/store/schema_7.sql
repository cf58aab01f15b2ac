-- Settings that were made on the dashboard instead of in the configuration (JSON): language, quiet_hours, retention.
create table site_setting (
    key   text primary key,
    value text not null
) strict, without rowid;

-- What people noted on an alert.
create table alert_comment (
    id    integer primary key,
    alert integer not null references alert (id) on delete cascade,
    at    integer not null,
    who   text not null,                   -- an employee's id, else a user's name
    text  text not null
) strict;
create index alert_comment_alert on alert_comment (alert);

-- What a camera is called on the dashboard, where that is otherwise than in its own configuration.
alter table camera add column own_label text;
