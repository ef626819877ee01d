// Writes docs/reference.md from schema/pipeline.schema.json, which editors and the parser use too:
//
//   node docs/reference.ts > docs/reference.md
//
// It decides how keys are laid out; what they mean stands in the schema. test/docs.test.ts fails
// when the page is another than this gives.
import { stringify } from 'yaml';
import schema from '../schema/pipeline.schema.json' with { type: 'json' };

interface Part {
  readonly $ref?: string;
  readonly title?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly examples?: readonly unknown[];
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, Part>>;
  readonly additionalProperties?: Part | boolean;
}

/** A section of the page: where its keys stand in the schema and in a pipeline file. */
interface Section {
  readonly heading: string;
  readonly path: string;
  /** Said before the description of the schema. */
  readonly where: string;
}

const SECTIONS: readonly Section[] = [
  { heading: 'The file', path: '#', where: 'The keys at the top of `pipeline.yaml`.' },
  { heading: 'A source', path: '#/$defs/source', where: 'Below `sources: NAME:`.' },
  {
    heading: 'A seed',
    path: '#/$defs/source/properties/seed',
    where: 'Below `sources: NAME: seed:`.',
  },
  {
    heading: 'Computed groups',
    path: '#/$defs/groups/additionalProperties',
    where: 'Below `sources: NAME: groups: KIND:`.',
  },
  { heading: 'A step', path: '#/$defs/step', where: 'Below `steps: NAME:`.' },
  {
    heading: 'Retries of a step',
    path: '#/$defs/step/properties/retries',
    where: 'Below `steps: NAME: retries:`, where a number does not say enough.',
  },
  {
    heading: 'Pools of a step',
    path: '#/$defs/step/properties/pools',
    where: 'Below `steps: NAME: pools:`.',
  },
  {
    heading: 'An output',
    path: '#/$defs/output',
    where: 'Below `steps: NAME: outputs:`, or below the name of an output there.',
  },
  { heading: 'Publishing', path: '#/$defs/publish', where: 'Below `steps: NAME: publish:`.' },
  { heading: 'Pools', path: '#/$defs/pools', where: 'Below `pools:`.' },
  {
    heading: 'A Hub',
    path: '#/$defs/hub',
    where: 'Below `hub:`, and below `hub:` of a source or a step.',
  },
  {
    heading: 'The seed of an embedded Hub',
    path: '#/$defs/hub/properties/embedded/properties/seed',
    where: 'Below `hub: embedded: seed:`.',
  },
];

const INTRODUCTION = `<!-- Made by docs/reference.ts from schema/pipeline.schema.json: edit those, not this page. -->
# Reference of pipeline.yaml

Every key, with what it may hold, its default and examples. The first line of a pipeline file may name
the schema, so that editors complete and explain the keys: \`# yaml-language-server: $schema=PATH/pipeline.schema.json\`.

${described(schema)}

- Names of steps, sources and outputs: ${titleOf('#/$defs/name')}; those of variables without \`-\`.
- Sizes: ${titleOf('#/$defs/size')}. GB is 10^9 bytes, GiB is 2^30.
- Durations: ${titleOf('#/$defs/duration')}.
- \`null\` has a meaning only in a profile, where it removes what the rest of the file says, and in \`hub:\`.
- Top-level keys that begin with \`x-\` are ignored: a place for YAML anchors. Merge keys (\`<<\`) are not taken.
- A text that is one variable and nothing else (\`"{tables}"\`) keeps the variable's type, be it a number, a list or a map.

Variables besides those of \`vars\`: \`{work}\` (the work folder with its profile) and \`{profile}\` everywhere;
in a step with \`each\` the captures of the source's name pattern and \`{key}\` (the file's name without its suffixes, or the group,
such as \`chunk-0\`), with \`each: file\` also \`{file}\` (the name with its suffixes); the dimensions of the step's \`matrix\` and
their attributes; in an output with \`partition_by\` also \`{value}\`; in \`run:\` the paths \`{input}\`, \`{input.NAME}\`, \`{output}\` and \`{output.NAME}\`.
`;

function page(): string {
  return `${[INTRODUCTION, ...SECTIONS.map(section), profileSection()].join('\n')}`;
}

function section({ heading, path, where }: Section): string {
  const part = partAt(path);
  const about = path === '#' ? '' : `\n\n${described(part)}`;
  const keys = Object.entries(part.properties ?? {}).map(([name, key]) =>
    keyText(name, key, { isRequired: part.required?.includes(name) === true }),
  );
  return `## ${heading}\n\n${where}${about}\n\n${keys.join('\n')}`;
}

function keyText(
  name: string,
  raw: Part,
  { isRequired }: { readonly isRequired: boolean },
): string {
  const part = resolved(raw);
  const facts: string[] = [];
  if (part.title !== undefined) facts.push(part.title);
  if (part.enum !== undefined && part.title === undefined) {
    facts.push(part.enum.map((value) => `\`${value}\``).join(', '));
  }
  if (isRequired) facts.push('required');
  if (part.default !== undefined) facts.push(`default \`${flow(part.default)}\``);
  const head = facts.length === 0 ? `**\`${name}\`**` : `**\`${name}\`**: ${facts.join('; ')}.`;
  const examples = (part.examples ?? []).map((value) => `\`${flow({ [name]: value })}\``);
  const shown = examples.length === 0 ? '' : `  \n  ${examples.join(' · ')}`;
  return `- ${head}  \n  ${described(part)}${shown}\n`;
}

function profileSection(): string {
  const keys = Object.keys(partAt('#/$defs/overlay').properties ?? {});
  return `## A profile

Below \`profiles: NAME:\`, any of ${keys.map((key) => `\`${key}\``).join(', ')}, with whatever of it is to be different.
${described(partAt('#/$defs/overlay'))}
`;
}

function described({ description }: Part): string {
  return (description ?? '')
    .replace('{{ and }}', '`{{` and `}}`')
    .replace(/\$\{\.\.\}/, '`$&`')
    .replaceAll(/`[^`]*`|[*<]/g, (found) => (found.length > 1 ? found : `\\${found}`));
}

function titleOf(path: string): string {
  return partAt(path).title ?? '';
}

/** One line of YAML. */
function flow(value: unknown): string {
  const isMap = typeof value === 'object' && value !== null && !Array.isArray(value);
  if (isMap) {
    const lines = Object.entries(value).map(([key, inner]) => `${key}: ${flowOf(inner)}`);
    if (lines.length === 1) return lines[0] ?? '';
  }
  return flowOf(value);
}

function flowOf(value: unknown): string {
  return stringify(value, { collectionStyle: 'flow', lineWidth: 0, flowCollectionPadding: true })
    .trimEnd()
    .replace(/^\n/, '');
}

function resolved(part: Part): Part {
  return part.$ref === undefined ? part : { ...resolved(partAt(part.$ref)), ...part };
}

function partAt(path: string): Part {
  let found: unknown = schema;
  for (const step of path.split('/').slice(1)) {
    // `as`: an object of the schema, gone down key by key.
    found = (found as Readonly<Record<string, unknown>>)[step];
  }
  if (typeof found !== 'object' || found === null) throw new Error(`the schema has no ${path}`);
  return resolved(found as Part);
}

process.stdout.write(page());
