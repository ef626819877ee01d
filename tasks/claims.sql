-- Claims: one row per statement of an entity and language of its labels.
--
-- $input: the source files; their column `claims` is JSON text such as
--   {"P31": [{"mainsnak": {"property": "P31", "property-labels": {"en": "instance of", ..},
--     "datatype": "wikibase-item", "datavalue": {"id": "Q5", "labels": {"en": "human", ..}}},
--     "rank": "normal", "qualifiers": .., "references": ..}, ..], ..}
-- The tables rejects and accounting are read by the runner after the last statement, the rows.
--
-- The text is large, up to megabytes an entity, and is parsed once. Qualifiers and references,
-- most of it, are skipped by a STRUCT that does not name them, which costs little more than to
-- validate the text. The price: should a statement itself hold `mainsnak` or `rank` twice, the
-- first counts. Every other level is read as MAP(VARCHAR, JSON): there the last of duplicate keys
-- can be found, and a JSON value still tells a text from an object that looks like one.

-- A source of another shape is refused before anything is read; columns beside these do not matter.
SELECT error(format('{} has {}, and its columns id and claims must be text (VARCHAR)', $input[1],
    coalesce(column_type || ' in ', 'no column ') || name) || chr(10)
  || 'repair the source, or leave the file out of it with a reason: exclude: {FILE: why}')
FROM (VALUES ('id'), ('claims')) AS needed(name)
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

CREATE TEMP MACRO number_of(json) AS TRY_CAST(text_of(json) AS DOUBLE);

-- Rounding would make up a value: what is not whole is no integer.
CREATE TEMP MACRO whole(number) AS
  CASE WHEN number = trunc(number) THEN TRY_CAST(number AS INTEGER) END;

-- The last of duplicate keys also for those who look up a key, who would find the first.
CREATE TEMP MACRO last_of_keys(map) AS
  CASE WHEN list_unique(map_keys(map)) = len(map_keys(map)) THEN map
    ELSE map_from_entries(last_entries(map)) END;

CREATE TEMP MACRO map_of(json) AS
  CASE WHEN left(json::VARCHAR, 1) = '{' THEN from_json(json, '"MAP(VARCHAR, JSON)"') END;

-- Some writers leave Wikibase's {"value": .., "type": ..} around a value.
CREATE TEMP MACRO unwrapped(json) AS
  CASE WHEN contains(json::VARCHAR, '"type"')
      AND list_sort(list_distinct(map_keys(map_of(json)))) = ['type', 'value']
    THEN field(map_of(json), 'value') ELSE json END;

-- Labels by language. Only an object has languages; in one, a language whose label is null has none.
CREATE TEMP MACRO last_labels(map) AS
  CASE WHEN list_unique(map_keys(map)) = len(map_keys(map))
      AND list_count(map_values(map)) = len(map_keys(map)) THEN map
    ELSE map_from_entries(list_filter(last_entries(map), LAMBDA label: label.value IS NOT NULL)) END;
CREATE TEMP MACRO labels_by_language(json) AS
  last_labels(CASE WHEN left(json::VARCHAR, 1) = '{'
    THEN from_json(json, '"MAP(VARCHAR, VARCHAR)"') END);

CREATE TEMP MACRO label_in(rows, language) AS
  list_filter(rows, LAMBDA label: label.language = language)[1].property;

-- Why an entry has no main snak. Looked at only then, because it parses the entity's text again:
-- text that cannot be read at all is a reject, null is no value, anything else the wrong kind.
CREATE TEMP MACRO why_snak_missing(statement) AS
  CASE WHEN statement IS NULL THEN 'null_value'
    WHEN map_of(statement) IS NOT NULL AND field(map_of(statement), 'mainsnak') IS NULL
    THEN 'null_value' ELSE 'wrong_kind' END;
CREATE TEMP MACRO why_missing(text, key, place) AS
  CASE WHEN text IS NULL THEN 'null_value'
    WHEN NOT json_valid(text) THEN 'reject'
    WHEN json_type(text) = 'NULL' THEN 'null_value'
    WHEN json_type(text) <> 'OBJECT' THEN 'wrong_kind'
    WHEN left(field(map_of(text), key)::VARCHAR, 1) = '['
    THEN why_snak_missing(from_json(field(map_of(text), key), '["JSON"]')[place])
    WHEN field(map_of(text), key) IS NULL THEN 'null_value' ELSE 'wrong_kind' END;

-- NULL for text that is not JSON, or that holds half of a surrogate pair, which UTF-8 cannot say.
-- Once one text fails, TRY goes through its whole vector row by row and gives NULL for maps with
-- duplicate keys as well; only what came out as NULL is read a second time.
CREATE TEMP MACRO read_json(text, shape) AS
  coalesce(TRY(from_json(text, shape)), from_json(CASE WHEN json_valid(text) THEN text END, shape));

-- One row per entry.
--
-- What decides about memory is the text that is held at once. A vector is up to 2,048 rows, in most
-- files a whole row group: a gigabyte of text in the largest ones. Two measures:
-- The row groups are read in up to 8 ranges, one after the other, because a scan that goes on to
-- the next row group still holds the last one.
-- The rows of a vector are handed on in slices of at least 128, because the JSON reader keeps the
-- parsed documents of all that it is handed at once: half the memory, and a quarter less time. The
-- condition must not look like an equality, or the join is made by hashing, which copies the text.
SET VARIABLE input = $input;

SET VARIABLE row_group_ends = (
  SELECT coalesce(list(DISTINCT row_end ORDER BY row_end), [0]) FROM (
    SELECT sum(row_group_num_rows) OVER (PARTITION BY file_name ORDER BY row_group_id) AS row_end
    FROM (SELECT DISTINCT file_name, row_group_id, row_group_num_rows
      FROM parquet_metadata(getvariable('input')))));

SET VARIABLE range_ends = list_transform(range(1, 8), LAMBDA part: getvariable('row_group_ends')[
  ceil(part * len(getvariable('row_group_ends')) / 8)::BIGINT]);

CREATE TEMP MACRO entities_between(first_row, end_row) AS TABLE
  SELECT id, claims AS text, file_index, file_row_number AS row_number, read_json(claims,
    '"MAP(VARCHAR, STRUCT(mainsnak MAP(VARCHAR, JSON), rank JSON)[])"') AS properties
  FROM read_parquet(getvariable('input'), file_row_number = true,
    hive_partitioning = false) AS source, range(8) AS slice(number)
  WHERE file_row_number >= first_row AND file_row_number < end_row
    AND (source.file_row_number // 128 % 8 = slice.number) IS TRUE;

-- The labels of a property are the same text wherever it is used, and most of the text: here every
-- text is kept once, with all its entries. entry_count, on the first entry of an entity, counts its
-- lists before they are taken apart.
CREATE TEMP TABLE property AS
  WITH entity AS NOT MATERIALIZED (
    FROM entities_between(0, getvariable('range_ends')[1])
    UNION ALL FROM entities_between(getvariable('range_ends')[1], getvariable('range_ends')[2])
    UNION ALL FROM entities_between(getvariable('range_ends')[2], getvariable('range_ends')[3])
    UNION ALL FROM entities_between(getvariable('range_ends')[3], getvariable('range_ends')[4])
    UNION ALL FROM entities_between(getvariable('range_ends')[4], getvariable('range_ends')[5])
    UNION ALL FROM entities_between(getvariable('range_ends')[5], getvariable('range_ends')[6])
    UNION ALL FROM entities_between(getvariable('range_ends')[6], getvariable('range_ends')[7])
    UNION ALL FROM entities_between(getvariable('range_ends')[7], 9223372036854775807)),
  -- What is not a map is one entry without a snak, except [], as some writers put an empty map.
  property_lists AS NOT MATERIALIZED (
    SELECT * EXCLUDE (properties), CASE
      WHEN properties IS NOT NULL THEN list_filter(last_entries(properties),
        LAMBDA list: len(list.value) IS DISTINCT FROM 0)
      WHEN json_valid(text) AND json_type(text) = 'ARRAY' AND json_array_length(text) = 0 THEN []
      ELSE [NULL] END AS lists
    FROM entity),
  property_list AS NOT MATERIALIZED (
    SELECT * EXCLUDE (lists), unnest(lists) AS list, generate_subscripts(lists, 1) AS list_place,
      list_sum(list_transform(lists, LAMBDA list: coalesce(len(list.value), 1))) AS entry_count
    FROM property_lists),
  statement AS NOT MATERIALIZED (
    SELECT * EXCLUDE (list), list.key AS key, unnest(coalesce(list.value, [NULL])) AS statement,
      generate_subscripts(coalesce(list.value, [NULL]), 1) AS place
    FROM property_list),
  snak AS NOT MATERIALIZED (
    SELECT *, statement.mainsnak AS snak, CASE WHEN statement.mainsnak IS NULL
      THEN why_missing(text, key, place) END AS why_missing
    FROM statement)
  SELECT row_number() OVER () AS property_number, labels, snaks FROM (
    SELECT field(snak, 'property-labels') AS labels, list({
      'id': id, 'property': coalesce(text_of(field(snak, 'property')), key),
      'rank': text_of(statement.rank), 'datatype': text_of(field(snak, 'datatype')),
      'wrapped': field(snak, 'datavalue'),
      'entry_count': CASE WHEN list_place = 1 AND place = 1 THEN entry_count ELSE 0 END,
      'why_missing': why_missing, 'broken': CASE WHEN why_missing = 'reject' THEN text END,
      'source_place': [file_index, row_number, list_place, place]}) AS snaks
    FROM snak GROUP BY labels);

CREATE TEMP TABLE label AS
  SELECT property_number, text_of(labels) AS property_label, list_transform(map_entries(
    labels_by_language(labels)), LAMBDA label:
      {'language': label.key, 'property': label.value, 'value': NULL::VARCHAR}) AS rows
  FROM property;

-- The entries of a property lie together, in the order of the source, and the properties of a
-- datatype: what is constant compresses, to a third, and costs nothing where it is split.
CREATE TEMP TABLE snak AS
  SELECT * FROM (SELECT property_number, unnest(snaks, max_depth := 2) FROM property)
  ORDER BY datatype, property, source_place;

DROP TABLE property;

-- The columns of the entry's rows; and `common`, the rows' languages and labels where these are not
-- simply those of the property. The entries stay in their order: they stream past the few
-- properties, which the setting keeps on the inner side of the join even where there are fewer
-- entries than properties.
SET disabled_optimizers = 'build_side_probe_side';

CREATE TEMP TABLE claim AS
  WITH typed AS NOT MATERIALIZED (
    SELECT * EXCLUDE (wrapped, source_place), unwrapped(wrapped) AS value FROM snak),
  opened AS NOT MATERIALIZED (
    SELECT *, last_of_keys(map_of(value)) AS object FROM typed),
  -- An object is of the kind that its datatype says if it has the field that makes this kind. All
  -- others are of a kind that nobody knows.
  known AS NOT MATERIALIZED (
    SELECT *, CASE
      WHEN (datatype LIKE 'wikibase-%' OR datatype = 'entity-schema')
        AND text_of(object['id']) IS NOT NULL THEN 'entity'
      WHEN datatype = 'quantity' AND text_of(object['amount']) IS NOT NULL THEN 'quantity'
      WHEN datatype = 'time' AND text_of(object['time']) IS NOT NULL THEN 'time'
      WHEN datatype = 'monolingualtext' AND text_of(object['text']) IS NOT NULL THEN 'text'
      WHEN datatype = 'globe-coordinate' AND coalesce(number_of(object['latitude']),
        number_of(object['longitude'])) IS NOT NULL THEN 'coordinates' END AS kind
    FROM opened),
  labelled AS NOT MATERIALIZED (
    SELECT *, CASE kind WHEN 'entity' THEN object['labels']
      WHEN 'quantity' THEN object['unit-labels'] END AS value_json
    FROM known),
  described AS NOT MATERIALIZED (
    SELECT * EXCLUDE (value_json), text_of(value_json) AS value_label,
      labels_by_language(value_json) AS value_labels,
      CASE kind WHEN 'text' THEN text_of(object['language']) END AS own_language
    FROM labelled),
  -- The languages of the claim. A plain text serves as the label in every language.
  placed AS NOT MATERIALIZED (
    SELECT described.*, rows, CASE
      WHEN cardinality(value_labels) > 0 AND property_label IS NOT NULL THEN
        list_transform(map_entries(value_labels), LAMBDA label:
          {'language': label.key, 'property': property_label, 'value': label.value})
      WHEN cardinality(value_labels) > 0 THEN
        list_filter(list_transform(rows, LAMBDA label: {'language': label.language,
          'property': label.property, 'value': value_labels[label.language]}),
          LAMBDA label: label.value IS NOT NULL)
      WHEN kind = 'text' THEN [{'language': own_language, 'property':
        coalesce(label_in(rows, own_language), property_label), 'value': NULL}]
      END AS common
    FROM described LEFT JOIN label USING (property_number))
  SELECT id, property, property_number, rank, datatype, kind, entry_count, why_missing, broken,
    common, value_label, CASE WHEN why_missing IS NULL
      THEN coalesce(len(common), len(rows), 0) ELSE 0 END AS row_count,
    CASE kind WHEN 'entity' THEN text_of(object['id'])
      WHEN 'quantity' THEN text_of(object['amount'])
      WHEN 'time' THEN text_of(object['time'])
      WHEN 'text' THEN text_of(object['text'])
      WHEN 'coordinates' THEN NULL
      ELSE CASE WHEN is_nested(value) THEN value::VARCHAR ELSE text_of(value) END END AS datavalue,
    CASE kind WHEN 'quantity' THEN text_of(object['unit']) END AS unit,
    CASE kind WHEN 'quantity' THEN text_of(object['lowerBound']) END AS lower_bound,
    CASE kind WHEN 'quantity' THEN text_of(object['upperBound']) END AS upper_bound,
    CASE WHEN kind IN ('time', 'coordinates')
      THEN number_of(object['precision']) END AS precision,
    CASE kind WHEN 'time' THEN whole(number_of(object['timezone'])) END AS timezone,
    CASE kind WHEN 'time' THEN whole(number_of(object['before'])) END AS before,
    CASE kind WHEN 'time' THEN whole(number_of(object['after'])) END AS after,
    CASE kind WHEN 'time' THEN text_of(object['calendarmodel']) END AS calendar_model,
    CASE kind WHEN 'coordinates' THEN number_of(object['latitude']) END AS latitude,
    CASE kind WHEN 'coordinates' THEN number_of(object['longitude']) END AS longitude,
    CASE kind WHEN 'coordinates' THEN number_of(object['altitude']) END AS altitude,
    CASE kind WHEN 'coordinates' THEN text_of(object['globe']) END AS globe
  FROM placed;

-- Not needed any more, and the write is what needs the memory now.
DROP TABLE snak;

CREATE TEMP TABLE rejects AS
  SELECT id, coalesce(json_error(broken), 'not readable as JSON') AS error,
    left(broken, 65536) AS text
  FROM claim WHERE why_missing = 'reject';

CREATE TEMP TABLE accounting AS
  WITH entry AS (
    SELECT entry_count, row_count, CASE
      WHEN why_missing IS NOT NULL THEN why_missing
      WHEN row_count = 0 THEN 'no_common_language' END AS drop_reason
    FROM claim)
  SELECT 'in' AS kind, NULL AS reason, coalesce(sum(entry_count), 0)::BIGINT AS entries FROM entry
  UNION ALL SELECT 'kept', NULL, count(*) FROM entry WHERE drop_reason IS NULL
  UNION ALL SELECT 'rows', NULL, coalesce(sum(row_count), 0)::BIGINT FROM entry
  UNION ALL SELECT 'drop', drop_reason, count(*) FROM entry
    WHERE drop_reason <> 'reject' GROUP BY drop_reason;

-- What repeats in millions of rows becomes a value of an ENUM before the rows are made: its text is
-- not copied for each row, nor looked up for each in the file's dictionary, which is the ENUM's. In
-- the file it is text like any other. (Not the ids: of an ENUM the file has no statistics.)
CREATE TEMP VIEW written AS FROM claim WHERE row_count > 0;

CREATE TYPE property_value AS ENUM (SELECT DISTINCT property FROM written ORDER BY ALL);
CREATE TYPE rank_value AS ENUM (SELECT DISTINCT rank FROM written ORDER BY ALL);
CREATE TYPE datatype_value AS ENUM (SELECT DISTINCT datatype FROM written ORDER BY ALL);
CREATE TYPE unit_value AS ENUM (SELECT DISTINCT unit FROM written ORDER BY ALL);
CREATE TYPE calendar_value AS ENUM (SELECT DISTINCT calendar_model FROM written ORDER BY ALL);
CREATE TYPE globe_value AS ENUM (SELECT DISTINCT globe FROM written ORDER BY ALL);
CREATE TYPE language_value AS ENUM (SELECT DISTINCT row.language FROM (
  SELECT unnest(rows) AS row FROM label UNION ALL SELECT unnest(common) FROM written) ORDER BY ALL);

CREATE TEMP MACRO with_language_values(rows) AS
  rows::STRUCT(language language_value, property VARCHAR, value VARCHAR)[];

WITH valued AS NOT MATERIALIZED (
  SELECT * REPLACE (property::property_value AS property, rank::rank_value AS rank,
    datatype::datatype_value AS datatype, unit::unit_value AS unit,
    calendar_model::calendar_value AS calendar_model, globe::globe_value AS globe,
    with_language_values(common) AS common)
  FROM written),
valued_label AS NOT MATERIALIZED (
  SELECT property_number, with_language_values(rows) AS rows FROM label),
claim_row AS NOT MATERIALIZED (
  SELECT valued.*, unnest(common) AS label FROM valued WHERE common IS NOT NULL
  UNION ALL
  SELECT valued.*, unnest(rows) AS label FROM valued LEFT JOIN valued_label USING (property_number)
  WHERE common IS NULL)
SELECT id, property, label.property AS property_label, label.language AS language, rank, datatype,
  datavalue, CASE kind WHEN 'entity' THEN coalesce(label.value, value_label) END AS datavalue_label,
  unit, CASE kind WHEN 'quantity' THEN coalesce(label.value, value_label) END AS unit_label,
  lower_bound, upper_bound, precision, timezone, before, after, calendar_model,
  latitude, longitude, altitude, globe
FROM claim_row;
