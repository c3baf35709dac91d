-- Uploads that go on after a break, and uploads that do not stay for ever: what nobody names for a while goes, so that
-- a phone that uploads and never asks costs nothing in the long run.

alter table assets
    -- A quote or a job that names the asset moves this on.
    add column expires_at timestamptz not null default now() + interval '30 days',
    -- Gone for everybody; the bytes and the row go next.
    add column deleted_at timestamptz;
alter table assets alter column expires_at drop default;
create index assets_expire on assets (expires_at) where deleted_at is null;
create index assets_deleted on assets (deleted_at) where deleted_at is not null;

-- An upload under way, and for a while after its end, so that a phone that missed the last answer can ask. It stands here
-- before a byte is kept: whatever a process that dies leaves behind belongs to a row that expires.
create table uploads (
    user_id uuid not null references users (id),
    -- The asset's, too: however often the end is repeated, it makes one asset.
    id uuid not null,
    bytes bigint not null check (bytes > 0),
    -- All of it is durable, and nothing behind it counts.
    received bigint not null default 0,
    pieces integer not null default 0,
    -- What the phone said of it, as it said it.
    metadata text check (length(metadata) <= 4096),
    -- Who appends or ends it, and until when nobody else may: a process that dies lets go by itself.
    writer uuid,
    writer_until timestamptz,
    finished_at timestamptz,
    created_at timestamptz not null default now(),
    expires_at timestamptz not null,
    primary key (user_id, id),
    constraint upload_receives_what_was_announced check (received between 0 and bytes),
    constraint upload_has_its_writer_for_a_time check ((writer is null) = (writer_until is null)),
    constraint upload_ends_whole check (finished_at is null or received = bytes)
);
create index uploads_expire on uploads (expires_at);

-- What has arrived, in pieces under keys of their own, until they are put together.
create table upload_pieces (
    user_id uuid not null,
    upload_id uuid not null,
    starts_at bigint not null check (starts_at >= 0),
    bytes bigint not null check (bytes > 0),
    storage_key text not null,
    primary key (user_id, upload_id, starts_at),
    foreign key (user_id, upload_id) references uploads (user_id, id) on delete cascade
);

select keep_users_apart('uploads');
select keep_users_apart('upload_pieces');
