-- How many people a camera saw in a minute, named or not: a number and no identity. Minutes in which it did not look have
-- no row. (`minute`: since 1970.)
alter table camera add column people integer;
create table occupancy (
    minute integer not null,
    area   text not null,
    camera text not null,
    people integer not null check (people >= 0),
    primary key (minute, area, camera)
) strict, without rowid;
