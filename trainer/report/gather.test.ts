import { appendFileSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { renderPage } from './page.ts';
import { writeSyntheticRun } from './testdata.ts';
import { gatherAt, temporaryDirectory } from './testing.ts';

const SMALL = { responses: 30, questions: 200, steps: 24 };
const ANNOTATIONS = 'annotations/shard-00000-of-00002.jsonl';

test('a whole run: names, data, results in order, the chosen trials, criticality and examples', async () => {
  const runDir = temporaryDirectory();
  writeSyntheticRun(runDir, SMALL);
  const { run, results, trials, criticality, examples } = await gatherAt(runDir);
  expect(run).toMatchObject({ name: 'gsm8k-equations', criterion: 'strict-3', verifier: 'math' });
  expect(run.generated?.questions).toBe(56);
  expect(run.stages.every(({ state, seconds }) => state === 'succeeded' && (seconds ?? 0) > 0)).toBe(true);
  expect([...new Set(run.stages.map(({ kind }) => kind))]).toEqual(['generate', 'annotate', 'train', 'evaluate']);
  expect(results.map(({ dataset, rows }) => [dataset, ...rows.map(({ variant }) => variant)])).toEqual([
    ['held-out', 'base', 'sft', 'cft', 'random'],
  ]);
  expect(results[0]?.comparisons.map(({ first, second }) => `${second} against ${first}`)).toEqual([
    'sft against base',
    'cft against base',
    'random against base',
    'cft against sft',
    'cft against random',
  ]);
  expect(trials).toHaveLength(9);
  expect(trials.filter(({ chosen }) => chosen).map(({ variant }) => variant)).toEqual(['sft', 'cft', 'random']);
  for (const variant of ['sft', 'cft', 'random']) {
    const own = trials.filter((trial) => trial.variant === variant);
    const best = Math.max(...own.map((trial) => trial.validationAccuracy ?? 0));
    expect(own.find(({ chosen }) => chosen)?.validationAccuracy).toBe(best);
  }
  expect(criticality?.responses).toBe(30);
  expect(examples).toHaveLength(12);
});

test('a comparison counts the questions that only one of the two got right', async () => {
  const runDir = temporaryDirectory();
  writeSyntheticRun(runDir, SMALL);
  const read = (file: string) =>
    readFileSync(join(runDir, 'evaluate', file), 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { correct: boolean });
  const [base, cft] = [read('base/greedy-held-out.jsonl'), read('cft/greedy-held-out-s0.jsonl')];
  const { results } = await gatherAt(runDir);
  const comparison = results[0]?.comparisons.find(({ first, second }) => first === 'base' && second === 'cft');
  expect(comparison?.paired?.discordant).toEqual({
    onlyFirst: base.filter(({ correct }, i) => correct && !cft[i]?.correct).length,
    onlySecond: base.filter(({ correct }, i) => !correct && cft[i]?.correct).length,
  });
  const [before, after] = [results[0]?.rows[0]?.accuracy ?? 0, results[0]?.rows[2]?.accuracy ?? 0];
  expect(comparison?.difference).toBeCloseTo(after - before, 12);
});

test('several data sets and seeds: a table each, the mean over the seeds', async () => {
  const runDir = temporaryDirectory();
  writeSyntheticRun(runDir, { ...SMALL, datasets: ['easy', 'hard'], seeds: [0, 1] });
  const { results, trials } = await gatherAt(runDir);
  expect(results.map(({ dataset }) => dataset)).toEqual(['easy', 'hard']);
  expect(trials.filter(({ chosen, variant }) => chosen && variant === 'cft').map(({ seed }) => seed)).toEqual([0, 1]);
  expect(results[1]?.rows.find(({ variant }) => variant === 'cft')?.trials).toHaveLength(2);
});

describe('a run of which something is missing still makes a report', () => {
  const without = async (...paths: string[]) => {
    const runDir = temporaryDirectory();
    writeSyntheticRun(runDir, SMALL);
    for (const path of paths) rmSync(join(runDir, path), { recursive: true });
    const data = await gatherAt(runDir);
    expect(renderPage(data)).toContain('</html>');
    return data;
  };

  test('annotations only', async () => {
    const data = await without('run.json', 'train', 'evaluate', 'stages', 'generate');
    expect(data.criticality?.responses).toBe(30);
    expect([data.results, data.trials]).toEqual([[], []]);
  });

  test('no annotations', async () => {
    const data = await without('annotations');
    expect(data.criticality).toBeUndefined();
    expect(data.results).toHaveLength(1);
  });

  test('no evaluation yet', async () => {
    const data = await without(
      'evaluate',
      ...['base', 'sft', 'cft', 'random'].map((name) => `stages/evaluate-${name}`),
    );
    expect(data.results).toEqual([]);
    expect(data.trials).toHaveLength(9);
  });

  test('no manifest: the stages say what there is', async () => {
    const data = await without('run.json');
    expect(data.results[0]?.rows.map(({ variant }) => variant).sort()).toEqual(['base', 'cft', 'random', 'sft']);
    expect(data.trials.find(({ variant }) => variant === 'cft')?.objective).toBe('critical');
  });

  test('evaluated, but without the single responses: the comparison says that it is unpaired', async () => {
    const data = await without('evaluate');
    expect(data.results[0]?.comparisons.every(({ paired }) => paired === undefined)).toBe(true);
    expect(renderPage(data)).toContain('two independent samples');
  });

  test('a stage that failed, one that has not ended, and what they wrote so far', async () => {
    const runDir = temporaryDirectory();
    writeSyntheticRun(runDir, SMALL);
    const path = join(runDir, 'stages/train-cft-lr3e-4-s0/result.json');
    const result = JSON.parse(readFileSync(path, 'utf8'));
    writeFileSync(path, JSON.stringify({ ...result, status: 'failed', metrics: {}, message: 'NotFinite: loss' }));
    rmSync(join(runDir, 'stages/evaluate-random/result.json'));
    const { warnings, trials } = await gatherAt(runDir);
    expect(warnings.find(({ reason }) => reason === 'StageFailed')?.message).toContain('train-cft-lr3e-4-s0');
    expect(warnings.find(({ reason }) => reason === 'StageUnfinished')?.message).toContain('evaluate-random');
    expect(trials.find(({ name }) => name === 'cft-lr3e-4-s0')).toMatchObject({ finished: false, chosen: false });
  });

  test('an empty directory', async () => {
    const data = await gatherAt(temporaryDirectory());
    expect(renderPage(data)).toContain('no annotations, trainings or evaluations yet');
  });

  test('a single response, and a single question', async () => {
    const runDir = temporaryDirectory();
    writeSyntheticRun(runDir, { responses: 1, questions: 1, steps: 1, learningRates: [1e-4] });
    expect(renderPage(await gatherAt(runDir))).toContain('</html>');
  });

  test('a last line that a stopped writer left unfinished', async () => {
    const runDir = temporaryDirectory();
    writeSyntheticRun(runDir, SMALL);
    const whole = await gatherAt(runDir);
    appendFileSync(join(runDir, ANNOTATIONS), '{"id":"q9","que');
    expect((await gatherAt(runDir)).criticality).toEqual(whole.criticality);
  });
});

describe('a file that cannot be what it should be is named, with the line', () => {
  const damaged = async (path: string, damage: (file: string) => void) => {
    const runDir = temporaryDirectory();
    writeSyntheticRun(runDir, SMALL);
    damage(join(runDir, path));
    return gatherAt(runDir).then(
      () => undefined,
      (error: unknown) => error,
    );
  };
  const changeLine = (line: number, change: (record: Record<string, unknown>) => unknown) => (file: string) => {
    const lines = readFileSync(file, 'utf8').split('\n');
    lines[line - 1] = JSON.stringify(change(JSON.parse(lines[line - 1] ?? '')));
    writeFileSync(file, lines.join('\n'));
  };

  test('a line that is not JSON', async () => {
    const error = await damaged(ANNOTATIONS, (file) => {
      const lines = readFileSync(file, 'utf8').split('\n');
      lines[2] = (lines[2] ?? '').slice(0, 40);
      writeFileSync(file, lines.join('\n'));
    });
    expect(error).toMatchObject({ code: 'CorruptFile', where: expect.stringMatching(/annotations\/shard-.*:3$/) });
  });

  test('a field of another type', async () => {
    const error = await damaged(
      ANNOTATIONS,
      changeLine(2, (record) => ({ ...record, question: 7 })),
    );
    expect(error).toMatchObject({ code: 'CorruptFile', where: expect.stringMatching(/:2$/) });
    expect(String(error)).toContain('question');
  });

  test('masks of another length than the tokens', async () => {
    const error = await damaged(
      ANNOTATIONS,
      changeLine(1, (record) => ({ ...record, masks: { 'strict-2': [1], 'strict-3': [0] } })),
    );
    expect(error).toMatchObject({ code: 'CorruptFile' });
    expect(String(error)).toMatch(/masks\.strict-2: has 1 entries for \d+ tokens/);
  });

  test('results and logs', async () => {
    const cut = (file: string) => truncateSync(file, 30);
    expect(await damaged('run.json', cut)).toMatchObject({ code: 'CorruptFile' });
    expect(await damaged('stages/evaluate-base/result.json', cut)).toMatchObject({ code: 'CorruptFile' });
    const log = 'train/cft-lr1e-4-s0/log.jsonl';
    const error = await damaged(
      log,
      changeLine(5, (record) => ({ ...record, step: 'five' })),
    );
    expect(error).toMatchObject({ code: 'CorruptFile', where: expect.stringContaining(`${log}:5`) });
  });
});

test('the same run directory gives the same page', async () => {
  const [a, b] = [temporaryDirectory(), temporaryDirectory()];
  for (const runDir of [a, b]) writeSyntheticRun(runDir, SMALL);
  expect(renderPage(await gatherAt(b))).toBe(renderPage(await gatherAt(a)));
});
