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

CREATE TEMP MACRO text_field(map, name) AS
  list_transform(list_filter(map_entries(map), LAMBDA entry: entry.key = name),
    LAMBDA entry: text_of(entry.value))[-1];

CREATE TEMP MACRO number_field(map, name) AS TRY_CAST(text_field(map, name) AS DOUBLE);

-- Rounding would make up a value: what is not whole is no integer.
CREATE TEMP MACRO integer_field(map, name) AS
  list_transform([number_field(map, name)], LAMBDA number:
    CASE WHEN number = trunc(number) THEN TRY_CAST(number AS INTEGER) END)[1];

CREATE TEMP MACRO map_of(json) AS
  CASE WHEN left(json::VARCHAR, 1) = '{' THEN from_json(json, '"MAP(VARCHAR, JSON)"') END;

-- Some writers leave Wikibase's {"value": .., "type": ..} around a value.
CREATE TEMP MACRO unwrapped(json) AS
  CASE WHEN contains(json::VARCHAR, '"type"')
      AND list_sort(list_distinct(map_keys(map_of(json)))) = ['type', 'value']
    THEN field(map_of(json), 'value') ELSE json END;

-- Labels by language as a list of (key, value). Only an object has languages; in one, a language
-- whose label is null has none.
CREATE TEMP MACRO labels_by_language(json) AS
  CASE WHEN left(json::VARCHAR, 1) = '{' THEN
    list_filter(last_entries(from_json(json, '"MAP(VARCHAR, VARCHAR)"')),
      LAMBDA label: label.value IS NOT NULL) END;

CREATE TEMP MACRO label_in(labels, language) AS
  list_filter(labels, LAMBDA label: label.key = language)[1].value;

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

-- One row per entry. The rows of a vector (up to 2,048: a whole row group, a gigabyte of text in
-- the largest files) are handed on in slices of at least 128, because the JSON reader keeps the
-- parsed documents of all that it is handed at once: half the memory, and a quarter less time. The
-- condition must not look like an equality, or the join is made by hashing, which copies the text.
-- entry_count, on the first entry of an entity, counts its lists before they are taken apart.
CREATE TEMP TABLE snak AS
  WITH entity AS NOT MATERIALIZED (
    SELECT id, claims AS text, read_json(claims,
      '"MAP(VARCHAR, STRUCT(mainsnak MAP(VARCHAR, JSON), rank JSON)[])"') AS properties
    FROM read_parquet($input, file_row_number = true,
      hive_partitioning = false) AS source, range(8) AS slice(number)
    WHERE (source.file_row_number // 128 % 8 = slice.number) IS TRUE),
  -- What is not a map is one entry without a snak, except [], as some writers put an empty map.
  property_lists AS NOT MATERIALIZED (
    SELECT id, text, CASE
      WHEN properties IS NOT NULL THEN list_filter(last_entries(properties),
        LAMBDA list: len(list.value) IS DISTINCT FROM 0)
      WHEN json_valid(text) AND json_type(text) = 'ARRAY' AND json_array_length(text) = 0 THEN []
      ELSE [NULL] END AS lists
    FROM entity),
  property_list AS NOT MATERIALIZED (
    SELECT id, text, unnest(lists) AS list, generate_subscripts(lists, 1) AS list_place,
      list_sum(list_transform(lists, LAMBDA list: coalesce(len(list.value), 1))) AS entry_count
    FROM property_lists),
  statement AS NOT MATERIALIZED (
    SELECT id, text, list.key AS key, unnest(coalesce(list.value, [NULL])) AS statement,
      generate_subscripts(coalesce(list.value, [NULL]), 1) AS place,
      list_place, entry_count
    FROM property_list)
  SELECT id, coalesce(text_field(statement.mainsnak, 'property'), key) AS property,
    text_of(statement.rank) AS rank,
    text_field(statement.mainsnak, 'datatype') AS datatype,
    field(statement.mainsnak, 'datavalue') AS wrapped,
    field(statement.mainsnak, 'property-labels') AS property_labels,
    hash(property_labels) AS property_hash,
    CASE WHEN list_place = 1 AND place = 1 THEN entry_count ELSE 0 END AS entry_count,
    CASE WHEN statement.mainsnak IS NULL THEN why_missing(text, key, place) END AS why_missing,
    CASE WHEN why_missing = 'reject' THEN text END AS broken
  FROM statement;

-- The labels of a property are the same text wherever it is used: each text is read only once.
CREATE TEMP TABLE property AS
  SELECT property_hash, labels_by_language(json) AS labels, text_of(json) AS label
  FROM (SELECT property_hash, any_value(property_labels) AS json FROM snak GROUP BY property_hash);

-- The columns of the entry's rows, and in `labels` a list of the rows' languages and labels. The
-- entries stay in the order of the source: they stream past the few properties, which the setting
-- keeps on the inner side of the join even where there are fewer entries than properties.
SET disabled_optimizers = 'build_side_probe_side';

CREATE TEMP TABLE claim AS
  WITH typed AS NOT MATERIALIZED (
    SELECT snak.* EXCLUDE (property_labels, wrapped), unwrapped(wrapped) AS value,
      property.labels AS property_labels, property.label AS property_label
    FROM snak LEFT JOIN property USING (property_hash)),
  -- An object is of the kind that its datatype says if it has the field that makes this kind. All
  -- others are of a kind that nobody knows.
  known AS NOT MATERIALIZED (
    SELECT *, map_of(value) AS object, CASE
      WHEN (datatype LIKE 'wikibase-%' OR datatype = 'entity-schema')
        AND text_field(object, 'id') IS NOT NULL THEN 'entity'
      WHEN datatype = 'quantity' AND text_field(object, 'amount') IS NOT NULL THEN 'quantity'
      WHEN datatype = 'time' AND text_field(object, 'time') IS NOT NULL THEN 'time'
      WHEN datatype = 'monolingualtext' AND text_field(object, 'text') IS NOT NULL THEN 'text'
      WHEN datatype = 'globe-coordinate' AND coalesce(number_field(object, 'latitude'),
        number_field(object, 'longitude')) IS NOT NULL THEN 'coordinates' END AS kind
    FROM typed),
  labelled AS NOT MATERIALIZED (
    SELECT *, CASE kind WHEN 'entity' THEN field(object, 'labels')
      WHEN 'quantity' THEN field(object, 'unit-labels') END AS value_labels
    FROM known),
  described AS NOT MATERIALIZED (
    SELECT * EXCLUDE (value_labels),
      map_from_entries(labels_by_language(value_labels)) AS value_labels,
      text_of(value_labels) AS value_label,
      CASE kind WHEN 'text' THEN text_field(object, 'language') END AS own_language
    FROM labelled)
  SELECT id, property, rank, datatype, kind, entry_count, why_missing, broken,
    CASE kind WHEN 'entity' THEN text_field(object, 'id')
      WHEN 'quantity' THEN text_field(object, 'amount')
      WHEN 'time' THEN text_field(object, 'time')
      WHEN 'text' THEN text_field(object, 'text')
      WHEN 'coordinates' THEN NULL
      ELSE CASE WHEN is_nested(value) THEN value::VARCHAR ELSE text_of(value) END END AS datavalue,
    CASE kind WHEN 'quantity' THEN text_field(object, 'unit') END AS unit,
    CASE kind WHEN 'quantity' THEN text_field(object, 'lowerBound') END AS lower_bound,
    CASE kind WHEN 'quantity' THEN text_field(object, 'upperBound') END AS upper_bound,
    CASE WHEN kind IN ('time', 'coordinates')
      THEN number_field(object, 'precision') END AS precision,
    CASE kind WHEN 'time' THEN integer_field(object, 'timezone') END AS timezone,
    CASE kind WHEN 'time' THEN integer_field(object, 'before') END AS before,
    CASE kind WHEN 'time' THEN integer_field(object, 'after') END AS after,
    CASE kind WHEN 'time' THEN text_field(object, 'calendarmodel') END AS calendar_model,
    CASE kind WHEN 'coordinates' THEN number_field(object, 'latitude') END AS latitude,
    CASE kind WHEN 'coordinates' THEN number_field(object, 'longitude') END AS longitude,
    CASE kind WHEN 'coordinates' THEN number_field(object, 'altitude') END AS altitude,
    CASE kind WHEN 'coordinates' THEN text_field(object, 'globe') END AS globe,
    -- The languages of the claim. A plain text serves as the label in every language.
    CASE WHEN why_missing IS NOT NULL THEN []
      WHEN cardinality(value_labels) > 0 AND property_label IS NOT NULL THEN
        list_transform(map_entries(value_labels), LAMBDA label:
          {'language': label.key, 'property': property_label, 'value': label.value})
      WHEN cardinality(value_labels) > 0 THEN
        list_filter(list_transform(property_labels, LAMBDA label: {'language': label.key,
          'property': label.value, 'value': value_labels[label.key]}),
          LAMBDA label: label.value IS NOT NULL)
      WHEN kind = 'text' THEN [{'language': own_language, 'property':
        coalesce(label_in(property_labels, own_language), property_label), 'value': NULL}]
      ELSE list_transform(property_labels, LAMBDA label:
        {'language': label.key, 'property': label.value, 'value': value_label})
      END AS labels
  FROM described;

-- Not needed any more, and the write is what needs the memory now.
DROP TABLE snak;
DROP TABLE property;

CREATE TEMP TABLE rejects AS
  SELECT id, coalesce(json_error(broken), 'not readable as JSON') AS error,
    left(broken, 65536) AS text
  FROM claim WHERE why_missing = 'reject';

CREATE TEMP TABLE accounting AS
  WITH entry AS (
    SELECT entry_count, coalesce(len(labels), 0) AS row_count, CASE
      WHEN why_missing IS NOT NULL THEN why_missing
      WHEN row_count = 0 THEN 'no_common_language' END AS drop_reason
    FROM claim)
  SELECT 'in' AS kind, NULL AS reason, coalesce(sum(entry_count), 0)::BIGINT AS entries FROM entry
  UNION ALL SELECT 'kept', NULL, count(*) FROM entry WHERE drop_reason IS NULL
  UNION ALL SELECT 'rows', NULL, coalesce(sum(row_count), 0)::BIGINT FROM entry
  UNION ALL SELECT 'drop', drop_reason, count(*) FROM entry
    WHERE drop_reason <> 'reject' GROUP BY drop_reason;

SELECT id, property, label.property AS property_label, label.language AS language, rank, datatype,
  datavalue, CASE kind WHEN 'entity' THEN label.value END AS datavalue_label,
  unit, CASE kind WHEN 'quantity' THEN label.value END AS unit_label,
  lower_bound, upper_bound, precision, timezone, before, after, calendar_model,
  latitude, longitude, altitude, globe
FROM (SELECT *, unnest(labels) AS label FROM claim);
