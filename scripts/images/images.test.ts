import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildImage } from './archive.ts';
import { hasBase } from './base.ts';
import { sourceFiles, TARGETS } from './contents.ts';
import { imageConfig, stageInstructions } from './dockerfile.ts';
import { layOut, PARTS } from './lay-out.ts';
import { importedPackages, packageClosure } from './packages.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const DOCKERFILE = readFileSync(join(ROOT, 'Dockerfile'), 'utf8');

const folder = mkdtempSync(join(tmpdir(), 'cft-images-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('the Dockerfile', () => {
  test.each(TARGETS)('puts the laid out files on its base image and nothing else: %s', (target) => {
    const stage = stageInstructions(DOCKERFILE, target);
    const copied = stage.filter(({ name }) => name === 'COPY').map(({ text }) => text);
    expect(copied).toEqual(PARTS.map((part) => `--from=${target}-files /image/${part} /`));
    expect(stage[0]?.text).toBe(`\${BASE_IMAGE} AS ${target}`);
    const build = stageInstructions(DOCKERFILE, `${target}-files`);
    expect(build.at(-1)?.text).toBe(`node scripts/images/main.ts lay-out ${target} /image`);
  });

  test.each(TARGETS)('fits the restricted level and stops on SIGTERM: %s', (target) => {
    const config = imageConfig(DOCKERFILE, target, '1.2.3');
    expect(config).toMatchObject({ User: '65532:65532', StopSignal: 'SIGTERM' });
    expect(config.Env).toContain('HOME=/tmp');
    expect(config.Labels['org.opencontainers.image.version']).toBe('1.2.3');
  });

  test('names the version of the package and of the chart', () => {
    const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
    expect(DOCKERFILE.match(/ARG VERSION=(.*)/g)).toEqual(TARGETS.map(() => `ARG VERSION=${version}`));
    expect(readFileSync(join(ROOT, 'helm/Chart.yaml'), 'utf8')).toContain(`\nappVersion: ${version}\n`);
    expect(readFileSync(join(ROOT, 'examples/gsm8k-equations/volume.yaml'), 'utf8')).toContain(
      `image: cft-trainer:${version}\n`,
    );
  });

  test('an instruction that would add something else is refused', () => {
    expect(() => imageConfig('FROM a AS b\nRUN curl example', 'b', '1')).toThrow(/RUN curl example.*contents\.ts/);
    expect(() => imageConfig('FROM a AS b', 'c', '1')).toThrow(/no stage c/);
  });
});

describe('packages', () => {
  test('are those that sources import, whatever the form', () => {
    const source = `import a from 'a'; import '@s/b/deep.js'; export * from 'c/d'; await import('e'); require('f');
      import { join } from 'node:path'; import g from './g.ts'; createRequire(import.meta.url).resolve('h/package.json');`;
    expect(importedPackages([source])).toEqual(['@s/b', 'a', 'c', 'e', 'f', 'h']);
  });

  test('come with all that they need, from where Node finds it', () => {
    const lock = {
      'node_modules/a': { dependencies: { b: '*', '@types/b': '*' }, optionalDependencies: { none: '*' } },
      'node_modules/a/node_modules/b': { dependencies: { c: '*' } },
      'node_modules/b': {},
      'node_modules/c': { peerDependencies: { a: '*', none: '*' } },
      'node_modules/other': {},
    };
    const needed = ['node_modules/a', 'node_modules/a/node_modules/b', 'node_modules/c'];
    expect(packageClosure(lock, ['a'])).toEqual(needed);
    expect(() => packageClosure({ 'node_modules/a': { dependencies: { b: '*' } } }, ['a'])).toThrow(
      /b, which node_modules\/a needs/,
    );
  });
});

test('no test is in an image', () => {
  const files = TARGETS.flatMap((target) => sourceFiles(ROOT, target));
  expect(files).toContain('trainer/main.ts');
  expect(files.filter((path) => /test/.test(path) && !path.endsWith('test.jsonl'))).toEqual([]);
});

describe('the operator as laid out', () => {
  const project = join(folder, 'operator');
  beforeAll(() => {
    layOut('operator', join(folder, 'parts'));
    for (const part of PARTS) execFileSync('cp', ['-a', `${join(folder, 'parts', part)}/.`, `${project}/`]);
  });
  const start = (...args: string[]) =>
    spawnSync(join(project, 'opt/cft/node_modules/.bin/node'), args, { cwd: project, encoding: 'utf8' });

  test('starts with the packages that are there, without TensorFlow', () => {
    expect(start('opt/cft/operator/main.ts', '--help')).toMatchObject({ status: 0, stderr: '' });
    expect(existsSync(join(project, 'opt/cft/node_modules/@tensorflow'))).toBe(false);
    expect(existsSync(join(project, 'opt/cft/trainer'))).toBe(false);
  });

  test('has a cft that checks manifests, and says that it trains nothing', () => {
    const manifest = join(ROOT, 'examples/gsm8k-equations/cftrun.yaml');
    expect(start('opt/cft/bin/cft.ts', 'validate', '-f', manifest)).toMatchObject({ status: 0, stderr: '' });
    const { status, stderr } = start('opt/cft/bin/cft.ts', 'train', '--help');
    expect({ status, stderr }).toMatchObject({ status: 2, stderr: expect.stringContaining("trainer's image") });
  });
});

describe.skipIf(!hasBase())('an archive of the operator (needs a Debian)', () => {
  test('is a whole OCI image, the same at every build, and small', async () => {
    const path = join(folder, 'operator.tar');
    const image = await buildImage('operator', path);
    const read = (file: string) => execFileSync('tar', ['-xOf', path, `./${file}`]);
    const blob = (digest: string) => JSON.parse(read(`blobs/${digest.replace(':', '/')}`).toString());
    const [described] = JSON.parse(read('index.json').toString()).manifests;
    const manifest = blob(described.digest);
    const config = blob(manifest.config.digest);
    expect(manifest.layers.map(({ digest }: { digest: string }) => digest)).toEqual(config.rootfs.diff_ids);
    expect(config.config).toEqual(imageConfig(DOCKERFILE, 'operator', image.name.split(':')[1] ?? ''));
    expect(image.layers.reduce((sum, { size }) => sum + size, 0)).toBeLessThan(250e6);
    expect(await buildImage('operator', path)).toEqual(image);
  });
});
