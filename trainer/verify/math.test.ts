import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createMathVerifier } from './math.ts';
import type { Verdict } from './verifier.ts';

const verifier = createMathVerifier();

async function verdict(response: string, answer: string): Promise<Verdict> {
  const [found] = await verifier.verify([{ response, answer }]);
  return found as Verdict;
}

interface Pair {
  group: string;
  response: string;
  answer: string;
  correct: boolean;
}
async function lines<T>(name: string): Promise<T[]> {
  const text = await readFile(join(import.meta.dirname, 'testdata', name), 'utf8');
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as T);
}

const pairs = [...(await lines<Pair>('math-pairs.jsonl')), ...(await lines<Pair>('math-forms.jsonl'))];
const groups = Map.groupBy(pairs, ({ correct, group }) => `${correct ? 'accepts' : 'refuses'}: ${group}`);

describe('the labelled pairs', () => {
  test.each([...groups])('%s', async (_, group) => {
    for (const { response, answer, correct } of group) {
      const found = await verdict(response, answer);
      expect({ response, answer, ...found }).toMatchObject({ correct });
    }
  });

  test('hold in the other direction as well, where both sides are bare numbers', async () => {
    const bare = pairs.filter(({ response, answer }) =>
      [response, answer].every((text) => /^-?\d(?:[\d./ -]|,(?! ))*$/.test(text)),
    );
    expect(bare.length).toBeGreaterThan(30);
    for (const { response, answer, correct } of bare) {
      expect({ response, answer, ...(await verdict(answer, response)) }).toMatchObject({ correct });
    }
  });
});

describe('GSM8K reference solutions', async () => {
  const rows = await lines<{ question: string; answer: string }>('gsm8k-sample.jsonl');
  const finals = rows.map(({ answer }) => (answer.split('#### ')[1] as string).replaceAll(',', ''));

  test('verify against themselves, with the final answer of the data set', async () => {
    const found = await verifier.verify(rows.map(({ answer }) => ({ response: answer, answer })));
    expect(found).toEqual(finals.map((final) => ({ correct: true, score: 1, extracted: final, expected: final })));
  });

  test('verify against another question only where the answers are the same number', async () => {
    for (let shift = 1; shift <= 5; shift++) {
      const other = (i: number) => (i + shift) % rows.length;
      const found = await verifier.verify(
        rows.map(({ answer }, i) => ({ response: rows[other(i)]?.answer as string, answer })),
      );
      const same = finals.map((final, i) => Number(final) === Number(finals[other(i)]));
      expect(found.map(({ correct }) => correct)).toEqual(same);
    }
  });

  test('a response that repeats the question and ends with it has no answer, whatever number stands there', async () => {
    const asking = rows.filter(({ question }) => /\b(?:how|what)\b[^.]*\?$/i.test(question));
    expect(asking.length).toBeGreaterThan(150);
    const found = await verifier.verify(asking.map(({ question, answer }) => ({ response: question, answer })));
    expect(found.filter(({ extracted }) => extracted !== undefined)).toEqual([]);
    expect(await verdict('How many are 5 + 3? It is 8.', '8')).toMatchObject({ correct: true });
    expect(await verdict('Find 5 + 3. The answer is 8. What is next?', '8')).toMatchObject({ correct: true });
  });

  test('cut off before the final answer, seldom verify', async () => {
    const cut = rows.map(({ answer }) => ({
      response: answer.slice(0, answer.indexOf('####')).split('\n')[0] as string,
      answer,
    }));
    const several = cut.filter(({ answer }) => answer.split('\n').length > 3);
    const found = await verifier.verify(several);
    expect(found.filter(({ correct }) => correct).length / several.length).toBeLessThan(0.15);
  });
});

/** A number as `numerator / 10^places`, and the ways to write it. */
const decimals = fc.record({
  digits: fc.bigInt(0n, 10n ** 12n),
  places: fc.integer({ min: 0, max: 5 }),
  negative: fc.boolean(),
});
type Decimal = typeof decimals extends fc.Arbitrary<infer T> ? T : never;

function plain({ digits, places, negative }: Decimal): string {
  const text = digits.toString().padStart(places + 1, '0');
  const point = text.length - places;
  return `${negative && digits !== 0n ? '-' : ''}${text.slice(0, point)}${places === 0 ? '' : `.${text.slice(point)}`}`;
}

const grouped = (text: string, separator: string) => {
  const [whole, fraction] = text.split('.') as [string, string | undefined];
  return whole.replace(/\B(?=(\d{3})+$)/g, separator) + (fraction === undefined ? '' : `.${fraction}`);
};

const BARE: readonly ((number: Decimal) => string)[] = [
  plain,
  (number) => grouped(plain(number), ','),
  (number) => grouped(plain(number), '{,}'),
  (number) => grouped(plain(number), '\u202F'),
  (number) => plain(number).replace('-', '−'),
  (number) => `${plain(number)}${number.places === 0 ? '.' : ''}00`,
  (number) => plain(number).replace(/\d/, '00$&'),
  (number) => `${number.negative ? '-' : ''}\\frac{${number.digits}}{${10n ** BigInt(number.places)}}`,
  (number) => `${number.negative ? '-' : ''}${number.digits * 3n}/${3n * 10n ** BigInt(number.places)}`,
  (number) => `${number.negative ? '-' : ''}${number.digits}e-${number.places}`,
  (number) => `${number.negative ? '-' : ''}${number.digits} \\times 10^{-${number.places}}`,
];
const FORMATS: typeof BARE = [
  ...BARE,
  (number) => `$${plain(number)}`,
  (number) => plain(number).replace(/^-?/, '$&\\$'),
  (number) => `${plain(number)} apples`,
  (number) => `${plain(number)}\\text{ km}`,
];
const STATEMENTS: readonly ((number: string) => string)[] = [
  (number) => `3 + 4 = 7\n#### ${number}`,
  (number) => `First 3, then 4.\nSo we get \\boxed{${number}}.`,
  (number) => `It takes 3 and 4. The answer is ${number}.`,
  (number) => `**Answer:** ${number}`,
  (number) => number,
];
const written = (number: fc.Arbitrary<Decimal>) =>
  fc.record({ number, format: fc.constantFrom(...FORMATS), statement: fc.constantFrom(...STATEMENTS) });
const same = (a: Decimal, b: Decimal) => {
  const scale = ({ digits, places, negative }: Decimal) => (negative ? -digits : digits) * 10n ** BigInt(5 - places);
  return scale(a) === scale(b);
};

describe('a number', () => {
  test('written in any accepted way equals itself', async () => {
    await fc.assert(
      fc.asyncProperty(
        written(decimals),
        fc.constantFrom(...BARE),
        async ({ number, format, statement }, reference) => {
          const response = statement(format(number));
          expect({ response, ...(await verdict(response, reference(number))) }).toMatchObject({ correct: true });
        },
      ),
      { numRuns: 2000 },
    );
  });

  test('never equals another one, however they are written', async () => {
    const near = fc.oneof(
      fc.record({ digits: fc.bigInt(0n, 30n), places: fc.integer({ min: 0, max: 2 }), negative: fc.boolean() }),
      decimals,
    );
    await fc.assert(
      fc.asyncProperty(
        written(near),
        near,
        fc.constantFrom(...BARE),
        async ({ number, format, statement }, other, reference) => {
          const response = statement(format(number));
          const answer = reference(other);
          expect({ response, answer, ...(await verdict(response, answer)) }).toMatchObject({
            correct: same(number, other),
          });
        },
      ),
      { numRuns: 4000 },
    );
  });

  test('has one text in verdicts, whichever way it was written', async () => {
    await fc.assert(
      fc.asyncProperty(decimals, fc.constantFrom(...FORMATS), async (number, format) => {
        const { extracted } = await verdict(`#### ${format(number)}`, '1');
        expect(extracted).toBe((await verdict(`#### ${plain(number)}`, '1')).extracted);
      }),
    );
  });
});

describe('any response', () => {
  const piece = fc.oneof(
    fc.constantFrom(
      '####',
      '\\boxed{',
      '}',
      '{',
      '\\frac',
      '\\frac{1}{',
      '$',
      ',',
      '.',
      '-',
      '/',
      '^',
      ':',
      ' ',
      '\n',
      'the answer is',
      '%',
      '\\',
      '**',
      '<<',
      '>>',
      '½',
      '×10^',
      'e9',
      '1,234',
    ),
    fc.string({ maxLength: 6 }),
    fc.nat().map(String),
  );
  test('gets a verdict, the same each time', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { maxLength: 30 }), async (pieces) => {
        const response = pieces.join('');
        const first = await verdict(response, '42');
        expect(first.expected).toBe('42');
        expect(await verdict(response, '42')).toEqual(first);
      }),
      { numRuns: 2000 },
    );
  });

  test.each([
    '1',
    '1,',
    '1.',
    '1/',
    '1 ',
    '-',
    '$',
    '{',
    '\\boxed{',
    '####',
    '#### 1\n',
    '**',
    '<<',
    'a ',
    'answer ',
    'answer is ',
    '\\frac{',
    '1 and ',
    '½',
    '(',
    '= 1',
    '1:1',
    'é',
  ])('that repeats %j is judged in time that grows no faster than its length times a constant', async (unit) => {
    const once = async (response: string) => {
      const start = performance.now();
      await verdict(response, '42');
      return performance.now() - start;
    };
    // The best of three: others may use the machine at the same time.
    const time = async (length: number) => {
      const response = unit.repeat(Math.ceil(length / unit.length));
      return Math.min(await once(response), await once(response), await once(response));
    };
    await time(4000);
    const [short, long] = [await time(4000), await time(32_000)];
    // Eight times the length; quadratic work would take 64 times as long.
    expect(long).toBeLessThan(Math.max(short, 20) * 40);
  });
});

test('a last line `A: 42` marks the answer, in references as well; other lines that begin so do not', async () => {
  expect(await verdict('6 * 7 = 42\nA: 42', 'Seven times $$<<6*7=42>>42\nmakes it\nA: 42')).toMatchObject({
    correct: true,
  });
  expect(await verdict('A: 5 apples\nB: 6 apples', '6')).toMatchObject({ correct: true });
});

test('a reference that states no answer is an error, not a wrong response', async () => {
  const rejects = (answer: string) => expect(verdict('42', answer)).rejects;
  await rejects('  ').toMatchObject({ code: 'InvalidRecord' });
  const formulas = '$y_1=1-x$\n$y_2=y_1 \\ln x+4x$';
  expect(await verdict(`\\boxed{${formulas}}`, formulas)).toMatchObject({ correct: true });
  expect(await verdict('4', formulas)).toMatchObject({ correct: false });
  await rejects('It costs $$<<3+4=7>>7.\nThen $8 more.').toMatchObject({ code: 'InvalidRecord' });
  await rejects('First 3 and 4.\nThen 7 of them.').toMatchObject({
    code: 'InvalidRecord',
    hint: expect.stringContaining('####'),
  });
});
