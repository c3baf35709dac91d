/// The secrets that are sealed in the database: private download links of jobs under way.
enum SecretStatements {
    /// The first process leaves the mark of the key that it seals with; every later one has a key of that mark.
    static let markKey = Statement(
        "mark_sealing_key",
        """
        update database_epoch set sealing_key_check = coalesce(sealing_key_check, $1)
        returning encode(sealing_key_check, 'hex') = any ($2::text[]) as fits
        """)

    /// From now on that one has to have a key of this mark.
    static let remarkKey = Statement("remark_sealing_key", "update database_epoch set sealing_key_check = $1")

    static let mark = Statement(
        "sealing_key_mark", "select encode(sealing_key_check, 'hex') as mark from database_epoch")

    /// The beginnings of what is sealed, which name the keys.
    static let heads = Statement(
        "sealed_heads",
        """
        select substr(sealed_link, 1, 7) as head, count(*) as secrets from jobs where sealed_link is not null
        group by 1
        """)

    /// The next of those that another key than `$3`'s has sealed, after the job `$1`, `$2`.
    static let sealedOtherwise = Statement(
        "sealed_otherwise",
        """
        select user_id, id, sealed_link from jobs
        where (user_id, id) > ($1, $2) and sealed_link is not null and substr(sealed_link, 1, 6) <> $3
        order by user_id, id limit $4
        """)

    /// Nothing else of the job changes, and nothing if its link has changed meanwhile.
    static let reseal = Statement(
        "reseal",
        "update jobs set sealed_link = $4 where user_id = $1 and id = $2 and sealed_link = $3 returning id")

    static let all = [markKey, remarkKey, mark, heads, sealedOtherwise, reseal]
}
