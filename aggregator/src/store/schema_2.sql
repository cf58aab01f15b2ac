-- What is wrong with an agent's own files, in a sentence, if something is.
alter table agent add column problem text;
-- What a camera counted since it began, as JSON: see `CameraCounts` in hadir-shared.
alter table camera add column counts text not null default '{}';

-- A badge that was shown at one camera while its owner, or the same badge, was at one of another area.
create table badge_conflict (
    employee text not null references employee (id) on delete cascade,
    camera   text not null,     -- where the badge was shown
    other    text not null,     -- where its owner was seen, or the badge shown, at the same time
    shown_at integer not null,  -- when that badge was first held there
    noted_at integer not null,
    primary key (employee, shown_at, camera, other)
) strict, without rowid;
create index badge_conflict_shown on badge_conflict (shown_at);
