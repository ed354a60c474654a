-- What an operator does, in the transaction that does it. Index: none needed.
insert into photoplay.audit (actor, action, target, details)
values (%(actor)s, %(action)s, %(target)s, %(details)s)
