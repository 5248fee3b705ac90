import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect, test } from 'vitest';

const cft = join(import.meta.dirname, '../../bin/cft.ts');

async function run(args: string[], input: string): Promise<{ code: number; out: string; err: string }> {
  const child = spawn(process.execPath, [cft, 'verify', ...args]);
  child.stdin.end(input);
  const [out, err, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  return { code: code as number, out, err };
}

const line = (response: string, answer: string | number) => `${JSON.stringify({ response, answer })}\n`;

describe('cft verify', () => {
  test('writes a verdict for each line, in order', async () => {
    const { code, out } = await run(
      ['--type', 'math', '--json'],
      `${line('#### 1,234', '1234')}\n${line('', 7)}${line('x = 8', '7')}`,
    );
    expect(code).toBe(0);
    expect(out).toBe(
      '{"correct":true,"score":1,"extracted":"1234","expected":"1234"}\n' +
        '{"correct":false,"score":0,"extracted":null,"expected":"7"}\n' +
        '{"correct":false,"score":0,"extracted":"8","expected":"7"}\n',
    );
  });

  test('answers a line before the next one has come', async () => {
    const child = spawn(process.execPath, [cft, 'verify', '--type', 'math', '--json']);
    const answers = child.stdout[Symbol.asyncIterator]();
    for (const number of ['1', '2']) {
      child.stdin.write(line(`#### ${number}`, '1'));
      const { value } = await answers.next();
      expect(JSON.parse(String(value))).toMatchObject({ correct: number === '1', extracted: number });
    }
    child.stdin.end();
    expect(await once(child, 'close')).toEqual([0, null]);
  });

  test('stops at a broken line with its number, after the verdicts before it', async () => {
    const { code, out, err } = await run(
      ['--type', 'math', '--json'],
      `${line('1', '1')}${line('2', '2')}{"response": \n${line('3', '3')}`,
    );
    expect(code).toBe(2);
    expect(out.trim().split('\n')).toHaveLength(2);
    expect(err).toMatch(/not JSON.*\n.*\(standard input\):3/);
  });

  test.each([
    ['{"response": "1"}\n', /answer: missing/],
    ['{"response": 1, "answer": "1"}\n', /response: must be text/],
    ['[]\n', /must be/],
    [line('1', ''), /reference answer is empty/],
  ])('refuses %j', async (input, message) => {
    const { code, out, err } = await run(['--type', 'math', '--json'], input);
    expect(code).toBe(2);
    expect(out).toBe('');
    expect(err).toMatch(message);
    expect(err).toContain('(standard input):1');
  });

  test('shows a table without --json', async () => {
    const { out } = await run(['--type', 'choice'], `${line('The answer is (B).', 'B')}${line('no idea', 'C')}`);
    expect(out).toMatch(/line +verdict +extracted +expected/);
    expect(out).toMatch(/1 +correct +B +B\n/);
    expect(out).toMatch(/2 +wrong +\(none\) +C\n/);
    expect(out).toMatch(/1 of 2 correct/);
  });

  test('takes the settings of each type', async () => {
    const first = await run(['--type', 'math', '--first', '--json'], line('#### 1\n#### 2', '1'));
    expect(JSON.parse(first.out)).toMatchObject({ correct: true, extracted: '1' });
    const partial = await run(['--type', 'math', '--threshold', '0.5', '--json'], line('\\boxed{1, 2}', '1, 3'));
    expect(JSON.parse(partial.out)).toMatchObject({ correct: true, score: 0.5 });
    const silent = await run(['--type', 'http', '--url', 'http://127.0.0.1:9/', '--json'], '');
    expect(silent).toMatchObject({ code: 0, out: '' });
    const regex = await run(
      ['--type', 'regex', '--pattern', 'is (\\w+)', '--flags', 'i', '--json'],
      line('It IS x', 'x'),
    );
    expect(JSON.parse(regex.out)).toEqual({ correct: true, score: 1, extracted: 'x', expected: 'x' });
    const exact = await run(['--type', 'exact', '--ignore-case', '--json'], line('X ', 'x'));
    expect(JSON.parse(exact.out)).toMatchObject({ correct: true });
    const choice = await run(['--type', 'choice', '--choices', 'yes,no', '--json'], line('Yes', 'yes'));
    expect(JSON.parse(choice.out)).toMatchObject({ correct: true });
  });

  test.each([
    [[], /--type is missing/],
    [['--type', 'maths'], /did you mean math/],
    [['--type', 'regex'], /pattern: missing/],
    [['--type', 'regex', '--pattern', '('], /Invalid regular expression/],
    [['--type', 'math', '--pattern', 'x'], /pattern: unknown field/],
    [['--type', 'math', '--wrong'], /--wrong/],
    [['--type', 'math', '/nowhere/at/all'], /does not exist/],
  ])('refuses the arguments %j', async (args, message) => {
    const { code, err } = await run(args, '');
    expect(code).toBe(2);
    expect(err).toMatch(message);
  });
});
