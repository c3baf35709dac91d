-- What happens to finished files: what they show is known and shown, they can be deleted and brought back for a while, and
-- users can say how much is kept.

alter table videos
    add column frame_rate double precision check (frame_rate > 0),
    add column video_codec text check (length(video_codec) between 1 and 40),
    add column audio_codec text check (length(audio_codec) between 1 and 40),
    -- SHA-256 of the bytes as the upstream gave them, where those that are kept differ (the index was moved to the front).
    add column original_sha256 text check (original_sha256 ~ '^[0-9a-f]{64}$'),
    -- When facts, poster and preview are due to be made; null when they are made, or never will be. A claim moves it to the
    -- end of the claim, so that a video whose worker died comes due again.
    add column media_due_at timestamptz default now(),
    -- How often that was tried; also fences off a worker whose claim ran out.
    add column media_tries integer not null default 0 check (media_tries >= 0),
    -- Why it was given up, or did not come to an end the last time.
    add column media_trouble text check (length(media_trouble) <= 500),
    -- The grace of a deletion is over: from here on nothing brings the video back, and its files go.
    add column removing_since timestamptz,
    -- They are gone.
    add column removed_at timestamptz,
    -- Brought back then: what counts for how long it is kept, or the next round would delete it again.
    add column restored_at timestamptz,
    add constraint video_removed_is_deleted check (
        (removing_since is null or deleted_at is not null) and (removed_at is null or removing_since is not null));

create index videos_media_due on videos (media_due_at) where media_due_at is not null;
-- Deleted, with files that are still there.
create index videos_to_remove on videos (deleted_at) where deleted_at is not null and removed_at is null;

-- Pictures that were made from a video: small, and made again if they are lost.
create table video_pictures (
    user_id uuid not null,
    video_id uuid not null,
    kind text not null check (kind in ('poster', 'preview')),
    storage_key text not null,
    content_type text not null,
    bytes bigint not null check (bytes > 0),
    sha256 text not null check (sha256 ~ '^[0-9a-f]{64}$'),
    width integer not null check (width > 0),
    height integer not null check (height > 0),
    created_at timestamptz not null default now(),
    primary key (user_id, video_id, kind),
    foreign key (user_id, video_id) references videos (user_id, id) on delete cascade
);

-- How much is kept of a user's videos, where null is no limit. Whoever has no rule of their own has the deployment's.
alter table users
    add column has_own_retention boolean not null default false,
    add column keep_days integer check (keep_days > 0),
    add column keep_newest integer check (keep_newest > 0),
    add column quota_bytes bigint check (quota_bytes > 0),
    -- What a full quota does: new submissions are refused, or the oldest videos go.
    add column quota_removes_oldest boolean not null default false,
    add constraint user_retention_is_own check (has_own_retention
        or (keep_days is null and keep_newest is null and quota_bytes is null and not quota_removes_oldest));

select keep_users_apart('video_pictures');
