-- Adaptive sampling: what is sampled of each operation, and what clients are told to sample.

-- Root spans by service, operation and how they were sampled, as write transactions append them; one
-- elected worker folds them. `second_ns` is when a collector received them, to the second.
CREATE TABLE root_delta (
    second_ns      bigint   NOT NULL,
    probability_e9 bigint   NOT NULL, -- billionths; 0: not told
    roots          bigint   NOT NULL,
    sampler        smallint NOT NULL, -- 0 probabilistic, 1 another one, 2 not told
    tenant         text     NOT NULL,
    service        text     NOT NULL,
    operation      text     NOT NULL
);
CREATE INDEX root_delta_second ON root_delta (second_ns);

-- The same by interval of the calculation, for as many intervals as are looked at.
CREATE TABLE root_throughput (
    bucket_ns      bigint   NOT NULL, -- start of the interval
    probability_e9 bigint   NOT NULL,
    roots          bigint   NOT NULL,
    key            uuid     NOT NULL, -- hash of all columns but the start and the number
    sampler        smallint NOT NULL,
    tenant         text     NOT NULL,
    service        text     NOT NULL,
    operation      text     NOT NULL,
    PRIMARY KEY (bucket_ns, key)
);

-- What clients are told, by operation: written by the elected worker alone, all rows at once.
CREATE TABLE sampling_probability (
    key         uuid             PRIMARY KEY, -- hash of tenant, service and operation
    changed_ns  bigint           NOT NULL, -- when the probability was changed last; 0: never
    probability double precision NOT NULL,
    roots_per_s double precision NOT NULL, -- sampled at this probability, as estimated
    at_rest     boolean          NOT NULL, -- near enough to the target to be left alone
    follows     boolean          NOT NULL, -- the service samples by what it is told
    tenant      text             NOT NULL,
    service     text             NOT NULL,
    operation   text             NOT NULL,
    handed_out  double precision[] NOT NULL -- the latest probabilities, newest first
);

-- The last round of the calculation.
CREATE TABLE sampling_round (
    only_one      boolean     PRIMARY KEY DEFAULT true CHECK (only_one),
    bucket_ns     bigint      NOT NULL, -- start of the newest interval that it looked at
    calculated_ns bigint      NOT NULL,
    calculated_by text        NOT NULL
);

-- What clients are told to sample, by operation.
CREATE VIEW spoor_v1.sampling AS
SELECT tenant, service, operation, probability, roots_per_s AS roots_per_second, at_rest, follows,
    CASE WHEN changed_ns > 0 THEN spoor_v1.at(changed_ns) END AS changed_at
FROM spoor.sampling_probability;
