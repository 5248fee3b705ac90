import { appendFileSync } from 'node:fs';
import { takeLock } from '../lock.ts';

// Enters and leaves the critical section again and again, noting both in a journal; with `die` it is killed inside, the lock in its hands.
const [path, journal, rounds, fate] = process.argv.slice(2) as [string, string, string, string];
for (let round = 0; round < Number(rounds); ) {
  const lock = await takeLock(path, 'the test').catch(() => undefined);
  if (lock === undefined) {
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 5));
    continue;
  }
  round++;
  appendFileSync(journal, `in ${process.pid}\n`);
  if (fate === 'die' && round === Number(rounds)) process.kill(process.pid, 'SIGKILL');
  await new Promise((resolve) => setTimeout(resolve, Math.random() * 5));
  appendFileSync(journal, `out ${process.pid}\n`);
  await lock.release();
}
