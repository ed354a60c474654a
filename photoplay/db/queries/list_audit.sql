-- A page of the audit, newest first. Index: primary key, audit_target.
select id, at, actor, action, target, details from photoplay.audit
where (%(actor)s::text is null or actor = %(actor)s)
    and (%(action)s::text is null or action = %(action)s)
    and (%(target)s::text is null or target = %(target)s)
    and (%(before)s::bigint is null or id < %(before)s)
order by id desc
limit %(limit)s
