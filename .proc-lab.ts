import { DuckDBInstance, listValue, LIST, VARCHAR, DuckDBScalarFunction } from '@duckdb/node-api';
import { readFileSync, statSync } from 'node:fs';
const [file, out, ...tables] = process.argv.slice(2);
const pio = process.env.PIO ?? 'true', mem = process.env.MEM ?? '2GB', thr = process.env.THR ?? '1';
const t0=process.cpuUsage(); 
for (const t of tables) {
  const u0=process.cpuUsage();
  const inst = await DuckDBInstance.create(':memory:', {threads:thr, memory_limit:mem, preserve_insertion_order:pio, temp_directory:'/tmp/lab/tmp'});
  const c = await inst.connect();
  c.registerScalarFunction(DuckDBScalarFunction.create({ name:'json_error', parameterTypes:[VARCHAR], returnType: VARCHAR, mainFunction(info, input, output){ const col=input.getColumnVector(0); for (let i=0;i<input.rowCount;i++) output.setItem(i, 'E:'+col.getItem(i)); output.flush(); }}));
  let text = readFileSync(process.env.SQLDIR ? `${process.env.SQLDIR}/${t}.sql` : `/work/main/tasks/${t}.sql`,'utf8');
  const k = text.lastIndexOf('\nSELECT'); text = text.slice(0,k) + `\nCOPY (${text.slice(k).trim().replace(/;$/,'')}) TO '${out}/${t}.parquet' (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE ${process.env.RGS ?? 8192});`;
  const st = await c.extractStatements(text); const marks=[];
  for (let i=0;i<st.count;i++){ const u=process.cpuUsage(); const p=await st.prepare(i); for (let k=1;k<=p.parameterCount;k++) { if (p.parameterName(k)==='input') p.bindList(k, listValue([file]), LIST(VARCHAR)); } await p.run(); const v=process.cpuUsage(u); const s=(v.user+v.system)/1e6; if (s>0.02) marks.push(i+':'+s.toFixed(2)); 
   if (process.env.V) marks.push('mem', (await c.runAndReadAll('select sum(memory_usage_bytes)//1000000, sum(temporary_storage_bytes)//1000000 from duckdb_memory()')).getRowsJson().join()) }
  const u=process.cpuUsage(u0);
  console.log(t, ((u.user+u.system)/1e6).toFixed(2), marks.join(' '), (statSync(`${out}/${t}.parquet`).size/1e6).toFixed(2)+'MB', 'rss', process.resourceUsage().maxRSS/1024|0);
  console.log((await c.runAndReadAll('from accounting')).getRowsJson().join(' | '));
  c.closeSync(); inst.closeSync();
}
const u=process.cpuUsage(t0); console.log('total', (u.user+u.system)/1e6);
