// The Hub client inside a worker, whose throttle shares what it learns with those of all workers: a
// Hub counts the requests of an account, not of a process. News come and go over the channel.
import type { LimitNews } from '../hub/client/throttle.ts';
import type { Hub } from '../task.ts';
import type { HubAddress } from './executor.ts';

interface Options {
  readonly signal: AbortSignal;
  readonly log?: (line: string) => void;
}

/** What was heard before there was a throttle; the client is loaded only when it is needed. */
const heard = new Map<string, LimitNews>();
let hearNow: ((news: LimitNews) => void) | undefined;
let tell: (news: LimitNews) => void = () => {};

export function tellLimitsTo(listener: (news: LimitNews) => void): void {
  tell = listener;
}

export function hearLimit(news: LimitNews): void {
  heard.set(news.key, news);
  hearNow?.(news);
}

export async function openHub(address: HubAddress, options: Options): Promise<Hub> {
  const { createHub } = await import('../hub/client/hub.ts');
  if (hearNow === undefined) {
    const { throttle } = (await import('../hub/client/fetch.ts')).sharedNetwork;
    throttle.onNews = tell;
    hearNow = (news) => throttle.hear(news);
    for (const news of heard.values()) hearNow(news);
  }
  return createHub({ ...address, ...options });
}
