// Loaded into every process of a run before anything else (`NODE_OPTIONS=--import`): its wall clock
// is another one than the machine's, and jumps while it runs. The monotonic clock stays.
export interface ClockSettings {
  readonly shiftMs: number;
  /** After so long in this process. */
  readonly jumpAfterMs: number;
  readonly jumpMs: number;
}

export const CLOCK_VARIABLE = 'CRASH_CLOCK';

const setting = process.env[CLOCK_VARIABLE];
if (setting !== undefined) install(JSON.parse(setting));

function install({ shiftMs, jumpAfterMs, jumpMs }: ClockSettings): void {
  const RealDate = Date;
  const now = () => RealDate.now() + shiftMs + (performance.now() > jumpAfterMs ? jumpMs : 0);
  globalThis.Date = new Proxy(RealDate, {
    construct: (target, parts, newTarget) =>
      Reflect.construct(target, parts.length === 0 ? [now()] : parts, newTarget),
    apply: () => new RealDate(now()).toString(),
    get: (target, name) => (name === 'now' ? now : Reflect.get(target, name)),
  });
}
