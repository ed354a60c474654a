-- Depth of the queue by lane: due now, waiting for their time, in hand.
select entrypoint as lane,
    count(*) filter (where status = 'queued' and execute_after <= now()) as due,
    count(*) filter (where status = 'queued' and execute_after > now()) as waiting,
    count(*) filter (where status = 'picked') as in_hand,
    min(execute_after) filter (where status = 'queued' and execute_after <= now()) as oldest_at
from photoplay.pgqueuer
group by entrypoint order by entrypoint
