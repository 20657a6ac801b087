-- Which tokens the segments of a run have: 1, one for each value; 2, those of errors, durations and short
-- values beside the service, too. Runs that are merged have what all of their sources had.

ALTER TABLE posting_run ADD COLUMN token_set smallint NOT NULL DEFAULT 1;
