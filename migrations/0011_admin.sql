-- What an operator does with users and accounts beyond their limits: shut a user out for a while, erase one for good, and
-- keep an account from being charged.

alter table users
    -- Since when devices are refused and nothing more is paid for. What is paid goes on.
    add column suspended_at timestamptz,
    add column suspended_reason text check (length(suspended_reason) between 1 and 500),
    -- Since when all of the user's data goes; from here on nothing brings it back.
    add column erasing_at timestamptz,
    -- It is gone. The row stays without its name, because the ledger and its counters refer to it.
    add column erased_at timestamptz,
    add constraint user_suspended_says_why check (suspended_reason is null or suspended_at is not null),
    add constraint user_erased_is_shut_out check (
        (erasing_at is null or suspended_at is not null) and (erased_at is null or erasing_at is not null));

-- Accounts that are not to be charged until an operator says otherwise.
create table account_pauses (
    account text primary key check (length(account) between 1 and 200),
    since timestamptz not null default clock_timestamp(),
    reason text check (length(reason) between 1 and 500)
);
