-- Descriptions: one row per language of an entity.
--
-- $input: the source files; their column `descriptions` is JSON text such as
--   {"en": {"language": "en", "value": "city in Germany"}, ..}
-- The tables rejects and accounting are read by the runner after the last statement, the rows.
--
-- Every level of the JSON is read as MAP(VARCHAR, JSON), not as a STRUCT: a STRUCT keeps the first
-- of duplicate keys, and its NULL may be an absent, a null or a wrong value. A JSON value still
-- tells a text from an object that looks like one.

-- A source of another shape is refused before anything is read; columns beside these do not matter.
SELECT error(format('{} has {}, and its columns id and descriptions must be text (VARCHAR)', $input[1],
    coalesce(column_type || ' in ', 'no column ') || name) || chr(10)
  || 'repair the source, or leave the file out of it with a reason: exclude: {FILE: why}')
FROM (VALUES ('id'), ('descriptions')) AS needed(name)
LEFT JOIN (DESCRIBE FROM read_parquet($input, hive_partitioning = false))
  ON lower(column_name) = name
WHERE coalesce(column_type, '') NOT IN ('VARCHAR', 'JSON');

-- Of duplicate keys the last wins; maps without any are the rule and are passed on as they are.
CREATE TEMP MACRO last_entries(map) AS
  CASE WHEN list_unique(map_keys(map)) = len(map_keys(map)) THEN map_entries(map)
    ELSE list_filter(map_entries(map), LAMBDA entry, place:
      NOT list_contains(map_keys(map)[place + 1:], entry.key)) END;

CREATE TEMP MACRO field(map, name) AS
  list_filter(map_entries(map), LAMBDA entry: entry.key = name)[-1].value;

CREATE TEMP MACRO is_nested(json) AS left(json::VARCHAR, 1) IN ('{', '[');

-- A text without quotes, another scalar as it is written, NULL for an object or an array. Most
-- texts hold no escape: cutting off their quotes is cheaper than parsing them again.
CREATE TEMP MACRO text_of(json) AS
  CASE WHEN is_nested(json) THEN NULL
    WHEN left(json::VARCHAR, 1) <> '"' THEN json::VARCHAR
    WHEN contains(json::VARCHAR, '\') THEN json ->> '$'
    ELSE substring(json::VARCHAR, 2, length(json::VARCHAR) - 2) END;

-- The entries of a column that is not a map, looked at only then: null is one entry without a
-- value, [] is how some writers put an empty map, text that cannot be read has no entries, and
-- anything else is one entry of the wrong kind, for which `false` stands.
CREATE TEMP MACRO entries_of_other(text) AS
  CASE WHEN text IS NULL THEN [NULL::JSON]
    WHEN NOT json_valid(text) THEN NULL
    WHEN json_type(text) = 'NULL' THEN [NULL::JSON]
    WHEN json_type(text) = 'ARRAY' AND json_array_length(text) = 0 THEN []::JSON[]
    ELSE ['false'::JSON] END;

-- NULL for text that is not JSON, or that holds half of a surrogate pair, which UTF-8 cannot say.
-- Once one text fails, TRY goes through its whole vector row by row and gives NULL for maps with
-- duplicate keys as well; only what came out as NULL is read a second time.
CREATE TEMP MACRO read_json(text, shape) AS
  coalesce(TRY(from_json(text, shape)), from_json(CASE WHEN json_valid(text) THEN text END, shape));

CREATE TEMP TABLE entity AS
  SELECT id, CASE WHEN records IS NULL THEN entries_of_other(text)
      ELSE list_transform(last_entries(records), LAMBDA entry: entry.value) END AS entries,
    CASE WHEN entries IS NULL THEN text END AS broken
  FROM (SELECT id, text, read_json(text, '"MAP(VARCHAR, JSON)"') AS records
    FROM (SELECT id, descriptions AS text FROM read_parquet($input, hive_partitioning = false)));

-- A record without a language keeps its row: NULL is a value of the partition like any other.
CREATE TEMP TABLE entry AS
  SELECT id, text_of(language) AS language, text_of(value) AS value,
    CASE WHEN json IS NULL THEN 'null_value'
      WHEN record IS NULL OR is_nested(language) THEN 'wrong_kind'
      WHEN value IS NULL THEN 'null_value'
      WHEN is_nested(value) THEN 'wrong_kind' END AS drop_reason
  FROM (SELECT *, field(record, 'language') AS language, field(record, 'value') AS value
    FROM (SELECT *, from_json(json, '"MAP(VARCHAR, JSON)"') AS record
      FROM (SELECT id, unnest(entries) AS json FROM entity)));

CREATE TEMP TABLE rejects AS
  SELECT id, coalesce(json_error(broken), 'not readable as JSON') AS error,
    left(broken, 65536) AS text
  FROM entity WHERE entries IS NULL;

CREATE TEMP TABLE accounting AS
  SELECT 'in' AS kind, NULL AS reason,
      coalesce(sum(coalesce(len(entries), 1)), 0)::BIGINT AS entries FROM entity
  UNION ALL SELECT 'kept', NULL, count(*) FROM entry WHERE drop_reason IS NULL
  UNION ALL SELECT 'rows', NULL, count(*) FROM entry WHERE drop_reason IS NULL
  UNION ALL SELECT 'drop', drop_reason, count(*) FROM entry WHERE drop_reason IS NOT NULL
    GROUP BY drop_reason;

SELECT id, language, value AS description FROM entry WHERE drop_reason IS NULL;
