import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Alone } from './benchmark.ts';
import { type Comparison, withRatios } from './pairs.ts';
import { type PeerOptions, withPeer } from './peer.ts';
import type { WorkloadName } from './workload.ts';

/** Bytes that this process needed at most until now, as Linux counts them. */
export function peakMemory(): number {
  return 1024 * Number(/VmHWM:\s*(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]);
}

/** The memory that some work needs at most on both sides, each in a process that loads the model and does nothing else. */
export async function compareMemory(
  { name, peer, ours, theirs }: Alone,
  options: PeerOptions,
  workload: WorkloadName,
): Promise<Comparison> {
  const names = { name: `${name}, peak memory`, peer, same: 'a process each' };
  const running = promisify(execFile)(process.execPath, [
    join(import.meta.dirname, 'main.ts'),
    ...['work-alone', options.dir, workload],
  ]);
  running.child.stdin?.end(JSON.stringify(ours));
  return withRatios(names, [Number((await running).stdout)], [await peerMemory(options, theirs)], 'bytes');
}

function peerMemory(options: PeerOptions, { command, parameters }: Alone['theirs']): Promise<number> {
  return withPeer(options, async (peer) => {
    await peer.ask(command, parameters);
    return (await peer.ask<{ bytes: number }>('peak_memory')).bytes;
  });
}
