// What stands below the options in the help of the commands: what is particular about each, and
// examples, all from the pipelines that come along. No line is longer than 80 columns.

/** Below the list of commands. */
export const MAIN_HELP = `
A target is written step:cell@file, and any part of it selects, with all that
it needs: process, process:claims, process@chunk=0, @chunk=0, @chunk_0-00000-*.
With a + at its end, also all that depends on it.

The options of a run: pnpm pipeline run --help

Exit codes:
  0    done, or nothing to do
  1    a target failed or is blocked
  2    a mistake in the pipeline or the command, or a decision is needed
  3    a bug, or a state folder that cannot be written
  130  interrupted

Environment:
  HF_TOKEN       the access token of a Hub; else a login's file (HF_TOKEN_PATH,
                 HF_HOME/token). It is in no log, state file or event
  CI, TERM=dumb  plain lines instead of the live view, also on a terminal
  GITHUB_ACTIONS a failure is told in a group that folds away
  NO_COLOR       no colours
  Steps with run: see the whole environment.`;

export const RUN_HELP = `
What was typed selects itself and all that it needs; nothing selects everything.
The first Ctrl-C lets targets stop at a safe point, the second stops them now.

Examples:
  pnpm pipeline process:claims                a step's cell, and what it needs
  pnpm pipeline -n --force process@chunk=0    what would run, why, how long
  pnpm pipeline --until partition             nothing of what comes after
  pnpm pipeline @chunk_0-00000-of-00003 --set owner=me --reporter plain`;

export const STATUS_HELP = `
Examples:
  pnpm pipeline status
  pnpm pipeline status process:claims @chunk=1
  pnpm -s pipeline status --json | jq '.[] | select(.step < 4) | .file'`;

export const EXPLAIN_HELP = `
Examples:
  pnpm pipeline explain partition:links@chunk_0-00000-of-00003
  pnpm pipeline explain push --set owner=me       as it would be with that
  pnpm -s pipeline explain process --json | jq .state`;

export const LOG_HELP = `
Examples:
  pnpm pipeline log pull@chunk_0-00000-of-00003
  pnpm pipeline log push:claims@chunk=0 --follow  beside the run that makes it
  less "$(pnpm -s pipeline log push:claims@chunk=0 --path)"`;

export const GRAPH_HELP = `
Examples:
  pnpm -s pipeline graph > graph.mmd              for GitHub, or mermaid.live
  pnpm -s pipeline graph --format dot | dot -Tsvg > graph.svg
  pnpm -s pipeline graph --format json | jq '.steps[].step'`;

export const VALIDATE_HELP = `
All mistakes of the file come together, each with its place. Nothing is run,
asked of a Hub or written.

Examples:
  pnpm pipeline validate
  pnpm pipeline validate --profile full --set owner=me
  pnpm pipeline validate -f other/pipeline.yaml`;

export const REFRESH_HELP = `
A Hub's files are listed once, pinned to a commit, and recorded. Only this, or
--refresh of a run, lists them anew. Local files are listed at every run.

Examples:
  pnpm pipeline refresh
  pnpm pipeline refresh --profile full --set owner=me`;

export const ACCEPT_HELP = `
Outputs are digested as they are now, so whatever depends on them runs if they
were changed. What was never made, did not end, or lacks an output cannot be
accepted. What was released is accepted by its record, as long as its outputs
and contract are the same.

Examples:
  pnpm pipeline accept process:claims --why "only formatting"
  pnpm pipeline accept process+ -n`;

export const REPAIR_HELP = `
For journals that were deleted or damaged, and for the state files of another
program, each one line {"step": N}. Outputs that lie here whole are taken as
made by the present rules from the present inputs: say yes only if they were.
Every such fact is marked as inferred (see explain). What a dataset proves to
be published is recalled; damaged journals are written clean once what they
prove was looked at again.

Examples:
  pnpm pipeline repair -n
  pnpm pipeline repair @chunk=0 --yes`;

export const GC_HELP = `
Results, logs and journals of source files that vanished, of steps that were
renamed or removed, and of what --set, a profile or exclude leaves out of the
plan: call it with the options of your runs. Only what was made here is deleted,
and nothing that lies where a target of the plan would put its own files. Files
that nobody recorded are listed and left.

With --remote each dataset that the pipeline publishes is looked into: groups
whose manifest is of no group of the plan go, but for files that another group
lists or that somebody has replaced.

Examples:
  pnpm pipeline gc -n
  pnpm pipeline gc --remote --yes`;

export const HUB_SERVE_HELP = `
Prints what to export so that any Hub client finds it. Listens on loopback only
and asks for the token that lies in the work folder.

Examples:
  pnpm pipeline hub serve
  pnpm pipeline hub serve --port 8080 --work WORK`;

export const HUB_LS_HELP = `
Examples:
  pnpm pipeline hub ls
  pnpm -s pipeline hub ls --json | jq -r '.repos[].name'`;

export const COMPLETION_HELP = `
For pipeline and pnpm pipeline. Targets are those of the pipeline in the current
folder, or that -f, -C, --profile, --set and --work name; a Hub's files once
they are listed. Print the script again after moving this folder.

Examples:
  source <(pnpm -s pipeline completion bash)      in ~/.bashrc
  source <(pnpm -s pipeline completion zsh)       in ~/.zshrc
  pnpm -s pipeline completion fish | source       in ~/.config/fish/config.fish`;

export const INIT_HELP = `
Asks for what the options leave open, and writes nothing before the last answer.
Never replaces a file. The templates, each of which runs at once over a sample:
  parquet  local Parquet files through SQL, each alone and then all together
  hub      from a dataset to another: pull, SQL, split by a column, push, check
  shell    commands of the shell over files

The new folder may lie anywhere. It uses this program where it lies now: tasks
import src/task.ts by its path, and the hub template has tasks/pull.ts,
tasks/push.ts and tasks/post_check.ts of this folder as its own. After moving
either folder correct these paths: \`validate\` names each.

Examples:
  pnpm pipeline init ../mine                      asks
  pnpm pipeline init ../mine --template shell --yes
  pnpm pipeline init ../mine --template parquet --source ../files --yes
  pnpm pipeline -C ../mine                        runs it`;

export const REPORT_HELP = `
Steps with states, workers, throughput and memory over time, groups, failures
with the ends of their logs, rows in, out and dropped, partition values,
transfers, and every target. It tells what is recorded: works beside a running
pipeline, and shows the state at that moment.

Examples:
  pnpm pipeline report
  pnpm pipeline report --out /tmp/report.html --open yes`;

export const HISTORY_HELP = `
A row per attempt: target, step, cell, key, group, attempt, status, code of a
failure, started, ended, duration_ms, bytes_in, bytes_out, rows, rejects,
peak_bytes, retries, run, worker, and versions. Arrow is a stream on stdout and
an IPC file (Feather) with --out. Works beside a running pipeline.

Examples:
  pnpm pipeline history | grep failed
  pnpm pipeline history --format arrow --out history.arrow
  pnpm -s pipeline history --format json | jq 'select(.status == "failed")'`;
