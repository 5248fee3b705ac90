import { existsSync } from 'node:fs';
import { SetupFailure } from './report.mjs';
import { type Variant, wheels } from './wheels.ts';

/** What this machine is, as far as the choice of a TensorFlow build goes. */
export interface Machine {
  readonly platform: string;
  /** As in Node: x64, arm64. */
  readonly arch: string;
  /** Version of the GNU C library; undefined with another one (musl) or none. */
  readonly glibc: string | undefined;
  readonly nvidia: boolean;
}

/** Which build to get. `explicit`: the user named it, so that doing without is a failure. */
export type Choice =
  | { readonly variant: Variant; readonly arch: string; readonly explicit: boolean }
  | { readonly variant: 'none'; readonly reason: string };

export function thisMachine(): Machine {
  const report = process.report.getReport() as unknown as { header: { glibcVersionRuntime?: string } };
  return {
    platform: process.platform,
    arch: process.arch,
    glibc: report.header.glibcVersionRuntime,
    nvidia: ['/dev/nvidia0', '/dev/nvidiactl', '/proc/driver/nvidia/version', '/dev/dxg'].some((path) =>
      existsSync(path),
    ),
  };
}

/**
 * The TensorFlow build for a machine: CUDA where there is an NVIDIA GPU, else CPU; `asked` (`CFT_TENSORFLOW`) overrules that.
 *
 * @throws SetupFailure if the user asked for what is not there, or for something unknown
 */
export function chooseVariant(machine: Machine, asked: string | undefined): Choice {
  if (asked === 'none') return { variant: 'none', reason: 'CFT_TENSORFLOW=none' };
  if (asked !== undefined && asked !== '' && asked !== 'auto' && asked !== 'cpu' && asked !== 'gpu') {
    throw new SetupFailure(`CFT_TENSORFLOW is "${asked}"`, 'set it to cpu, gpu or none, or not at all');
  }
  const explicit = asked === 'cpu' || asked === 'gpu';
  const arch = { x64: 'x86_64', arm64: 'aarch64' }[machine.arch] ?? machine.arch;
  const wanted: Variant = explicit ? asked : machine.nvidia ? 'gpu' : 'cpu';
  const obstacle = obstacleFor(machine, wanted, arch);
  if (obstacle === undefined) return { variant: wanted, arch, explicit };
  if (explicit) throw new SetupFailure(obstacle, 'leave CFT_TENSORFLOW unset to take what fits this machine');
  if (wanted === 'gpu' && obstacleFor(machine, 'cpu', arch) === undefined) return { variant: 'cpu', arch, explicit };
  return { variant: 'none', reason: obstacle };
}

function obstacleFor({ platform, glibc }: Machine, variant: Variant, arch: string): string | undefined {
  if (platform !== 'linux') return `there is no TensorFlow ${wheels.version} for ${platform} here, only for Linux`;
  if (glibc === undefined) return 'TensorFlow needs the GNU C library; this system has another one';
  if (!olderOrEqual('2.27', glibc)) return `TensorFlow needs the GNU C library 2.27 or newer; this is ${glibc}`;
  if (wheels[variant][arch] === undefined) return `there is no TensorFlow ${wheels.version} for ${variant} on ${arch}`;
  return undefined;
}

function olderOrEqual(a: string, b: string): boolean {
  const [aMajor = 0, aMinor = 0] = a.split('.').map(Number);
  const [bMajor = 0, bMinor = 0] = b.split('.').map(Number);
  return aMajor < bMajor || (aMajor === bMajor && aMinor <= bMinor);
}
