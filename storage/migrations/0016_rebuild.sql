-- A closed day that is written afresh: segments that writers add to it meanwhile, by the trigger
-- that the rebuild puts on the day's partition for as long as it lasts.

CREATE TABLE rebuild_late (
    day        integer NOT NULL,
    segment_id bigint  NOT NULL,
    PRIMARY KEY (day, segment_id)
);

-- Which transactions wrote the rows of a day that was rebuilt: to pages of a search that began before,
-- these are as old as the ones whose place they took.
CREATE TABLE rebuilt_day (
    day               integer PRIMARY KEY,
    first_transaction bigint NOT NULL, -- in 64 bits
    last_transaction  bigint NOT NULL
);

CREATE FUNCTION note_late_segment() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO spoor.rebuild_late VALUES (TG_ARGV[0]::integer, NEW.segment_id);
    RETURN NULL;
END $$;
