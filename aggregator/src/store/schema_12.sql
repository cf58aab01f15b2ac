-- What was seen of somebody by the body alone, for the evidence of a day.
create index sighting_by_body on sighting (employee, last_at) where basis = 'body';
