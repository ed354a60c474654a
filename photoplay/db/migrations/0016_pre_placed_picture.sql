-- What an unknown submission can be found by in a provider's history when nothing else of ours is in it:
-- the address under which the provider itself keeps the picture.
-- Lock: access exclusive on photoplay.attempts for a moment. Duration: milliseconds.

alter table photoplay.attempts add column placed_picture text;
comment on column photoplay.attempts.placed_picture is
    'Address of the picture in the submission, where it names nothing of ours; null where the attempt''s id is in it.';
