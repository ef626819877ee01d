-- Sorted by id: what is read of a subset is then little, and the range of ids of each file is known.
SELECT *
FROM read_parquet($input)
ORDER BY id
