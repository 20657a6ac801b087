-- A record that was read, by which the log is known again: a topic that is deleted and made again has
-- the same name and the same offsets. All three are null where nothing was read yet, or by an earlier
-- version alone.
ALTER TABLE progress
    ADD COLUMN landmark_offset       bigint,
    ADD COLUMN landmark_timestamp_ms bigint, -- as the log has it
    ADD COLUMN landmark_hash         bigint; -- XXH3 of key and payload
