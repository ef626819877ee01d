// What a rule of data quality found in a finished table. It is recorded and told, and stops nothing.

export interface Finding {
  readonly table: string;
  /** As a person would say it: `year is 1860 to 2100`. */
  readonly rule: string;
  readonly severity: 'error' | 'warning';
  /** Rows of the table. */
  readonly rows: number;
  /** Rows that break the rule; undefined when it could not be checked, which `problem` tells. */
  readonly broken: number | undefined;
  readonly problem?: string;
}
