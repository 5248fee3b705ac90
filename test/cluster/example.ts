import { spawn } from 'node:child_process';
import { existsSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import type { CftRun } from '../../crds/cftrun.ts';
import type { StageResult } from '../../crds/stage.ts';
import { filesUnder } from '../../scripts/images/contents.ts';

const ROOT = join(import.meta.dirname, '..', '..');

/** The example that the README begins with. */
export const EXAMPLE = join(ROOT, 'examples', 'gsm8k-equations');

/** Its run with less of everything, and a GPU for every pod: about a minute on 2 cores. */
export function reducedExample(): CftRun {
  const run = parse(readFileSync(join(EXAMPLE, 'cftrun.yaml'), 'utf8'));
  const { spec } = run;
  const variants = spec.training.variants.slice(0, 2);
  spec.generate.maxSamples = 60;
  spec.annotate = { ...spec.annotate, maxSamples: 24, shards: 2 };
  spec.training = {
    variants: variants.map((variant: object) => ({ ...variant, epochs: 1, batchSize: 6, learningRates: [1e-4] })),
    validation: { maxSamples: 16 },
  };
  spec.evaluation = { ...spec.evaluation, maxSamples: 24, samples: 2, k: [1, 2] };
  spec.pods = { resources: { limits: { 'nvidia.com/gpu': 1 } } };
  return run;
}

/** What `cft run --json` prints. */
export interface LocalRun {
  readonly status: string;
  readonly stages: Readonly<Record<string, StageResult>>;
}

/** `cft run` of a manifest beside the example's model and data, in the folder of the run's name. */
export async function runLocally(directory: string, run: CftRun): Promise<LocalRun> {
  for (const name of ['model', 'train.jsonl', 'test.jsonl']) symlinkSync(join(EXAMPLE, name), join(directory, name));
  const file = join(directory, 'cftrun.yaml');
  writeFileSync(file, JSON.stringify(run));
  const args = ['bin/cft.ts', 'run', '-f', file, '--run-dir', join(directory, run.metadata.name), '--json'];
  const child = spawn(process.execPath, args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'ignore'] });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  await new Promise((resolve) => child.once('close', resolve));
  return JSON.parse(output);
}

/** The files of either folder that the other one has not or has otherwise. */
export function differences(one: string, other: string): string[] {
  const paths = new Set([one, other].flatMap((folder) => filesUnder(folder, '.')));
  const same = (path: string) =>
    [one, other].every((folder) => existsSync(join(folder, path))) &&
    readFileSync(join(one, path)).equals(readFileSync(join(other, path)));
  return [...paths].filter((path) => !same(path)).sort();
}

/** A default storage class, and one volume of it in a folder of a real node. */
export function localStorage(path: string, node: string): object[] {
  const storageClassName = 'local';
  const hostname = { key: 'kubernetes.io/hostname', operator: 'In', values: [node] };
  return [
    {
      apiVersion: 'storage.k8s.io/v1',
      kind: 'StorageClass',
      metadata: { name: storageClassName, annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } },
      provisioner: 'kubernetes.io/no-provisioner',
      volumeBindingMode: 'WaitForFirstConsumer',
    },
    {
      apiVersion: 'v1',
      kind: 'PersistentVolume',
      metadata: { name: 'local' },
      spec: {
        storageClassName,
        capacity: { storage: '10Gi' },
        accessModes: ['ReadWriteOnce'],
        local: { path },
        nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions: [hostname] }] } },
      },
    },
  ];
}
