import { describe, expect, test } from 'vitest';
import type { Backend } from '../tensor/backend.ts';
import type { SetupState } from '../tensor/backend-state.ts';
import { tf } from '../tensor/tf.ts';
import { advise, examine, formatReport, main } from './doctor.ts';
import { type Machine, parseCpuinfo, parseGpuList } from './doctor-machine.ts';

describe('hardware', () => {
  test('model and matrix instruction sets of an x86 processor', () => {
    const text =
      'processor\t: 0\nmodel name\t: Intel(R) Xeon(R) Platinum\nflags\t\t: fpu avx avx2 avx512f amx_bf16 amx_tile\n';
    expect(parseCpuinfo(text)).toEqual({
      processor: 'Intel(R) Xeon(R) Platinum',
      features: ['avx', 'avx2', 'avx512f', 'amx_bf16'],
    });
  });

  test('an Arm processor lists its features under another name', () => {
    const text = 'processor\t: 0\nFeatures\t: fp asimd bf16 sve\nCPU implementer\t: 0x41\n';
    expect(parseCpuinfo(text)).toEqual({ processor: '0x41', features: ['asimd', 'bf16', 'sve'] });
  });

  test('a system without /proc/cpuinfo has no known features', () => {
    expect(parseCpuinfo('')).toEqual({ processor: 'unknown processor', features: [] });
  });

  test('names of GPUs', () => {
    const text =
      'GPU 0: NVIDIA H100 80GB HBM3 (UUID: GPU-1)\nGPU 1: Tesla T4 (UUID: GPU-2)\n  MIG 1g.10gb Device 0: (UUID: MIG-3)\n';
    expect(parseGpuList(text)).toEqual(['NVIDIA H100 80GB HBM3', 'Tesla T4']);
    expect(parseGpuList('No devices were found\n')).toEqual([]);
  });
});

describe('advice', () => {
  const plain: Machine = {
    processor: 'p',
    cores: 2,
    memoryBytes: 2 ** 33,
    features: ['avx2'],
    gpus: [],
    nvidia: false,
  };
  const setup = (variant: 'cpu' | 'gpu'): SetupState => ({
    cache: '/c',
    tensorflow: { variant, version: '2.21.0', home: '/c/tf', addon: 'a' },
  });
  const tensorflow: Backend = {
    name: 'tensorflow',
    device: 'cpu',
    tensorflowVersion: '2.21.0',
    threads: 2,
    kernels: true,
    tf,
    reason: undefined,
  };
  const wasm: Backend = {
    name: 'wasm',
    device: 'cpu',
    tensorflowVersion: undefined,
    threads: 1,
    kernels: false,
    tf,
    reason: 'x is broken',
  };

  test('nothing to say of a machine that is as it should be', () => {
    expect(advise(plain, setup('cpu'), tensorflow)).toEqual([]);
  });

  test('a GPU that is not used is told, with the way to use it', () => {
    const machine = { ...plain, nvidia: true };
    expect(advise(machine, setup('cpu'), tensorflow)[0]?.remedy).toContain('CFT_TENSORFLOW=gpu');
    expect(advise(machine, setup('gpu'), tensorflow)[0]?.remedy).toContain('driver');
    expect(advise(machine, setup('gpu'), { ...tensorflow, device: 'gpu' })).toEqual([]);
  });

  test('the slow backend is told with its reason', () => {
    expect(advise(plain, setup('cpu'), wasm)[0]?.problem).toContain('x is broken');
    const none: SetupState = { cache: '/c', tensorflow: { variant: 'none', reason: 'no compiler' } };
    expect(advise(plain, none, wasm)[0]?.problem).toContain('no compiler');
    expect(advise(plain, undefined, wasm)[0]?.remedy).toContain('npm run setup');
  });
});

test('the machine that runs this is usable, and the report says with what', async () => {
  const report = await examine({});
  expect(report.usable).toBe(true);
  expect(report.backend?.threads).toBeGreaterThanOrEqual(1);
  const text = formatReport(report);
  expect(text).toContain(`backend     ${report.backend?.name}`);
  expect(text).toContain(report.node.version);
  expect(text.trimEnd().split('\n').at(-1)).toBe('usable');
});

test('an unknown flag is wrong usage', async () => {
  await expect(main(['--jsn'])).rejects.toThrow(expect.objectContaining({ code: 'InvalidArgument' }));
});
