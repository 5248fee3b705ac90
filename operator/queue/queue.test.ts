import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { ManualClock } from './manual-clock.ts';
import { WorkQueue } from './queue.ts';

const backoff = { first: 1000, longest: 8000 };

function make() {
  const clock = new ManualClock();
  return { clock, queue: new WorkQueue({ clock, backoff }) };
}

test('a key added many times is handed out once', async () => {
  const { queue } = make();
  for (let i = 0; i < 5; i++) queue.add('a');
  expect(queue.depth).toBe(1);
  expect(await queue.get()).toBe('a');
  expect(queue.depth).toBe(0);
});

test('a key added while it is worked on is handed out again, after and only after', async () => {
  const { queue } = make();
  queue.add('a');
  await queue.get();
  queue.add('a');
  queue.add('a');
  expect(queue.depth).toBe(0);
  queue.done('a');
  expect(queue.depth).toBe(1);
  expect(await queue.get()).toBe('a');
  queue.done('a');
  expect(queue.depth).toBe(0);
});

test('who waits gets the next key', async () => {
  const { queue } = make();
  const waiting = queue.get();
  queue.add('late');
  expect(await waiting).toBe('late');
});

test('the delay of a failing key doubles up to the longest, for itself alone, and starts over after forget', async () => {
  const { clock, queue } = make();
  const delays: number[] = [];
  for (let failure = 0; failure < 5; failure++) {
    queue.addRateLimited('a');
    const since = clock.now();
    while (queue.depth === 0) clock.advance(500);
    delays.push(clock.now() - since);
    queue.done((await queue.get()) ?? '');
  }
  expect(delays).toEqual([1000, 2000, 4000, 8000, 8000]);
  expect(queue.failures('b')).toBe(0);
  queue.forget('a');
  queue.addRateLimited('a');
  clock.advance(1000);
  expect(queue.depth).toBe(1);
});

test('of two delays of a key the earlier counts, and it is added once', () => {
  const { clock, queue } = make();
  queue.addAfter('a', 10);
  queue.addAfter('a', 2);
  queue.addAfter('a', 5);
  clock.advance(2000);
  expect(queue.depth).toBe(1);
  clock.advance(20_000);
  expect(queue.depth).toBe(1);
});

test('a shut down queue hands out what waits, takes nothing more, and says when the last work is done', async () => {
  const { clock, queue } = make();
  queue.add('a');
  queue.add('b');
  queue.addAfter('c', 1);
  expect(await queue.get()).toBe('a');
  let drained = false;
  const drain = queue.shutDown().then(() => {
    drained = true;
  });
  queue.add('d');
  clock.advance(5000);
  expect(await queue.get()).toBe('b');
  expect(await queue.get()).toBeUndefined();
  queue.done('a');
  await Promise.resolve();
  expect(drained).toBe(false);
  queue.done('b');
  await drain;
});

// The laws of the queue, whatever is done with it in whatever order.
test('no key is worked on twice at once, and every add is followed by work on its key', async () => {
  const key = fc.constantFrom('a', 'b', 'c');
  const step = fc.oneof(
    fc.record({ do: fc.constant('add' as const), key }),
    fc.record({ do: fc.constant('fail' as const), key }),
    fc.record({ do: fc.constant('after' as const), key, seconds: fc.integer({ min: 0, max: 5 }) }),
    fc.record({ do: fc.constant('take' as const) }),
    fc.record({ do: fc.constant('done' as const), key }),
    fc.record({ do: fc.constant('wait' as const), milliseconds: fc.integer({ min: 1, max: 3000 }) }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const { clock, queue } = make();
      const working = new Set<string>();
      /** Keys that were added and not taken since. */
      const owed = new Set<string>();
      const take = async () => {
        const taken = (await queue.get()) ?? '';
        expect(working).not.toContain(taken);
        working.add(taken);
        owed.delete(taken);
      };
      for (const action of steps) {
        if (action.do === 'add') {
          queue.add(action.key);
          owed.add(action.key);
        } else if (action.do === 'fail') {
          queue.addRateLimited(action.key);
          owed.add(action.key);
        } else if (action.do === 'after') {
          queue.addAfter(action.key, action.seconds);
          owed.add(action.key);
        } else if (action.do === 'take') {
          if (queue.depth > 0) await take();
        } else if (action.do === 'done') {
          queue.done(action.key);
          working.delete(action.key);
        } else clock.advance(action.milliseconds);
      }
      for (let round = 0; round < 50; round++) {
        for (const held of working) queue.done(held);
        working.clear();
        clock.advance(1000);
        while (queue.depth > 0) await take();
      }
      expect([...owed]).toEqual([]);
    }),
  );
});
