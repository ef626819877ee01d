import { DuckDBInstance, listValue, LIST, VARCHAR } from '@duckdb/node-api';
import task from '/work/main/tasks/sample.ts';
import { mkdirSync } from 'node:fs';
const [dir, opts] = process.argv.slice(2);
mkdirSync(dir, {recursive:true}); mkdirSync(dir+'.scratch', {recursive:true});
const defaults = Object.fromEntries(Object.entries(task.with.properties).map(([k,v]) => [k, v.default]));
const inst = await DuckDBInstance.create(':memory:', {threads:'1', memory_limit:'2GB', temp_directory: dir+'.scratch'});
const c = await inst.connect();
const sql = { async run(s, v={}) { 
  const vals = {}; const types={}; for (const [k,x] of Object.entries(v)) { if (Array.isArray(x)) { vals[k]=listValue(x); types[k]=LIST(VARCHAR);} else { vals[k]=x; } }
  await c.run(s, vals, types); } };
const t=Date.now();
await task.run({ with: {...defaults, ...JSON.parse(opts ?? '{}')}, outputs: {output:{path:dir}}, scratch: dir+'.scratch', signal: new AbortController().signal, progress(){}, sql: async()=>sql, log: console.log });
console.log('s', (Date.now()-t)/1000, 'rss', process.resourceUsage().maxRSS/1024|0);
