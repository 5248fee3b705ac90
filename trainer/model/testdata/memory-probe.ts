/**
 * Loads each model directory of the command line, after the precision, into a session of its own, computes once with it, and prints the
 * peak of the process's memory after it, in bytes. The first, small, takes what the runtime needs whatever the model.
 */
import { readFileSync } from 'node:fs';
import { loadBackend } from '../../tensor/backend.ts';
import { createSession } from '../../tensor/create-session.ts';
import { loadModel } from '../load.ts';
import { computeLogits } from '../testing.ts';

await loadBackend({ backend: 'tensorflow' });
const [precision, ...dirs] = process.argv.slice(2);
const isNarrow = precision === 'bf16';
const peaks: number[] = [];
for (const dir of dirs) {
  const session = createSession({ precision: isNarrow ? 'bf16' : 'fp32' });
  computeLogits(session, await loadModel(session, dir, { frozen: { bfloat16: isNarrow } }), {
    batch: 1,
    time: 2,
    ids: [1, 2],
  });
  session.dispose();
  // Not resourceUsage().maxRSS, which starts at what the process that started this one needed.
  const status = readFileSync('/proc/self/status', 'utf8');
  peaks.push(Number(/VmHWM:\s*(\d+) kB/.exec(status)?.[1]) * 1024);
}
process.stdout.write(`${JSON.stringify(peaks)}\n`);
