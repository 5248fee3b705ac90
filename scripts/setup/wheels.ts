import wheelsJson from './wheels.json' with { type: 'json' };

/** A wheel that pip is asked for, and the hash that it must have. */
export interface Wheel {
  readonly requirement: string;
  /** The platform tag of the wheel's file name. */
  readonly platform: string;
  readonly sha256: string;
}

/** The pinned wheels, by variant and processor. Made by `node scripts/setup/pin-wheels.ts`. */
export interface Wheels {
  readonly version: string;
  readonly python: string;
  readonly cpu: Readonly<Record<string, readonly Wheel[]>>;
  readonly gpu: Readonly<Record<string, readonly Wheel[]>>;
}

export const wheels: Wheels = wheelsJson;

export type Variant = 'cpu' | 'gpu';

/** pip's arguments that ask for just these wheels, whatever Python runs pip. */
export function pipTarget(pinned: readonly Wheel[], python: string): string[] {
  const platforms = [...new Set(pinned.map(({ platform }) => platform))];
  return [
    ...[
      '--only-binary=:all:',
      '--implementation',
      'cp',
      '--python-version',
      python,
      '--abi',
      `cp${python.replace('.', '')}`,
    ],
    ...platforms.flatMap((platform) => ['--platform', platform]),
  ];
}

/** A requirements file that makes pip refuse any other wheel. */
export function requirementsFile(pinned: readonly Wheel[]): string {
  return pinned.map(({ requirement, sha256 }) => `${requirement} --hash=sha256:${sha256}\n`).join('');
}
