import { execFile } from 'node:child_process';
import { mkdtemp, readFile, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { parseCftRun } from '../../crds/parse.ts';

const HERE = import.meta.dirname;
const cft = (...args: string[]) => promisify(execFile)(join(HERE, '../../bin/cft'), args);

describe('the shipped model', () => {
  test('answers the test questions often enough to learn from, and not so often that nothing is left to learn', async () => {
    const model = join(HERE, 'model');
    const data = join(HERE, 'test.jsonl');
    const out = await mkdtemp(join(tmpdir(), 'cft-example-'));
    const { stdout } = await cft(
      ...['evaluate', '--model', model, '--data', data, '--id-field', 'id', '--max-samples', '200'],
      ...['--samples', '0', '--max-new-tokens', '128', '--batch-size', '100', '--out', out, '--json'],
    );
    const { metrics } = JSON.parse(stdout) as { metrics: Record<string, number> };
    expect(metrics.accuracy).toBeGreaterThan(0.4);
    expect(metrics.accuracy).toBeLessThan(0.75);
    expect(metrics.entropy).toBeGreaterThan(0.2);
  });

  test('is a few megabytes', async () => {
    expect((await stat(join(HERE, 'model/model.safetensors'))).size).toBeLessThan(5e6);
  });
});

describe('cftrun.yaml', () => {
  test('is a valid manifest with SFT, CFT and the control on the same data', async () => {
    const path = join(HERE, 'cftrun.yaml');
    const { spec } = parseCftRun(await readFile(path, 'utf8'), path);
    expect(spec.training.variants.map(({ name, objective }) => [name, objective])).toEqual([
      ['sft', 'all'],
      ['cft', 'critical'],
      ['random', 'random'],
    ]);
  });

  test('names files that exist', async () => {
    const { stdout } = await cft('validate', '-f', join(HERE, 'cftrun.yaml'));
    expect(stdout).toContain('annotate');
  });
});
