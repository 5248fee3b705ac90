// Makes wheels.json: `node scripts/setup/pin-wheels.ts > wheels.json.new`. Asks pip which wheels it would install, and their hashes,
// without downloading them; needs pip 23.1 or newer and an index that serves metadata beside its wheels.
import { execFileSync } from 'node:child_process';
import { z } from 'zod';
import type { Wheel, Wheels } from './wheels.ts';

/** The libraries are the same in the wheels of every Python version: one is enough. */
const python = '3.12';
const tensorflow = '2.21.0';

const Report = z.object({
  install: z.array(
    z.object({
      metadata: z.object({ name: z.string(), version: z.string(), requires_dist: z.array(z.string()).optional() }),
      download_info: z.object({
        url: z.string(),
        archive_info: z.object({ hashes: z.object({ sha256: z.string() }) }),
      }),
    }),
  ),
});

function resolve(arch: string, requirements: readonly string[]): (Wheel & { readonly requires: readonly string[] })[] {
  const platforms = [27, 26, 24, 17, 12].map((glibc) => `manylinux_2_${glibc}_${arch}`);
  const report = execFileSync('python3', [
    ...[
      '-m',
      'pip',
      'install',
      '--quiet',
      '--dry-run',
      '--ignore-installed',
      '--report',
      '-',
      '--no-deps',
      '--target',
      '/none',
    ],
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
    ...requirements,
  ]);
  return Report.parse(JSON.parse(report.toString())).install.map(
    ({ metadata, download_info: { url, archive_info } }) => ({
      requirement: `${metadata.name.replaceAll('_', '-')}==${metadata.version}`,
      platform: platforms.find((platform) => url.includes(platform)) ?? `manylinux_2_17_${arch}`,
      sha256: archive_info.hashes.sha256,
      requires: metadata.requires_dist ?? [],
    }),
  );
}

/** The CUDA libraries that TensorFlow's wheel names as its extra `and-cuda`. */
function cudaRequirements(requires: readonly string[]): string[] {
  return requires.flatMap((line) => {
    const [requirement = '', marker = ''] = line.split(';');
    return marker.includes('and-cuda') ? [requirement.trim()] : [];
  });
}

const pin = (arch: string, requirements: readonly string[]) =>
  resolve(arch, requirements).map(({ requires: _, ...wheel }) => wheel);
const gpu = resolve('x86_64', [`tensorflow==${tensorflow}`]).flatMap(({ requires, ...wheel }) => [
  wheel,
  ...pin('x86_64', cudaRequirements(requires)),
]);
const wheels: Wheels = {
  version: tensorflow,
  python,
  cpu: {
    x86_64: pin('x86_64', [`tensorflow-cpu==${tensorflow}`]),
    aarch64: pin('aarch64', [`tensorflow==${tensorflow}`]),
  },
  gpu: { x86_64: gpu },
};
process.stdout.write(`${JSON.stringify(wheels, null, 2)}\n`);
