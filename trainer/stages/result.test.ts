import fc from 'fast-check';
import { expect, test } from 'vitest';
import { StageResult } from '../../crds/stage.ts';
import { failed, fitResult, MAX_RESULT_BYTES, succeeded } from './result.ts';

const stage = { name: 'train-cft', kind: 'train', digest: 'sha256:a' } as Parameters<typeof failed>[0];
const times = { startTime: new Date(0), completionTime: new Date(90_000) };

test('warnings become the message, each once', () => {
  const warnings = [{ message: 'first' }, { message: 'second' }, { message: 'first' }];
  const result = succeeded(stage, { metrics: { loss: 0.5 }, artifacts: {} }, warnings, times);
  expect(StageResult.parse(result)).toMatchObject({
    status: 'succeeded',
    message: 'first\nsecond',
    completionTime: '1970-01-01T00:01:30.000Z',
  });
});

test('a number that JSON cannot say is left out', () => {
  const { metrics } = succeeded(stage, { metrics: { entropy: Number.NaN, loss: 1 }, artifacts: {} }, [], times);
  expect(metrics).toEqual({ loss: 1 });
});

test('whatever a stage reports, the result fits a termination message and is still one', () => {
  const text = fc.oneof(fc.string({ unit: 'grapheme', maxLength: 6000 }), fc.string({ maxLength: 50 }));
  fc.assert(
    fc.property(
      fc.dictionary(fc.string({ maxLength: 40 }), fc.double({ noNaN: true, noDefaultInfinity: true }), {
        maxKeys: 150,
      }),
      fc.dictionary(fc.string({ maxLength: 40 }), fc.string({ maxLength: 100 }), { maxKeys: 60 }),
      text,
      (metrics, artifacts, message) => {
        const fitted = fitResult({ ...failed(stage, message, times), metrics, artifacts });
        expect(Buffer.byteLength(JSON.stringify(fitted))).toBeLessThanOrEqual(MAX_RESULT_BYTES);
        expect(StageResult.safeParse(fitted).success).toBe(true);
        expect(message.startsWith((fitted.message ?? '').replace(/\.\.\.$/, ''))).toBe(true);
      },
    ),
  );
});

test('numbers outlive a long message', () => {
  const fitted = fitResult({ ...failed(stage, 'x'.repeat(10_000), times), metrics: { accuracy: 0.5 } });
  expect(fitted.metrics).toEqual({ accuracy: 0.5 });
  expect(fitted.message).toMatch(/^x{3000,}\.\.\.$/);
});
