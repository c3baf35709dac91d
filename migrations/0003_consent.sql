-- The upstream may ask for the user's agreement to a text before it takes media that show people. The job waits for the
-- user, and what was shown and when it was agreed to stays with the job.
alter table jobs
    -- The kind of consent and the text as the upstream gave it.
    add column consent_request jsonb,
    add column consented_at timestamptz,
    drop constraint jobs_attention_kind_check,
    add constraint jobs_attention_kind_check
        check (attention_kind in ('unknown_outcome', 'account_blocked', 'consent_needed')),
    add constraint job_consent_is_to_something check (
        consent_request is not null or (consented_at is null and attention_kind is distinct from 'consent_needed'));
