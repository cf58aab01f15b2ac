-- What is wrong with an agent's own files, in a sentence, if something is.
alter table agent add column problem text;
-- What a camera counted since it began, as JSON: see `CameraCounts` in hadir-shared.
alter table camera add column counts text not null default '{}';
