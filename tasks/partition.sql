-- One table's rows, to be split by the output's partition column.
--
-- $input: the flat files of the table. They are read one after another in the order of the list,
-- so within each partition the rows keep the order of the source. A folder named `key=value` above
-- them is no column of theirs, hence hive_partitioning = false.
-- The runner knows the last statement in this form, which passes the files on as they are, and
-- splits them without decoding a value: a clause more would cost several times as much.

CREATE TEMP TABLE accounting AS
  -- Counted from the footers, not from what the last statement reads.
  WITH footer AS (SELECT coalesce(sum(num_rows), 0)::BIGINT AS entries
    FROM parquet_file_metadata($input))
  SELECT kind, NULL::VARCHAR AS reason, entries
  FROM footer, unnest(['in', 'kept', 'rows']) AS line(kind);

SELECT * FROM read_parquet($input, hive_partitioning = false);
