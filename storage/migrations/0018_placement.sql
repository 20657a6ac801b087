-- Which of the stores of the installation this one is. One row, written when the store is set up, so that
-- addresses that were mixed up, or stores that were added to spans already stored, are noticed.

CREATE TABLE placement (
    number integer PRIMARY KEY CHECK (number = 1),
    place  integer NOT NULL, -- from 0, the home of jobs and elections
    stores integer NOT NULL  -- how many there are
);

-- A store that something was written to before was the only one.
INSERT INTO placement (number, place, stores)
SELECT 1, 0, 1 WHERE EXISTS (SELECT FROM progress) OR EXISTS (SELECT FROM segment);
