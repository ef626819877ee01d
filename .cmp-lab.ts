import { DuckDBInstance, listValue, LIST, VARCHAR, DuckDBScalarFunction } from '@duckdb/node-api';
import { readFileSync } from 'node:fs';
import { expectedTable } from '/work/main/test/reference/wikidata.ts';
const [file, ...tables] = process.argv.slice(2);
const c = await (await DuckDBInstance.create(':memory:', {threads:'1'})).connect();
const rows = (await c.runAndReadAll(`select * from read_parquet('${file}')`)).getRowObjectsJson();
const files = (await c.runAndReadAll(`select file from glob('${file}')`)).getRows().flat();
for (const t of tables) {
  const c = await (await DuckDBInstance.create(':memory:', {threads:'1'})).connect();
  c.registerScalarFunction(DuckDBScalarFunction.create({ name:'json_error', parameterTypes:[VARCHAR], returnType: VARCHAR, mainFunction(info, input, output){ const col=input.getColumnVector(0); for (let i=0;i<input.rowCount;i++) output.setItem(i, 'E:'+col.getItem(i)); output.flush(); }}));
  const st = await c.extractStatements(readFileSync(`/work/main/tasks/${t}.sql`,'utf8'));
  let out; const t0=process.cpuUsage();
  for (let i=0;i<st.count;i++){ const p=await st.prepare(i); for (let k=1;k<=p.parameterCount;k++) { if (p.parameterName(k)==='input') p.bindList(k, listValue(files), LIST(VARCHAR)); } out = await p.runAndReadAll(); }
  const got = out.getRowObjectsJS(); const e = expectedTable(t, rows);
  const key=(r)=>JSON.stringify(Object.fromEntries(Object.entries(r).sort()), (k,v)=>typeof v==='bigint'?Number(v):v);
  const a=got.map(key).sort(), b=e.rows.map(key).sort();
  const only=(x,y)=>{const s=new Map(); for(const v of y)s.set(v,(s.get(v)??0)+1); return x.filter(v=>{const n=s.get(v)??0; s.set(v,n-1); return n<=0;})};
  console.log(t, got.length, e.rows.length, 'extra', only(a,b).slice(0,3), 'missing', only(b,a).slice(0,3), 'cpu', ((u)=>(u.user+u.system)/1e6)(process.cpuUsage(t0)));
  console.log(key(got[0] ?? {})); 
  console.log((await c.runAndReadAll('from accounting')).getRowsJson().join(' | '), (await c.runAndReadAll('from rejects')).getRowsJson()); console.log(e.entriesIn, e.kept, e.drops, e.rejects.length);
}
