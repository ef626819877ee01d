// Parses the claims of a source file and extracts what the table needs, and does nothing with it.
// In slices, because that is faster and takes less memory than the whole vector at once.
import { openDatabase } from '../src/executor/duckdb.ts';

const [file = ''] = process.argv.slice(2);
const database = await openDatabase({ memoryBytes: 0, temporaryFolder: '', root: '/' });
const snak =
  'STRUCT(property VARCHAR, datavalue VARCHAR, datatype VARCHAR, "property-labels" VARCHAR)';
const shape = JSON.stringify(`MAP(VARCHAR, STRUCT(mainsnak ${snak}, rank VARCHAR)[])`);
await database.rows(
  `SELECT count(*), sum(strlen(claim.mainsnak.property)), sum(strlen(claim.mainsnak.datavalue)),
     sum(strlen(claim.mainsnak.datatype)), sum(strlen(claim.mainsnak."property-labels")),
     sum(strlen(claim.rank))
   FROM (SELECT unnest(flatten(map_values(from_json(claims, '${shape}')))) AS claim
     FROM read_parquet($file, file_row_number = true) AS source, range(8) AS slice(number)
     WHERE (source.file_row_number // 128 % 8 = slice.number) IS TRUE)`,
  { file },
);
database.close();
