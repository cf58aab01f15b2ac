-- What was seen of somebody by the body alone, for the evidence of a day.
create index sighting_by_body on sighting (employee, last_at, verified_at, first_at) where basis = 'body';
