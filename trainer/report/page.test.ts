import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { AnnotatedResponse, ReportData } from './data.ts';
import { renderPage } from './page.ts';
import { pageScript } from './script.ts';
import { styleSheet } from './style.ts';
import { writeSyntheticRun } from './testdata.ts';
import { EMPTY_REPORT, gatherAt, temporaryDirectory } from './testing.ts';
import { standaloneText, visibleText } from './tokens.ts';

const DATA: ReportData = {
  ...EMPTY_REPORT,
  run: { ...EMPTY_REPORT.run, reportedAt: '2026-03-04T15:00:00.000Z' },
};

/** A page in which every text that can come from a file is `text`. */
function pageOf(text: string): string {
  const alternative = {
    rank: 2,
    text,
    probability: 0.1,
    outcome: 'wrong',
    extracted: text,
    finish: 'eos',
    length: 3,
  } as const;
  const token = { text, gap: '', special: false, critical: 'strict-3', probability: 0.9, entropy: 0.1 } as const;
  const example: AnnotatedResponse = {
    id: text,
    question: text,
    answer: text,
    ratio: 1,
    omitted: 0,
    tokens: [{ ...token, alternatives: [alternative] }],
  };
  const counts = { tokens: 1, strict2: 1, strict3: 1 };
  const trial = {
    name: text,
    variant: text,
    objective: 'critical',
    method: 'lora',
    learningRate: 1e-4,
    seed: 0,
    chosen: true,
    finished: true,
    log: [{ step: 1, loss: 0.5, learningRate: 1e-4, validation: undefined }],
    steps: 1,
    bestStep: 1,
    validationAccuracy: 0.5,
    validationLoss: 0.5,
    validationEntropy: 0.4,
    tokensTrained: 10,
    skippedSteps: 0,
  } as const;
  const row = {
    variant: text,
    count: 10,
    accuracy: 0.5,
    low: 0.2,
    high: 0.8,
    passAt: [],
    entropy: { all: 0.4, critical: undefined, other: undefined },
  };
  const comparison = {
    first: text,
    second: text,
    difference: 0.1,
    low: -0.1,
    high: 0.3,
    paired: undefined,
    distinct: false,
  };
  return renderPage({
    ...DATA,
    run: { ...DATA.run, name: text, model: text, data: [{ role: 'Trained on', source: text }], verifier: text },
    warnings: [{ reason: 'X', message: text, advice: text }],
    results: [{ dataset: text, rows: [{ ...row, trials: [trial] }], comparisons: [comparison] }],
    trials: [trial],
    criticality: {
      ...counts,
      responses: 1,
      ratios: { 'strict-2': [1], 'strict-3': [1] },
      positions: [counts],
      texts: [{ ...counts, text }],
      distinctTexts: 1,
      entropy: { all: 0.1, critical: 0.1, other: 0.1 },
      rollouts: { correct: 1, wrong: 1, skipped: 0 },
      nearTies: 0,
    },
    examples: [example],
  });
}

/** The page's tags with their attributes' names, in order: what a parser would build, without any text. */
function skeleton(page: string): string[] {
  return [...page.matchAll(/<(?:"[^"]*"|[^">])*>/g)].map(([tag]) => tag.replace(/"[^"]*"/g, '""'));
}

test('no text from a file, whatever it holds, changes the structure of the page', () => {
  const plain = skeleton(pageOf('x'));
  expect(plain.length).toBeGreaterThan(150);
  const nasty = fc.constantFrom(
    '</script><b>',
    '"><img src=x onerror=alert(1)>',
    "'-->",
    '<!--',
    '</style>',
    ']]>',
    '&#60;b&#62;',
  );
  const text = fc
    .oneof(
      fc.string({ unit: 'binary', minLength: 1 }),
      fc.tuple(nasty, fc.string(), nasty).map((parts) => parts.join('')),
    )
    .filter((value) => value.trim() !== '' && !value.endsWith('\n'));
  fc.assert(
    fc.property(text, (value) => {
      expect(skeleton(pageOf(value))).toEqual(plain);
    }),
  );
});

test('the data in the page reads back as it was written', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'binary', minLength: 1 }).filter((text) => text.trim() !== ''),
      (text) => {
        const blocks = [...pageOf(text).matchAll(/<script type="application\/json">(.*?)<\/script>/g)];
        const tokens = JSON.parse(blocks.at(-1)?.[1] ?? '') as [string, string, string, number, [number, string][]][];
        expect(tokens[0]?.[0]).toBe(standaloneText(text));
        expect(tokens[0]?.[4][0]?.[1]).toBe(standaloneText(text));
      },
    ),
  );
});

test('every character of a token can be seen', () => {
  expect(visibleText('\n')).toBe('↵');
  expect(visibleText('  ')).toBe('··');
  expect(visibleText(' is')).toBe(' is');
  expect(standaloneText(' is ')).toBe('·is·');
  expect(visibleText('\t')).toBe('→');
  expect(visibleText('')).toBe('∅');
  expect(visibleText('a\u202eb\u200b')).toBe('a‹U+202E›b‹U+200B›');
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const shown = visibleText(text);
      expect(shown.trim()).not.toBe('');
      expect(shown).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
    }),
  );
});

test('the page refers to nothing outside itself', () => {
  const page = pageOf('x');
  expect(page).not.toMatch(/\b(?:src|href)="(?!#|data:,)/);
  expect(page).not.toMatch(/url\(|@import|https?:/);
  expect(styleSheet).not.toMatch(/url\(|@import|https?:|<\//);
  expect(pageScript).not.toMatch(/fetch|XMLHttpRequest|https?:|<\//);
  expect(page).toMatch(/default-src 'none'/.source.replaceAll("'", '&#39;'));
});

test('a long run makes a page of less than 2 MB', async () => {
  const runDir = temporaryDirectory();
  writeSyntheticRun(runDir, {
    responses: 600,
    questions: 300,
    steps: 3000,
    learningRates: [1e-5, 3e-5, 1e-4, 3e-4, 1e-3],
    seeds: [0, 1, 2],
  });
  const page = renderPage(await gatherAt(runDir));
  expect(Buffer.byteLength(page)).toBeLessThan(2e6);
});

test('a difference inside the noise is told as such, and neither bold nor in the headline as a gain', async () => {
  const runDir = temporaryDirectory();
  writeSyntheticRun(runDir, {
    responses: 20,
    questions: 40,
    steps: 8,
    variants: [{ name: 'cft', objective: 'critical' }],
  });
  const data = await gatherAt(runDir);
  expect(data.results[0]?.comparisons[0]?.distinct).toBe(false);
  const page = renderPage(data);
  expect(page).toContain('within noise of the base model’s');
  expect(page).toContain('The data do not tell the two apart.');
  expect(page).not.toContain('class="distinct"');
});
