"""Whether the upstream's books, our ledger, the jobs, the files and the phones' copies say the same in the end."""

import collections

from parts import ROOT, wait_for

OWN_BOOKS = """
select 'an attempt is open: job ' || job_id from attempts where ended_at is null
union all select 'a lease is left: job ' || id from jobs where leased_by is not null
union all select 'money is still reserved for job ' || job_id from ledger group by job_id
    having sum(case kind when 'reserve' then amount when 'settle' then -amount
        when 'release' then -amount else 0 end) <> 0
union all select 'job ' || j.id || ' has ' || count(l.*) || ' settlements for '
        || (select count(*) from attempts a where a.job_id = j.id and outcome in ('accepted', 'lost')) || ' paid attempts'
    from jobs j left join ledger l on l.job_id = j.id and l.kind = 'settle' group by j.user_id, j.id
    having count(l.*) <> (select count(*) from attempts a where a.job_id = j.id and outcome in ('accepted', 'lost'))
union all select 'a ready job has not been seen through: ' || id from jobs where state = 'ready' and not is_cleaned_up
"""
NEVER = {
    "deleted_before_delivery", "credential_at_link", "link_before_completed", "requeued_after_lost_answer",
    "malformed_request", "unauthenticated", "quote_with_other_fields",
}


def missing(sql, phones, before=float("inf")):
    """What was acknowledged before that moment and is not there."""
    jobs = [job for phone in phones for job, at in list(phone.acknowledged.items()) if at < before]
    videos = [video for phone in phones for video, at in list(phone.deleted.items()) if at < before]
    def lost(ids, table, condition):
        if not ids:
            return []
        values = ",".join(f"('{one}'::uuid)" for one in ids)
        return sql(f"select w.id from (values {values}) w (id) where not exists "
                   f"(select from {table} t where t.id = w.id and {condition})").split()
    return [f"job {id}" for id in lost(jobs, "jobs", "true")] + [
        f"deletion of video {id}" for id in lost(videos, "videos", "deleted_at is not null")]


def prove_that_it_finds(sql):
    """The questions themselves: a job opened by hand, in a transaction that is taken back, has to be found."""
    found = sql("begin; update jobs set leased_by = 'the audit' where id = (select id from jobs limit 1); "
                + OWN_BOOKS + "; rollback")
    if "a lease is left" not in found:
        raise RuntimeError(f"the audit does not find what is wrong: {found!r}")


def wait_for_rest(sql):
    """Until nothing is under way; what is left to a person's decision is at rest."""
    wait_for("the jobs", 240, lambda: sql(
        "select count(*) from jobs where next_action_at is not null and state <> 'attention'") == "0", pause=0.3)


def violations(service, sql, phones):
    prove_that_it_finds(sql)
    found = [f"lost: {what}" for what in missing(sql, phones)]
    found += sql(OWN_BOOKS).splitlines()
    found += charges(service.books(), sql)
    for phone in phones:
        found += [f"phone {phone.number}: {what}" for what in phone.trouble] + copies(phone)
    for words in (("ledger", "audit"), ("storage", "verify")):
        try:
            service.gondola(*words)
        except RuntimeError as error:
            found.append(str(error))
    return found


def charges(books, sql):
    rows = [line.split("|") for line in sql(
        "select coalesce(queue_id, ''), state, (select count(*) from attempts a where a.job_id = jobs.id "
        "and outcome = 'lost') from jobs").splitlines()]
    counts = collections.Counter(charge["queue_id"] for charge in books["charges"])
    named = {row[0] for row in rows if row[0]}
    lost = sum(int(row[2]) for row in rows)
    found = [f"{id} was charged {count} times" for id, count in counts.items() if count > 1]
    nameless = [id for id in counts if id not in named]
    if len(nameless) > lost:
        found.append(f"{len(nameless)} charges without a job, {lost} attempts lost")
    found += [f"a job names {id}, which was never charged" for id in named if id not in counts]
    if len(books["charges"]) > len(rows):
        found.append(f"{len(books['charges'])} charges for {len(rows)} jobs")
    return found + [f"upstream: {v['kind']} {v['detail']}" for v in books["violations"] if v["kind"] in NEVER]


def copies(phone):
    """The copy that followed through everything, against one that starts now."""
    known = len(phone.trouble)
    def is_at_its_end():
        page = phone.follow_once(wait=0)
        return len(phone.trouble) > known or page and not page["changes"] and not page["has_more"]
    wait_for(f"the copy of phone {phone.number}", 240, is_at_its_end, pause=0)
    if len(phone.trouble) > known:
        return [f"phone {phone.number}: {what}" for what in phone.trouble[known:]]
    ours, fresh = phone.copy, phone.fresh()
    return [f"phone {phone.number}: {key} differs from a fresh copy" for key in ours.keys() | fresh.keys()
            if ours.get(key) != fresh.get(key)]
