-- What comes from one source file; $input is its path. Sorted, so that the same rows give the same
-- bytes, and nothing that reads them has to run again.
SELECT DISTINCT *
FROM read_parquet($input)
ORDER BY ALL
