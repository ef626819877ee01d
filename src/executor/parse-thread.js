// Entry of a thread that parses. Plain JavaScript, so that the compile cache is on before the first
// TypeScript file is read: each thread has one of its own, and starts in a third of the time.
import { enableCompileCache } from 'node:module';

enableCompileCache();
await import('./parse-thread.ts');
