// Whether a target's account of its entries balances, and how it is read from SQL. Pure but for
// the query.
import type { Account } from '../task.ts';
import type { AccountRecord } from '../trace.ts';
import type { Database, Row } from './duckdb.ts';
import { targetError } from './target-error.ts';

/** Adds up a script's table `accounting(kind, reason, entries)`. Throws `account-unbalanced`. */
export async function readAccount(database: Database): Promise<Account> {
  const rows = await database.rows(
    `SELECT CAST(kind AS VARCHAR) AS kind, CAST(reason AS VARCHAR) AS reason,
       CAST(sum(entries) AS BIGINT) AS entries
     FROM accounting GROUP BY ALL ORDER BY ALL`,
  );
  const drops: Record<string, number> = {};
  let entriesIn: number | undefined;
  let kept = 0;
  let written: number | undefined;
  for (const row of rows) {
    const entries = Number(row['entries'] ?? 0);
    switch (row['kind']) {
      case 'in':
        entriesIn = (entriesIn ?? 0) + entries;
        break;
      case 'kept':
        kept += entries;
        break;
      case 'rows':
        written = (written ?? 0) + entries;
        break;
      case 'drop':
        if (entries > 0) drops[reasonOf(row)] = entries;
        break;
      default:
        throw targetError('account-unbalanced', `accounting has a row of kind "${row['kind']}"`, {
          hint: 'kinds are in, kept, drop and rows',
        });
    }
  }
  if (entriesIn === undefined) {
    throw targetError('account-unbalanced', 'accounting has no row of kind "in"');
  }
  return { entriesIn, kept, drops, ...(written === undefined ? {} : { rows: written }) };
}

function reasonOf(row: Row): string {
  return typeof row['reason'] === 'string' ? row['reason'] : 'unknown';
}

/** Throws `account-unbalanced` with the numbers, unless everything that came in is accounted for. */
export function checkAccount(
  account: Account,
  { rejects, rows }: { readonly rejects: number; readonly rows: number | undefined },
): AccountRecord {
  const drops = Object.entries(account.drops);
  const sum = account.kept + rejects + drops.reduce((total, [, entries]) => total + entries, 0);
  const parts = [
    `kept ${account.kept}`,
    ...drops.map(([reason, entries]) => `dropped ${entries} (${reason})`),
    `rejected ${rejects}`,
  ];
  if (sum !== account.entriesIn) {
    throw targetError(
      'account-unbalanced',
      `${account.entriesIn} entries came in, ${sum} went out`,
      {
        detail: parts.join(', '),
        hint: 'every entry must be kept, dropped for a reason, or rejected',
      },
    );
  }
  if (account.rows !== undefined && rows !== undefined && account.rows !== rows) {
    throw targetError(
      'account-unbalanced',
      `${account.rows} rows are accounted for, ${rows} written`,
    );
  }
  return { entriesIn: account.entriesIn, kept: account.kept, drops: account.drops };
}
