-- Which of the things that follow one another count, where one that begins before the last that counts has ended does not: a window
-- aggregate, because each answer rests on the one before it.

create type config.turn as (ended_at timestamptz, ended_place bigint, counts boolean);
comment on type config.turn is 'Where the last that counts ended, behind everything of that moment if place is null; whether it is the newest.';

create function config.next_turn(
    last_turn config.turn, begun_at timestamptz, begun_place bigint, ended_at timestamptz, ended_place bigint,
    ended_before_at timestamptz, ended_before_place bigint
) returns config.turn
language plpgsql immutable parallel safe
as $$
begin
    if last_turn is null then
        last_turn := row(ended_before_at, ended_before_place, false);
    end if;
    if last_turn.ended_at is null or begun_at > last_turn.ended_at
        or begun_at = last_turn.ended_at and begun_place > last_turn.ended_place
    then
        return row(ended_at, ended_place, true);
    end if;
    last_turn.counts := false;
    return last_turn;
end
$$;

create function config.counts(last_turn config.turn) returns boolean
language sql immutable parallel safe
return (last_turn).counts;

create aggregate config.counts_in_turn(timestamptz, bigint, timestamptz, bigint, timestamptz, bigint) (
    sfunc = config.next_turn, stype = config.turn, finalfunc = config.counts, finalfunc_modify = read_only, parallel = safe
);
comment on aggregate config.counts_in_turn(timestamptz, bigint, timestamptz, bigint, timestamptz, bigint) is
'Begin and end of each, and the end of the last that counted before all of them, as moment and place: whether the newest counts.';

drop view if exists build.stg_mixpanel__events; -- its readers read raw
