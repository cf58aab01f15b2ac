-- What kind of problem a camera or an agent has, as its device reports it, or agent_offline or not_configured.
alter table camera add column cause text;
alter table agent add column cause text;
update camera set cause = problem, problem = null where problem = 'not_configured';
