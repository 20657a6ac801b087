-- The token index: catalogue of the tables and runs of postings. The page tables themselves,
-- `posting_page_<level>_<YYYYMMDD>_<generation>`, are made and dropped by the program.

-- Numbers of runs.
CREATE SEQUENCE posting_run_number;

-- Page tables by day, level and generation.
CREATE TABLE posting_table (
    day        integer  NOT NULL,
    level      smallint NOT NULL, -- 0 holds what transactions write, each further one merged runs
    generation integer  NOT NULL,
    open       boolean  NOT NULL DEFAULT true, -- false once it is sealed: nothing is added to it
    retired_ns bigint,            -- when it was first seen without runs; to be dropped some time later
    PRIMARY KEY (day, level, generation)
);
-- One generation takes new runs.
CREATE UNIQUE INDEX posting_table_open ON posting_table (day, level) WHERE open;

-- Runs that searches read: all rows of a run lie in the table of its day, level and generation.
CREATE TABLE posting_run (
    day            integer  NOT NULL,
    run_id         bigint   NOT NULL,
    level          smallint NOT NULL,
    generation     integer  NOT NULL,
    segments       integer  NOT NULL,
    start_min      bigint   NOT NULL, -- no span of its segments starts earlier, nanoseconds
    start_max      bigint   NOT NULL, -- no span of its segments starts later
    chunk_start_min bigint[] NOT NULL, -- the same for each 1,024 segments in order
    chunk_start_max bigint[] NOT NULL,
    PRIMARY KEY (day, run_id)
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500);
