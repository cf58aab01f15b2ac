-- What the last check of a camera's mounting found, as JSON, as its device reports it.
alter table camera add column placement text;

-- A supervisor is shown the newest alerts of those below them.
create index alert_employee on alert (employee, opened_at);
