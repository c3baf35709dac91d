-- Speed and retention: what the engine writes most is written with as little as possible beside it, and what nobody needs
-- any more can go.

-- A step is only ever written in the statement that locks and changes its job, so asking for each row whether the job is
-- there finds nothing, and costs as much as the row.
alter table job_steps drop constraint job_steps_user_id_job_id_fkey;
-- The ledger is kept for good, and a forgotten job is not: what was paid, by whom and for which job stands in the row.
alter table ledger drop constraint ledger_user_id_job_id_fkey;

-- Nobody looks into a request but the code, which reads its text: as text it need not be put together anew for each claim.
alter table jobs alter column request type json using request::json;

-- No change of a job can stay on its page alone (HOT): claims, waits and renewals move next_action_at, and what phones see
-- moves change_sequence, and both are indexed. Room left on the pages would only make the table larger.
alter table jobs set (
    fillfactor = 100,
    -- Ten versions a job come to be in a short time, and the front of jobs_due is made of dead entries. A fifth of a large
    -- table is far too late: a hundredth, and what a small table may collect. Without pauses, since a vacuum that lags
    -- behind costs more than one that works.
    autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 1000,
    autovacuum_analyze_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);
-- The counter of a user changes with each of their changes and stands in no index: all of those are HOT as long as the page
-- has room for another version. A row has a hundred bytes, so half a page is room for some forty.
alter table users set (
    fillfactor = 50, autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 500,
    autovacuum_vacuum_cost_delay = 0);
-- An attempt is written twice, and the second time touches attempts_one_open.
alter table attempts set (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.02);
-- Only ever added to: vacuumed early, so that the freezing of a large table never comes all at once.
alter table ledger set (autovacuum_vacuum_insert_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);
alter table job_steps set (autovacuum_vacuum_insert_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);

-- What the pruner looks for, and nothing else: tombstones, and keys by their age.
create index jobs_deleted on jobs (deleted_at) where deleted_at is not null;
create index videos_deleted on videos (deleted_at) where deleted_at is not null;
create index idempotency_keys_age on idempotency_keys (created_at);
