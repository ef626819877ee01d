// Names of targets as their journals have them, for targets that no plan need know any more.

/** `chunk_0-0`, `chunk=0`, or '' for what runs once: what stands behind the `@`. */
export function memberOfJournal(journal: string): string {
  const name = journal.slice(journal.lastIndexOf('/') + 1);
  return name === '@once' ? '' : name.replace(/^@/, '');
}

/** The whole name of a target from its step and cell. */
export function recordedName(target: string, journal: string): string {
  const member = memberOfJournal(journal);
  return member === '' ? target : `${target}@${member}`;
}
