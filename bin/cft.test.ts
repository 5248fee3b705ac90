import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { CftError } from '../crds/errors.ts';
import { commands, usage } from './commands.ts';
import { describeFailure } from './failure.ts';

const launcher = join(import.meta.dirname, 'cft');

function cft(...args: string[]) {
  return spawnSync(launcher, args, { encoding: 'utf8' });
}

describe('command line', () => {
  test('without a command it shows the commands and fails; with --help it does not fail', () => {
    expect(cft()).toMatchObject({ status: 2, stdout: usage() });
    expect(cft('--help')).toMatchObject({ status: 0, stdout: usage(), stderr: '' });
    for (const name of Object.keys(commands)) expect(usage()).toContain(`  ${name} `);
  });

  test.each(['trian', 'constructor', '--manifest'])('an unknown command is wrong usage: %s', (name) => {
    const { status, stdout, stderr } = cft(name);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toContain(`there is no command "${name}"`);
    expect(stderr).toContain('  try  ');
  });

  test('a reader that goes away early is no error', () => {
    const { status, stderr } = spawnSync('sh', ['-c', `'${launcher}' --help | true`], { encoding: 'utf8' });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  });
});

describe('failures', () => {
  test('an error of ours says what, where and what to do, without a stack', () => {
    const error = new CftError('FileNotFound', 'no model', { where: 'm', hint: 'make one', cause: new Error('inner') });
    expect(describeFailure(error, false)).toEqual({
      text: 'FileNotFound: no model\n  in   m\n  try  make one',
      exitCode: 2,
    });
    expect(describeFailure(error, true).text).toContain('inner');
  });

  test('any other error is told as a bug, its stack only on demand', () => {
    const { text, exitCode } = describeFailure(new TypeError('x is undefined'), false);
    expect(text).toContain('Internal: TypeError: x is undefined');
    expect(text).not.toContain('failures');
    expect(exitCode).toBe(1);
    expect(describeFailure(new TypeError('x is undefined'), true).text).toContain('cft.test.ts');
    expect(describeFailure('a string', true).text).toContain('a string');
  });
});

describe('launcher', () => {
  let checkout: string;
  beforeEach(() => {
    checkout = mkdtempSync(join(tmpdir(), 'cft launcher '));
    mkdirSync(join(checkout, 'bin'));
    mkdirSync(join(checkout, 'scripts'));
    cpSync(launcher, join(checkout, 'bin/cft'));
    chmodSync(join(checkout, 'bin/cft'), 0o755);
    writeFileSync(join(checkout, 'bin/cft.ts'), 'console.log(JSON.stringify(process.argv.slice(2)));');
    const setUp = `mkdir -p "$(dirname "$0")/../node_modules/.cft"; touch "$(dirname "$0")/../node_modules/.cft/setup.json"`;
    writeFileSync(join(checkout, 'scripts/setup.sh'), setUp);
    writeFileSync(
      join(checkout, 'scripts/setup.mjs'),
      `import { execFileSync } from 'node:child_process';
       console.log('setting up');
       execFileSync('sh', [new URL('setup.sh', import.meta.url).pathname.replaceAll('%20', ' ')]);`,
    );
  });
  afterEach(() => rmSync(checkout, { recursive: true, force: true }));

  const start = (path: string, ...args: string[]) => spawnSync(path, args, { encoding: 'utf8' });

  test('sets a fresh checkout up first, once, and keeps standard output for the command', () => {
    const first = start(join(checkout, 'bin/cft'), 'run', 'two words', '');
    expect(first).toMatchObject({ status: 0, stdout: '["run","two words",""]\n' });
    expect(first.stderr).toContain('not set up yet');
    expect(first.stderr).toContain('setting up');
    expect(start(join(checkout, 'bin/cft'), 'x')).toMatchObject({ stdout: '["x"]\n', stderr: '' });
  });

  test('a set-up that fails ends it with the same status', () => {
    writeFileSync(join(checkout, 'scripts/setup.mjs'), 'process.exitCode = 1;');
    expect(start(join(checkout, 'bin/cft'), 'run')).toMatchObject({ status: 1, stdout: '' });
  });

  test('works through the link that npx starts', () => {
    symlinkSync(join(checkout, 'bin/cft'), join(checkout, 'link'));
    expect(start(join(checkout, 'link'), 'a').stdout).toBe('["a"]\n');
  });

  test('exit statuses and signals are those of cft itself', async () => {
    const program = `process.on('SIGTERM', () => process.exit(7)); setInterval(() => {}, 1000); console.log(process.pid);`;
    writeFileSync(join(checkout, 'bin/cft.ts'), program);
    start('sh', join(checkout, 'scripts/setup.sh'));
    const child = spawn(join(checkout, 'bin/cft'), [], { stdio: ['ignore', 'pipe', 'inherit'] });
    expect(await firstLine(child)).toBe(String(child.pid));
    child.kill('SIGTERM');
    expect(await new Promise((resolve) => child.on('exit', resolve))).toBe(7);
  });
});

function firstLine(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => child.stdout?.once('data', (data) => resolve(String(data).trim())));
}
