-- Which report goes with a message as a document (JSON); the file is made when the message goes out.
alter table message add column document text;

-- Digests that were told: each time of each kind (hr, teams, month) once.
create table digest_6 (
    kind    text not null,
    due_at  integer not null,
    told_at integer not null,
    primary key (kind, due_at)
) strict, without rowid;
insert into digest_6 select kind, due_at, told_at from digest;
drop table digest;
alter table digest_6 rename to digest;
