import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { availableParallelism, totalmem } from 'node:os';
import { promisify } from 'node:util';

/** The hardware as far as it decides speed. */
export interface Machine {
  readonly processor: string;
  /** Cores that this process may use: less than the machine has in a container with a limit. */
  readonly cores: number;
  readonly memoryBytes: number;
  /** Of the instruction sets that TensorFlow's matrix products use, those that are here. */
  readonly features: readonly string[];
  /** Names of NVIDIA GPUs. */
  readonly gpus: readonly string[];
  /** Whether the driver shows a GPU, also where its name cannot be had. */
  readonly nvidia: boolean;
}

/** Instruction sets by the names of /proc/cpuinfo: x86 vectors, bf16 products, x86 matrix units; the same of Arm. */
const matrixFeatures = [
  'avx',
  'avx2',
  'fma',
  'avx512f',
  'avx512_bf16',
  'amx_bf16',
  'amx_int8',
  'asimd',
  'bf16',
  'sve',
  'i8mm',
];

/** Model name and instruction sets from the text of /proc/cpuinfo. */
export function parseCpuinfo(text: string): { readonly processor: string; readonly features: readonly string[] } {
  const field = (name: string) => new RegExp(`^${name}\\s*:\\s*(.*)$`, 'm').exec(text)?.[1]?.trim();
  const flags = new Set((field('flags') ?? field('Features') ?? '').split(/\s+/));
  return {
    processor: field('model name') ?? field('CPU implementer') ?? 'unknown processor',
    features: matrixFeatures.filter((feature) => flags.has(feature)),
  };
}

/** What `nvidia-smi -L` prints, as names: `GPU 0: NVIDIA H100 80GB HBM3 (UUID: GPU-...)`. */
export function parseGpuList(text: string): string[] {
  return [...text.matchAll(/^GPU \d+: (.*?)(?: \(UUID: .*\))?$/gm)].map(([, name = '']) => name);
}

export async function inspectMachine(): Promise<Machine> {
  const cpuinfo = existsSync('/proc/cpuinfo') ? readFileSync('/proc/cpuinfo', 'utf8') : '';
  const limit = process.constrainedMemory();
  return {
    ...parseCpuinfo(cpuinfo),
    cores: availableParallelism(),
    memoryBytes: limit > 0 ? Math.min(limit, totalmem()) : totalmem(),
    gpus: await listGpus(),
    nvidia: ['/dev/nvidia0', '/dev/nvidiactl', '/proc/driver/nvidia/version'].some((path) => existsSync(path)),
  };
}

async function listGpus(): Promise<string[]> {
  try {
    const { stdout } = await promisify(execFile)('nvidia-smi', ['-L'], { timeout: 10_000 });
    return parseGpuList(stdout);
  } catch {
    return [];
  }
}
