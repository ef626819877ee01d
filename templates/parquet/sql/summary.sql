-- $input is the list of all clean files.
SELECT parse_filename(filename) AS file, count(*) AS rows
FROM read_parquet($input, filename = true, union_by_name = true)
GROUP BY ALL
ORDER BY ALL
