import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';

const repository = join(import.meta.dirname, '../..');
const PROGRAM = `
  import { main } from ${JSON.stringify(join(import.meta.dirname, 'validate.ts'))};
  process.exitCode = await main(process.argv.slice(1));
`;

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'cft-validate-'));
  await cp(join(repository, 'crds/testdata/good/minimal.yaml'), join(dir, 'my.yaml'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

interface Ended {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

function cftValidate(args: readonly string[], stdin = ''): Promise<Ended> {
  return node(['--input-type=module', '-e', PROGRAM, '--', ...args], stdin);
}

function node(args: readonly string[], stdin = ''): Promise<Ended> {
  return new Promise((resolve) => {
    const child = execFile(process.execPath, args, { cwd: dir }, (error, stdout, stderr) =>
      resolve({ status: error ? Number(error.code) : 0, stdout, stderr }),
    );
    child.stdin?.end(stdin);
  });
}

async function completeProject(): Promise<void> {
  await mkdir(join(dir, 'model'));
  for (const name of ['config.json', 'tokenizer.json', 'model.safetensors'])
    await writeFile(join(dir, 'model', name), '');
  for (const name of ['train.jsonl', 'test.jsonl'])
    await writeFile(join(dir, name), '\n{"question":"1+1","answer":"2"}\n');
}

test('a good manifest: the stages that would run', async () => {
  await completeProject();
  expect(await cftValidate(['-f', 'my.yaml'])).toEqual({
    status: 0,
    stderr: '',
    stdout: `my.yaml: valid
  run       minimal in ${dir}/runs/minimal
  generate  generate-00000
  annotate  annotate-00000
  train     train-sft-lr1e-5-s0 train-cft-lr1e-5-s0
  evaluate  evaluate-base evaluate-sft evaluate-cft
  report    report
`,
  });
});

test('--json says the same to programs, also from standard input', async () => {
  await completeProject();
  const manifest = `kind: ConfigMap\nmetadata: {name: other}\n---\n${await read('my.yaml')}`;
  const { status, stdout } = await cftValidate(['--json', '-f', '-'], manifest);
  expect(status).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({
    valid: true,
    file: '(standard input)',
    errors: [],
    warnings: [],
    skipped: ['ConfigMap other'],
    run: {
      name: 'minimal',
      stages: { length: 8, 1: { name: 'annotate-00000', kind: 'annotate', dependsOn: ['generate-00000'] } },
    },
  });
});

test('files that are not there, empty, not JSON, or without the named column are named with their field', async () => {
  await writeFile(join(dir, 'model'), 'a file');
  await writeFile(join(dir, 'train.jsonl'), '{"question":"1+1","solution":"2"}\n');
  await writeFile(join(dir, 'test.jsonl'), '\n');
  const first = await cftValidate(['-f', 'my.yaml']);
  expect(first).toMatchObject({ status: 2, stdout: '' });
  expect(first.stderr).toBe(`InvalidManifest: 3 problems in the manifest
  line 7: spec.model.source: ${dir}/model is not a directory; name the directory that holds config.json
  line 9: spec.data.train.fields.answer: column "answer" is not in ${dir}/train.jsonl, which has question, solution
  line 16: spec.evaluation.datasets[0].source: ${dir}/test.jsonl is empty
  in   my.yaml
  try  relative paths start at the folder of the manifest
`);
  await rm(join(dir, 'model'));
  await mkdir(join(dir, 'model'));
  await writeFile(join(dir, 'train.jsonl'), 'question,answer\n');
  await rm(join(dir, 'test.jsonl'));
  const second = await cftValidate(['--json', '-f', 'my.yaml']);
  expect(second.status).toBe(2);
  expect(JSON.parse(second.stdout).errors).toMatchObject([
    { line: 7, message: `${dir}/model/config.json does not exist` },
    { line: 7, message: `${dir}/model/tokenizer.json does not exist` },
    { line: 7, message: `${dir}/model/*.safetensors does not exist` },
    { line: 10, message: `${dir}/train.jsonl:1 is not a JSON object` },
    { line: 16, message: `${dir}/test.jsonl does not exist` },
  ]);
});

test('a source elsewhere is a warning: it was not looked at', async () => {
  await completeProject();
  const manifest = (await read('my.yaml')).replace('./model', 'hf://org/model');
  await writeFile(join(dir, 'my.yaml'), manifest);
  expect(await cftValidate(['-f', 'my.yaml'])).toMatchObject({
    status: 0,
    stderr:
      'my.yaml: warning: line 7: spec.model.source: hf://org/model is not on this machine and was not looked at\n',
  });
});

test('a source in a claim is for a cluster: validate did not look at it, run refuses it before anything starts', async () => {
  await completeProject();
  const manifest = (await read('my.yaml')).replace('./model', 'pvc://shared/model');
  await writeFile(join(dir, 'my.yaml'), manifest);
  expect(await cftValidate(['-f', 'my.yaml'])).toMatchObject({
    status: 0,
    stderr: expect.stringContaining('pvc://shared/model is not on this machine'),
  });
  const { status, stderr } = await node([join(repository, 'bin/cft.ts'), 'run', '-f', 'my.yaml']);
  expect({ status, stderr }).toEqual({
    status: 2,
    stderr: `InvalidManifest: 1 problem in the manifest
  line 7: spec.model.source: pvc://shared/model lies in a volume of a cluster
  in   my.yaml
  try  copy it to this machine and name its path here, or start the run in the cluster: kubectl apply -f
`,
  });
  await writeFile(join(dir, 'my.yaml'), manifest.replace('shared', 'Shared'));
  expect(await cftValidate(['-f', 'my.yaml'])).toMatchObject({
    status: 2,
    stderr: expect.stringContaining('spec.model.source: must be pvc://claim/path, with the name of a claim'),
  });
});

test('wrong use and a missing manifest end in one clear error', async () => {
  expect(await cftValidate([])).toMatchObject({ status: 2, stderr: expect.stringContaining('which manifest?') });
  expect(await cftValidate(['my.yaml'])).toMatchObject({
    status: 2,
    stderr: expect.stringContaining('cft validate -f FILE'),
  });
  expect(await cftValidate(['-f', 'none.yaml'])).toMatchObject({
    status: 2,
    stderr: 'FileNotFound: cannot read the manifest\n  in   none.yaml\n  try  pass the path of a YAML file with -f\n',
  });
  expect(await cftValidate(['--help'])).toMatchObject({
    status: 0,
    stdout: expect.stringMatching(/^Usage: cft validate/),
  });
});

function read(name: string): Promise<string> {
  return readFile(join(dir, name), 'utf8');
}
