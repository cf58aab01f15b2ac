-- What a sighting's last_at rests on: face (or badge), or body, followed since the face was last seen; and when a face or
-- badge last confirmed who it is, where that was before last_at.
alter table sighting add column basis text not null default 'face';
alter table sighting add column verified_at integer;
