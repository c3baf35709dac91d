-- What a backup cannot know: which jobs were paid after it was made. A restore puts those that might have been before a
-- person, and marks the requests whose answer may lie in the time that was lost.

alter table jobs
    drop constraint jobs_attention_kind_check,
    add constraint jobs_attention_kind_check
        check (attention_kind in ('unknown_outcome', 'account_blocked', 'consent_needed', 'restored')),
    drop constraint job_priced,
    -- One that was not priced when the backup was made has no price after it either.
    add constraint job_priced check (
        price is not null or state in ('accepted', 'failed', 'cancelled')
        or coalesce(attention_kind in ('account_blocked', 'restored'), false));

-- The request, or another one for the same job, may have been answered in the time that was lost: charges of then may
-- belong to requests that nobody here remembers.
alter table attempts add column is_of_lost_time boolean not null default false;
