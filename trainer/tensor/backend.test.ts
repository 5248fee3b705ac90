import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { backendOptions, loadBackend } from './backend.ts';
import { tensorflowEnvironment } from './backend-environment.ts';

describe('options from the environment', () => {
  test('nothing set means: choose for me', () => {
    expect(backendOptions({})).toEqual({ backend: 'auto', xla: false, kernels: true });
    expect(backendOptions({ CFT_BACKEND: '', CFT_THREADS: '' })).toEqual({
      backend: 'auto',
      xla: false,
      kernels: true,
    });
  });

  test('each setting is taken', () => {
    expect(backendOptions({ CFT_BACKEND: 'wasm', CFT_THREADS: '3', CFT_XLA: '1', CFT_KERNELS: '0' })).toEqual({
      backend: 'wasm',
      threads: 3,
      xla: true,
      kernels: false,
    });
  });

  test.each([{ CFT_BACKEND: 'cuda' }, { CFT_THREADS: '0' }, { CFT_THREADS: '2.5' }, { CFT_THREADS: 'all' }])(
    'a wrong value is named: %o',
    (env) => {
      expect(() => backendOptions(env)).toThrow(expect.objectContaining({ code: 'InvalidArgument' }));
      expect(() => backendOptions(env)).toThrow(Object.keys(env)[0]);
    },
  );
});

describe('environment of TensorFlow', () => {
  test('what the user has set is never among the changes', () => {
    const names = ['TF_NUM_INTRAOP_THREADS', 'TF_NUM_INTEROP_THREADS', 'TF_CPP_MIN_LOG_LEVEL', 'TF_XLA_FLAGS'];
    fc.assert(
      fc.property(fc.subarray(names), fc.integer({ min: 1, max: 256 }), fc.boolean(), (set, threads, xla) => {
        const env = Object.fromEntries(set.map((name) => [name, 'mine']));
        const changes = tensorflowEnvironment({ threads, xla }, env);
        for (const name of set) expect(changes).not.toHaveProperty(name);
      }),
    );
  });

  test('XLA is asked for only on demand', () => {
    expect(tensorflowEnvironment({ threads: 1 }, {})).not.toHaveProperty('TF_XLA_FLAGS');
    expect(tensorflowEnvironment({ threads: 1, xla: true }, {})).toHaveProperty('TF_XLA_FLAGS');
  });
});

describe('backends', () => {
  const square = async (backend: Awaited<ReturnType<typeof loadBackend>>) => {
    const { tf } = backend;
    const x = tf.tensor2d([1, 2, 3, 4], [2, 2]);
    const gradient = tf.grad((a) => tf.sum(tf.matMul(a, a)))(x);
    return [...(await gradient.data())];
  };

  test('wasm computes products and gradients, has one thread, and says that it is slow', async () => {
    const warnings: string[] = [];
    const backend = await loadBackend({ backend: 'wasm', warn: (message) => warnings.push(message) });
    expect(backend).toMatchObject({ name: 'wasm', device: 'cpu', threads: 1, reason: undefined });
    expect(backend.tf.getBackend()).toBe('wasm');
    expect(await square(backend)).toEqual([7, 11, 9, 13]);
    expect(warnings).toEqual([expect.stringContaining('slower')]);
  });

  test('auto computes the same, and says why if it is not TensorFlow', async () => {
    const backend = await loadBackend();
    expect(backend.tf.getBackend()).toBe(backend.name);
    expect(await square(backend)).toEqual([7, 11, 9, 13]);
    if (backend.name === 'tensorflow') expect(backend.tensorflowVersion).toMatch(/^2\./);
    else expect(backend.reason).not.toBe('');
  });
});
